//! Flux's kinds in the API server.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{ApiServer, START_LIMIT};

impl ApiServer {
    /// Installs every CRD of `folder` and waits until each is served.
    pub fn install_crds(&self, folder: &Path) {
        self.install_crds_called(folder, &[""]);
    }

    /// The same of those whose files are called so at their beginning.
    pub(super) fn install_crds_called(&self, folder: &Path, names: &[&str]) {
        let collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let entries = fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
        let files = entries.map(|entry| entry.expect("a readable folder").path());
        let is_called = |file: &PathBuf| {
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            names.iter().any(|name| file.starts_with(name))
        };
        let files: Vec<_> = files.filter(is_called).collect();
        let mut names = Vec::new();
        for file in &files {
            let text = fs::read_to_string(file).expect("a readable CRD");
            let crd: Value = serde_json::from_str(&text).expect("CRDs are JSON");
            let name = crd["metadata"]["name"]
                .as_str()
                .expect("a CRD has a name")
                .to_owned();
            let path =
                format!("{collection}/{name}?fieldManager=tests&force=true&fieldValidation=Strict");
            let verdict = self
                .send("PATCH", &path, "application/apply-patch+yaml", &text)
                .0;
            assert!(
                verdict.is_accepted(),
                "cannot install {}: {verdict:?}",
                file.display()
            );
            names.push(name);
        }
        let deadline = Instant::now() + START_LIMIT;
        for name in names {
            while !self
                .read(&format!("{collection}/{name}"))
                .is_some_and(|crd| self.is_served(&crd))
            {
                assert!(
                    Instant::now() < deadline,
                    "CRD `{name}` is not established after {START_LIMIT:?}"
                );
                sleep(Duration::from_millis(50));
            }
        }
    }

    /// Established alone is not enough: the paths and the list of kinds follow a moment later.
    fn is_served(&self, crd: &Value) -> bool {
        let is_established =
            |entry: &Value| entry["type"] == "Established" && entry["status"] == "True";
        let group = crd["spec"]["group"].as_str().expect("a CRD has a group");
        let version = crd["spec"]["versions"][0]["name"]
            .as_str()
            .expect("a CRD has a version");
        let plural = &crd["spec"]["names"]["plural"];
        let lists_it = |list: Value| {
            list["resources"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["name"] == *plural))
        };
        crd["status"]["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(is_established))
            && self
                .read(&format!("/apis/{group}/{version}"))
                .is_some_and(lists_it)
            && self
                .read(&format!(
                    "/apis/{group}/{version}/{}",
                    plural.as_str().unwrap_or_default()
                ))
                .is_some()
    }
}
