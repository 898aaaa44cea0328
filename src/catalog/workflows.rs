//! The workflows of GitHub whose success concerns an object, where somebody listed them.

const FOLDER: &str = ".github/workflows/";

/// The entries of the annotation `flux-setup.dev/workflow`, separated by commas: `OWNER/REPO/FILE`,
/// where `FILE` is a file below `.github/workflows` or the name that the workflow gives itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workflows(Box<str>);

impl Workflows {
    pub fn read(text: &str) -> Self {
        Self(text.into())
    }

    /// The entry that names a workflow of the repository `full_name`. What is no entry names none.
    ///
    /// `path` is its file as GitHub writes it, `.github/workflows/build.yaml`, also with `@` and a
    /// ref behind it; `name` is the name that it gives itself.
    pub fn entry(&self, full_name: &str, path: Option<&str>, name: Option<&str>) -> Option<&str> {
        let file = path.map(|path| {
            let path = path.split('@').next().unwrap_or(path);
            path.strip_prefix(FOLDER).unwrap_or(path)
        });
        self.0.split(',').map(str::trim).find(|entry| {
            let Some((repository, workflow)) = split(entry) else {
                return false;
            };
            let workflow = workflow.strip_prefix(FOLDER).unwrap_or(workflow);
            repository.eq_ignore_ascii_case(full_name)
                && (file == Some(workflow) || name == Some(workflow))
        })
    }
}

/// The repository and the workflow of an entry.
fn split(entry: &str) -> Option<(&str, &str)> {
    let (owner, rest) = entry.split_once('/')?;
    let (name, workflow) = rest.split_once('/')?;
    let has_all = !owner.is_empty() && !name.is_empty() && !workflow.is_empty();
    has_all.then(|| (&entry[..owner.len() + 1 + name.len()], workflow))
}

#[cfg(test)]
mod tests {
    use super::Workflows;

    const BUILD: Option<&str> = Some(".github/workflows/build.yaml");

    #[test]
    fn a_workflow_is_named_by_its_file_or_its_name_and_its_repository_in_any_case() {
        let list = Workflows::read("acme/api/x.yaml, Acme/Web/build.yaml,acme/web/Build & push");
        let entry = |repository, path, name| list.entry(repository, path, name);
        assert_eq!(entry("acme/web", BUILD, None), Some("Acme/Web/build.yaml"));
        let at_ref = Some(".github/workflows/build.yaml@main");
        assert_eq!(entry("acme/WEB", at_ref, None), Some("Acme/Web/build.yaml"));
        let named = entry("acme/web", Some("dynamic/x"), Some("Build & push"));
        assert_eq!(named, Some("acme/web/Build & push"));
        for (repository, path, name) in [
            ("acme/api", BUILD, None),
            ("acme/web", Some(".github/workflows/Build.yaml"), None),
            (
                "acme/web",
                Some(".github/workflows/other.yaml"),
                Some("build"),
            ),
            ("acme/web", None, None),
            ("evil/web", BUILD, Some("Build & push")),
        ] {
            assert_eq!(entry(repository, path, name), None, "{repository} {path:?}");
        }
        let in_full = Workflows::read("acme/web/.github/workflows/build.yaml");
        assert!(in_full.entry("acme/web", BUILD, None).is_some());
    }

    #[test]
    fn what_is_no_entry_names_no_workflow() {
        for text in [
            "",
            ",",
            "acme",
            "acme/web",
            "acme/web/",
            "/web/build.yaml",
            "acme//build.yaml",
        ] {
            let list = Workflows::read(text);
            assert_eq!(list.entry("acme/web", BUILD, Some("")), None, "{text}");
        }
    }
}
