//! Which kind of Flux a template writes, as far as its text says so plainly.

/// The kinds that others of Flux refer to, by the groups of their API.
const KINDS: [(&str, &[&str]); 2] = [
    ("kustomize.toolkit.fluxcd.io", &["Kustomization"]),
    (
        "source.toolkit.fluxcd.io",
        &[
            "GitRepository",
            "OCIRepository",
            "Bucket",
            "ExternalArtifact",
        ],
    ),
];

/// The kind in the lines `apiVersion: …` and `kind: …` that no blank precedes; `None` where there is
/// none or more than one of them, where it is made by a tag, or of a kind that Flux refers to nowhere.
/// What the template then writes is held against it.
pub(super) fn written_kind(template: &str) -> Option<&'static str> {
    let api_version = only_value(template, "apiVersion:")?;
    let kind = only_value(template, "kind:")?;
    let (group, _) = api_version.split_once('/')?;
    let (_, kinds) = KINDS.iter().find(|(known, _)| *known == group)?;
    kinds.iter().find(|known| **known == kind).copied()
}

fn only_value<'t>(template: &'t str, key: &str) -> Option<&'t str> {
    let mut values = template.lines().filter_map(|line| {
        let value = line.strip_prefix(key)?.split(" #").next()?;
        Some(value.trim().trim_matches(['"', '\'']))
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::written_kind;

    #[test]
    fn a_kind_that_stands_plainly_in_a_template_is_known() {
        let kind = |api_version: &str, kind: &str| {
            written_kind(&format!(
                "# x\napiVersion: {api_version}\nkind: {kind}\nspec:\n  kind: x\n"
            ))
        };
        let kustomize = "kustomize.toolkit.fluxcd.io/v1";
        assert_eq!(kind(kustomize, "Kustomization # y"), Some("Kustomization"));
        assert_eq!(kind(kustomize, "'Kustomization'"), Some("Kustomization"));
        assert_eq!(kind(kustomize, "{{ vars.kind }}"), None);
        assert_eq!(kind(kustomize, "Other"), None);
        assert_eq!(
            kind("kustomize.config.k8s.io/v1beta1", "Kustomization"),
            None
        );
        assert_eq!(kind(kustomize, "Kustomization\nkind: b"), None);
        assert_eq!(
            kind("source.toolkit.fluxcd.io/v1", "OCIRepository"),
            Some("OCIRepository")
        );
    }
}
