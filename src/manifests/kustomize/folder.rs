//! Names below a folder of manifests, as kustomize's configuration writes them.

/// The names under which kustomize looks for its configuration.
const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whether a file of this name is kustomize's own.
pub fn is_kustomization_file(name: &str) -> bool {
    FILES.contains(&name)
}

/// What an entry leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// A path below the folder that is judged; empty for that folder itself.
    To(String),
    /// Above that folder.
    Out,
    /// To another machine.
    Away,
}

/// The folder of a file; empty for one at the top.
pub(super) fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(super) fn name_of(file: &str) -> &str {
    file.rsplit_once('/').map_or(file, |(_, name)| name)
}

/// Where an entry of the kustomization in `folder` leads.
pub(super) fn follow(folder: &str, entry: &str) -> Leads {
    if is_remote(entry) {
        return Leads::Away;
    }
    if entry.starts_with('/') {
        return Leads::Out;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in entry.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Leads::Out;
                }
            }
            part => parts.push(part),
        }
    }
    Leads::To(parts.join("/"))
}

/// Whether kustomize fetches it. Source: `NewRepoSpecFromURL` in `api/internal/git` of kustomize.
pub(super) fn is_remote(entry: &str) -> bool {
    let first = entry.split('/').next().unwrap_or_default();
    entry.contains("://")
        || entry.starts_with("git::")
        || entry.starts_with("git@")
        || entry.contains("?ref=")
        || entry.contains("//")
        || first == "github.com"
        || first.contains(':')
}

#[cfg(test)]
mod tests {
    use super::{Leads, follow};

    #[test]
    fn an_entry_leads_below_the_folder_out_of_it_or_away() {
        let to = |path: &str| Leads::To(path.to_owned());
        for (folder, entry, leads) in [
            ("", "a.yaml", to("a.yaml")),
            ("apps/eu", "../base/", to("apps/base")),
            ("apps", "./x/./y.yaml", to("apps/x/y.yaml")),
            ("apps", "..", to("")),
            ("apps", "../../x", Leads::Out),
            ("", "/etc/passwd", Leads::Out),
            ("", "https://example.com/a.yaml", Leads::Away),
            ("", "github.com/acme/web/deploy?ref=v1", Leads::Away),
            ("", "git@github.com:acme/web", Leads::Away),
        ] {
            assert_eq!(follow(folder, entry), leads, "{folder} {entry}");
        }
    }
}
