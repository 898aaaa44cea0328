//! The image is made without a container builder, and is what its manifest says, byte for byte.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::binary::repository;

/// Builds an image around a file that stands for the program.
fn built(folder: &Path, name: &str) -> Vec<u8> {
    let program = folder.join("program");
    fs::write(&program, "not a program").expect("the folder is ours");
    let image = folder.join(name);
    let output = Command::new(repository().join("image/build"))
        .arg("--binary")
        .args([&program, &image])
        .output()
        .expect("bash is there to run image/build");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    fs::read(image).expect("it was built")
}

fn unpacked(folder: &Path, image: &str) {
    let tar = Command::new("tar")
        .args(["-xf", image])
        .current_dir(folder)
        .status();
    assert!(tar.expect("tar is there").success());
}

/// What a descriptor describes: it has the digest and the size that it says.
fn blob(folder: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().expect("it has a digest");
    let (kind, hash) = digest.split_once(':').expect("it names its kind");
    let bytes = fs::read(folder.join("blobs").join(kind).join(hash)).expect("the blob is there");
    assert_eq!(hex::encode(Sha256::digest(&bytes)), hash);
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

#[test]
fn an_image_is_whole_and_the_same_for_the_same_program() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(built(folder, "one.tar"), built(folder, "two.tar"));
    unpacked(folder, "one.tar");
    let json = |bytes: &[u8]| -> Value { serde_json::from_slice(bytes).unwrap() };
    let layout = json(&fs::read(folder.join("oci-layout")).unwrap());
    assert_eq!(layout["imageLayoutVersion"], "1.0.0");
    let index = json(&fs::read(folder.join("index.json")).unwrap());
    let manifest = json(&blob(folder, &index["manifests"][0]));
    let config = json(&blob(folder, &manifest["config"]));
    let layer = blob(folder, &manifest["layers"][0]);
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&layer)));
    // The layer is not packed, so that both are of the same bytes.
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!([digest]));
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(
        config["config"]["Entrypoint"],
        serde_json::json!(["/flux-setup"])
    );
    // As older programs load it.
    let loaded = json(&fs::read(folder.join("manifest.json")).unwrap());
    let hash = digest.strip_prefix("sha256:").unwrap();
    assert_eq!(loaded[0]["Layers"][0], format!("blobs/sha256/{hash}"));
    let listed = Command::new("tar")
        .args(["-tv", "--numeric-owner", "-f"])
        .arg(folder.join("blobs/sha256").join(hash))
        .output()
        .expect("tar is there");
    let listed = String::from_utf8_lossy(&listed.stdout);
    for line in listed.lines() {
        // Who runs it may write there alone, to a new volume too.
        let is_data = line.ends_with(" ./var/lib/flux-setup/");
        let owner = if is_data { " 65532/65532 " } else { " 0/0 " };
        assert!(line.contains(owner), "{listed}");
    }
    assert!(listed.contains("./var/lib/flux-setup/"), "{listed}");
    let root = folder.join("root");
    fs::create_dir(&root).unwrap();
    unpacked(&root, &format!("../blobs/sha256/{hash}"));
    assert_eq!(fs::read(root.join("flux-setup")).unwrap(), b"not a program");
    let authorities = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(authorities.contains("-----BEGIN CERTIFICATE-----"));
}
