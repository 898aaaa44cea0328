//! Keys of Apps, as GitHub hands them out: RSA, PKCS#1, in PEM.

use std::process::Command;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{KeyPair, RsaKeyPair};

/// A private key for its App, and the public one by which GitHub knows it.
#[derive(Clone, Debug)]
pub struct AppKey {
    pub private_pem: String,
    pub public_der: Vec<u8>,
}

impl AppKey {
    /// A key that is made once in a process, for making one takes long.
    pub fn first() -> Self {
        static KEY: OnceLock<AppKey> = OnceLock::new();
        KEY.get_or_init(Self::generate).clone()
    }

    /// Another one, for what must not verify.
    pub fn second() -> Self {
        static KEY: OnceLock<AppKey> = OnceLock::new();
        KEY.get_or_init(Self::generate).clone()
    }

    fn generate() -> Self {
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "RSA"])
            .args(["-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"])
            .output()
            .expect("`openssl` is installed; it makes the keys of Apps");
        // Some versions write PKCS#8, of which the PKCS#1 key is the last part.
        let der = made.stdout;
        let mut starts = (0..der.len().min(40)).filter(|at| der[*at..].starts_with(&[0x30, 0x82]));
        let found = starts.find_map(|at| Some((at, RsaKeyPair::from_der(&der[at..]).ok()?)));
        let (start, pair) = found.expect("openssl makes keys that ring takes");
        let pkcs1 = &der[start..];
        let text = STANDARD.encode(pkcs1);
        let lines: Vec<&str> = (0..text.len())
            .step_by(64)
            .map(|from| &text[from..text.len().min(from + 64)])
            .collect();
        let (begin, end) = ("-----BEGIN RSA", "-----END RSA");
        let kind = "PRIVATE KEY-----";
        Self {
            private_pem: format!("{begin} {kind}\n{}\n{end} {kind}\n", lines.join("\n")),
            public_der: pair.public_key().as_ref().to_vec(),
        }
    }
}
