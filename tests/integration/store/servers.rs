//! The databases that the tests run on.

use std::fs;
use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use flux_setup::store::StoreUrl;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::api_server::free_ports;

use super::sqlite;

/// Makes a test of each function, on a SQLite file and on a PostgreSQL database of its own.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[test]
                fn $name() {
                    $crate::store::servers::on_sqlite(super::$name);
                }
            )*
        }
        mod on_postgres {
            $(
                #[test]
                #[ignore = "needs a PostgreSQL server"]
                fn $name() {
                    $crate::store::servers::on_postgres(super::$name);
                }
            )*
        }
    };
}
pub(super) use on_both;

pub fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(StoreUrl) -> F) {
    let folder = tempfile::tempdir().unwrap();
    block_on(test(sqlite(folder.path())));
}

/// On a database of the one server of this test binary.
pub fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(StoreUrl) -> F) {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    let server = SHARED.get_or_init(Postgres::start);
    block_on(async {
        let url = server.database().await;
        test(StoreUrl::read(&url, Path::new("")).unwrap()).await;
    });
}

pub fn block_on<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// A server that `tests/postgres/serve` runs; it ends with this, or when the process ends.
pub struct Postgres {
    folder: PathBuf,
    serve: Child,
    told: BufReader<ChildStdout>,
    databases: AtomicU32,
    /// It names the socket too.
    port: u16,
}

impl Postgres {
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// On a port of loopback with TLS too, by a certificate that nobody else trusts: returns its file and the port.
    pub fn start_with_tls() -> (Self, PathBuf, u16) {
        let [port] = free_ports();
        let server = Self::start_with(Some(port));
        let certificate = server.folder.join("server.crt");
        (server, certificate, port)
    }

    fn start_with(tls_port: Option<u16>) -> Self {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres");
        let found = Command::new(scripts.join("find")).output().unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        let programs = found.trim();
        assert!(
            !programs.is_empty(),
            "this test needs PostgreSQL's programs: install them (Debian: postgresql), or set FLUX_SETUP_POSTGRES"
        );
        let folder = tempfile::Builder::new()
            .prefix("flux-setup-postgres-")
            .tempdir()
            .unwrap()
            .keep(); // `serve` removes it
        if tls_port.is_some() {
            let names = ["localhost".to_owned()];
            let identity = rcgen::generate_simple_self_signed(names).unwrap();
            fs::write(folder.join("server.crt"), identity.cert.pem()).unwrap();
            let key = identity.signing_key.serialize_pem();
            fs::write(folder.join("server.key"), key).unwrap();
        }
        let mut serve = Command::new(scripts.join("serve"))
            .args([Path::new(programs), &folder])
            .args(tls_port.map(|port| port.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(serve.stdout.take().unwrap());
        let mut server = Self {
            folder,
            serve,
            told,
            databases: AtomicU32::new(0),
            port: tls_port.unwrap_or(5_432),
        };
        server.expect("ready");
        server
    }

    /// Makes a database and returns its URL.
    pub async fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let create = format!("CREATE DATABASE test_{number}");
        connection.execute(AssertSqlSafe(create)).await.unwrap();
        self.url(&format!("test_{number}"))
    }

    /// Whether its databases can be written, as where it has become a standby of another.
    pub async fn let_write(&self, lets: bool) {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let read_only = if lets { "off" } else { "on" };
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {read_only}");
        for sql in [&set, "SELECT pg_reload_conf()"] {
            connection
                .execute(AssertSqlSafe(sql.to_owned()))
                .await
                .unwrap();
        }
    }

    /// How many connections of the store are encrypted.
    pub async fn encrypted(&self) -> i64 {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let sql = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
            WHERE ssl AND application_name = 'flux-setup'";
        sqlx::query_scalar(sql)
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.display();
        let port = self.port;
        format!("postgres://tests@localhost:{port}/{database}?host={folder}")
    }

    /// As if its machine lost power.
    pub fn stop(&mut self) {
        self.tell("stop");
        self.expect("stopped");
    }

    pub fn start_again(&mut self) {
        self.tell("start");
        self.expect("ready");
    }

    /// Another server has all that is committed from now on; returns its socket.
    pub fn follow(&mut self) -> PathBuf {
        self.tell("follow");
        self.expect("follows");
        self.folder.join(".s.PGSQL.5433")
    }

    /// That other server takes over.
    pub fn promote(&mut self) {
        self.tell("promote");
        self.expect("promoted");
    }

    /// It answers nobody from now on.
    pub fn hang(&mut self) {
        self.tell("hang");
        self.expect("hangs");
    }

    pub fn go_on(&mut self) {
        self.tell("go on");
        self.expect("ready");
    }

    fn tell(&mut self, command: &str) {
        let stdin = self.serve.stdin.as_mut().unwrap();
        writeln!(stdin, "{command}").unwrap();
    }

    fn expect(&mut self, word: &str) {
        let mut line = String::new();
        self.told.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), word, "`serve` has printed why");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.serve.stdin.take());
        let _ = self.serve.wait();
    }
}
