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
        let pkcs8 = made.stdout;
        let pair = RsaKeyPair::from_pkcs8(&pkcs8).expect("openssl makes keys that ring takes");
        // The PKCS#1 key is the last part of the PKCS#8 one: the second SEQUENCE of its long form.
        let sequences: Vec<usize> = (0..40)
            .filter(|at| pkcs8[*at..].starts_with(&[0x30, 0x82]))
            .collect();
        let pkcs1 = &pkcs8[sequences[1]..];
        RsaKeyPair::from_der(pkcs1).expect("the inner key is PKCS#1");
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
