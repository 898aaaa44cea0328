//! What the API server takes and Flux, or a reader of YAML, then chokes on.

use super::duration::{GoDurationFault, parse_go};
use super::fault::{Fault, Path};
use super::git_ref;
use super::semver::Constraint;
use super::yaml::{Entry, Node, Span, Value};

/// Nanoseconds; the least that kustomize-controller is documented for, and the least at which its
/// health checks, which run up to 30 s at least, can end before the next run.
///
/// Source: `docs/spec/v1/kustomizations.md` of kustomize-controller; `GetTimeout` in its API.
const KUSTOMIZATION_INTERVAL: i64 = 60_000_000_000;

/// All that is wrong with a document that the API server takes.
pub fn lint(document: &Node) -> Vec<Fault> {
    let mut faults = Vec::new();
    ambiguous(document, &Path::ROOT, &mut faults);
    let text = |key: &str| document.get(key).and_then(Node::as_str).unwrap_or("");
    let group = text("apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    if !matches!(
        group,
        "source.toolkit.fluxcd.io" | "kustomize.toolkit.fluxcd.io"
    ) {
        return faults;
    }
    let kind = text("kind");
    let Some(spec) = document.get("spec") else {
        faults.push(Fault::flux(
            document.span,
            "spec",
            format!("a {kind} without `spec` does nothing"),
        ));
        return faults;
    };
    let mut spec = Spec {
        kind,
        document,
        spec,
        faults,
    };
    spec.durations();
    spec.url();
    match kind {
        "GitRepository" => spec.git_repository(),
        "OCIRepository" => spec.semver(&["ref", "semver"]),
        "HelmChart" => spec.helm_chart(),
        "Kustomization" => spec.kustomization(),
        _ => {}
    }
    spec.faults
}

/// Plain scalars that readers take differently: what Flux runs is then not what others see.
fn ambiguous(node: &Node, path: &Path<'_>, faults: &mut Vec<Fault>) {
    match &node.value {
        Value::Scalar(scalar) if scalar.ambiguous() => {
            let message = format!("readers of YAML differ over a bare `{}`", scalar.text);
            let hint = format!("quote it if it is text: `\"{}\"`", scalar.text);
            faults.push(Fault::flux(node.span, path.to_string(), message).hint(hint));
        }
        Value::Scalar(_) => {}
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                ambiguous(item, &path.index(index), faults);
            }
        }
        Value::Mapping(entries) => {
            for Entry { key, node, .. } in entries {
                ambiguous(node, &path.key(key), faults);
            }
        }
    }
}

struct Spec<'a> {
    kind: &'a str,
    document: &'a Node,
    spec: &'a Node,
    faults: Vec<Fault>,
}

impl<'a> Spec<'a> {
    fn find(&self, keys: &[&str]) -> Option<&'a Node> {
        keys.iter().try_fold(self.spec, |node, key| node.get(key))
    }

    /// The text at the keys, `""` where there is none.
    fn text(&self, keys: &[&str]) -> &'a str {
        self.find(keys).and_then(Node::as_str).unwrap_or("")
    }

    fn span(&self, keys: &[&str]) -> Span {
        self.find(keys).unwrap_or(self.spec).span
    }

    fn fault(&mut self, keys: &[&str], message: impl Into<String>) -> &mut Fault {
        let path = format!("spec.{}", keys.join("."));
        self.faults
            .push(Fault::flux(self.span(keys), path, message));
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    /// One object with a duration that Go cannot hold cannot be decoded, and stops its controller
    /// for all objects of the kind. Source: fluxcd/flux2#2641, fluxcd/source-controller#435.
    fn durations(&mut self) {
        for key in ["interval", "retryInterval", "timeout"] {
            let text = self.text(&[key]);
            if text.is_empty() {
                continue;
            }
            match parse_go(text) {
                Ok(nanoseconds) if key == "interval" => self.interval(nanoseconds),
                Ok(_) => {}
                Err(GoDurationFault::TooLong) => {
                    let message = format!("`{text}` is longer than Go can hold, about 292 years");
                    self.fault(&[key], message).hint =
                        Some("the controller can then decode no object of this kind at all".into());
                }
                Err(fault) => {
                    self.fault(&[key], format!("`{text}` is no duration: {fault}"));
                }
            }
        }
    }

    /// A controller asks for the next run after the interval; zero is no request.
    fn interval(&mut self, nanoseconds: i64) {
        let text = self.text(&["interval"]);
        if self.kind == "Kustomization" && nanoseconds < KUSTOMIZATION_INTERVAL {
            let message = format!("`{text}` is under the 60s that a Kustomization needs");
            self.fault(&["interval"], message).hint = Some("write `1m` or more".into());
        } else if nanoseconds == 0
            && !(self.kind == "HelmRepository" && self.text(&["type"]) == "oci")
        {
            let message = format!("`{text}` is no interval: the source would not be polled again");
            self.fault(&["interval"], message);
        }
    }

    /// Credentials belong in a Secret: here everybody who may read the object sees them. The URL
    /// is not repeated in the message.
    fn url(&mut self) {
        let url = self.text(&["url"]);
        let Some((scheme, rest)) = url.split_once("://") else {
            return;
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        if !scheme.starts_with("http") || !authority.contains('@') {
            return;
        }
        self.fault(&["url"], "the URL has credentials in it, for all to read")
            .hint = Some("put them into a Secret and name it in `secretRef`".into());
    }

    /// Sources: `docs/spec/v1/gitrepositories.md` of source-controller on `ref`, `verify` and ssh;
    /// `gitrepository_controller.go` there on the provider `github`.
    fn git_repository(&mut self) {
        let given = |spec: &Self, key: &str| !spec.text(&["ref", key]).is_empty();
        const REFS: [&str; 5] = ["branch", "tag", "semver", "name", "commit"];
        if !REFS.iter().any(|key| given(self, key)) {
            let keys: &[&str] = &["ref"];
            let fault = self.fault(keys, "without a ref Flux follows the branch `master`");
            fault.hint = Some("say so: `ref: {branch: master}`".into());
            if let Some(last) = self.faults.pop() {
                self.faults.push(last.warning());
            }
        }
        self.semver(&["ref", "semver"]);
        type Check = fn(&str) -> Result<(), String>;
        let checks: [(&str, Check); 3] = [
            ("branch", git_ref::branch),
            ("tag", git_ref::tag),
            ("name", git_ref::full_name),
        ];
        for (key, check) in checks {
            let text = self.text(&["ref", key]);
            if !text.is_empty()
                && let Err(reason) = check(text)
            {
                self.fault(
                    &["ref", key],
                    format!("`{text}` names nothing in Git: {reason}"),
                );
            }
        }
        if self.text(&["provider"]) == "github" && self.find(&["secretRef"]).is_none() {
            self.fault(
                &["provider"],
                "the provider `github` needs a `secretRef` with a GitHub App",
            );
        }
        if self.text(&["url"]).starts_with("ssh://") && self.find(&["secretRef"]).is_none() {
            self.fault(
                &["url"],
                "a URL of ssh needs a `secretRef` with a key and known hosts",
            );
        }
        let mode = self.text(&["verify", "mode"]);
        let tagged = ["tag", "semver", "name"].iter().any(|key| given(self, key));
        if mode.starts_with("Tag") && !tagged {
            let message = format!(
                "the mode `{mode}` needs a tag, and `ref` has no `tag`, `semver` or `name`"
            );
            self.fault(&["verify", "mode"], message);
        }
    }

    fn semver(&mut self, keys: &[&str]) {
        let text = self.text(keys);
        if !text.is_empty()
            && let Err(reason) = Constraint::parse(text)
        {
            self.fault(keys, format!("`{text}` is no range of versions: {reason}"));
        }
    }

    /// The version is looked at in charts of Helm repositories alone.
    fn helm_chart(&mut self) {
        if self.text(&["sourceRef", "kind"]) == "HelmRepository" {
            self.semver(&["version"]);
        }
        self.source_name();
    }

    fn kustomization(&mut self) {
        self.source_name();
        self.substitutions();
        self.own_dependency();
    }

    fn source_name(&mut self) {
        if self.find(&["sourceRef", "name"]).is_some()
            && self.text(&["sourceRef", "name"]).is_empty()
        {
            self.fault(
                &["sourceRef", "name"],
                "must not be empty: no source has that name",
            );
        }
    }

    /// A name that is none fails the whole build. Source: `varsubRegex` in `fluxcd/pkg`,
    /// `kustomize/kustomize_varsub.go`.
    fn substitutions(&mut self) {
        let Some(entries) = self
            .find(&["postBuild", "substitute"])
            .and_then(Node::as_mapping)
        else {
            return;
        };
        for Entry { key, key_span, .. } in entries {
            let starts = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if starts
                && key
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                continue;
            }
            let root = Path::ROOT;
            let (spec, build) = (root.key("spec"), "postBuild");
            let build = spec.key(build);
            let path = build.key("substitute");
            let message = format!("`{key}` is no name of a variable");
            let hint = "use letters, digits and `_`, and no digit first";
            self.faults
                .push(Fault::flux(*key_span, path.key(key).to_string(), message).hint(hint));
        }
    }

    /// kustomize-controller waits until each dependency is ready, and this one never is.
    fn own_dependency(&mut self) {
        let metadata = |key: &str| {
            let node = self.document.get("metadata").and_then(|node| node.get(key));
            node.and_then(Node::as_str).unwrap_or("")
        };
        let (name, namespace) = (metadata("name"), metadata("namespace"));
        let items = self
            .find(&["dependsOn"])
            .and_then(Node::as_sequence)
            .unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            let text = |key: &str| item.get(key).and_then(Node::as_str).unwrap_or("");
            if text("name") == name
                && (text("namespace").is_empty() || text("namespace") == namespace)
            {
                let path = format!("spec.dependsOn[{index}]");
                let message = format!("`{name}` depends on itself and would never run");
                self.faults.push(Fault::flux(item.span, path, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flux::fault::FaultSeverity;
    use crate::flux::yaml;

    const NONE: [&str; 0] = [];

    fn linted(kind: &str, spec: &str) -> Vec<String> {
        let group = if kind == "Kustomization" {
            "kustomize"
        } else {
            "source"
        };
        let text = format!(
            "apiVersion: {group}.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: web, namespace: apps}}\n{spec}\n"
        );
        let (documents, faults) = yaml::read(&text, 0);
        assert!(faults.is_empty(), "{faults:?}");
        let line = |fault: Fault| {
            let mark = if fault.severity == FaultSeverity::Warning {
                "warning: "
            } else {
                ""
            };
            format!("{mark}{}: {}", fault.path, fault.message)
        };
        lint(&documents[0]).into_iter().map(line).collect()
    }

    fn git(rest: &str) -> Vec<String> {
        linted(
            "GitRepository",
            &format!("spec: {{interval: 1m, ref: {{branch: main}}, {rest}}}"),
        )
    }

    fn kustomization(interval: &str, rest: &str) -> Vec<String> {
        linted(
            "Kustomization",
            &format!(
                "spec: {{interval: {interval}, sourceRef: {{kind: GitRepository, name: web}}, {rest}}}"
            ),
        )
    }

    #[test]
    fn good_objects_have_no_fault() {
        assert_eq!(git("url: https://github.com/acme/web"), NONE);
        assert_eq!(kustomization("1m", "prune: true"), NONE);
    }

    #[test]
    fn a_kustomization_needs_a_minute_and_a_source_more_than_nothing() {
        assert_eq!(kustomization("60s", ""), NONE);
        assert_eq!(
            kustomization("59s", ""),
            ["spec.interval: `59s` is under the 60s that a Kustomization needs"]
        );
        assert_eq!(
            kustomization("0s", ""),
            ["spec.interval: `0s` is under the 60s that a Kustomization needs"]
        );
        assert_eq!(linted("Bucket", "spec: {interval: 1s}"), NONE);
        assert_eq!(
            linted("Bucket", "spec: {interval: 0h}"),
            ["spec.interval: `0h` is no interval: the source would not be polled again"]
        );
        assert_eq!(
            linted("HelmRepository", "spec: {interval: 0s, type: oci}"),
            NONE
        );
    }

    #[test]
    fn a_duration_that_go_cannot_hold_is_refused_in_every_field() {
        assert_eq!(kustomization("2562047h", ""), NONE);
        for key in ["retryInterval", "timeout"] {
            assert_eq!(
                kustomization("1m", &format!("{key}: 2562048h")),
                [format!(
                    "spec.{key}: `2562048h` is longer than Go can hold, about 292 years"
                )]
            );
        }
        assert_eq!(
            kustomization("99999999999999999999h", ""),
            ["spec.interval: `99999999999999999999h` is longer than Go can hold, about 292 years"]
        );
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        let faults = linted(
            "OCIRepository",
            "spec: {interval: 1m, ref: {semver: not a range}}",
        );
        assert!(
            faults[0].starts_with("spec.ref.semver: `not a range` is no range of versions: "),
            "{faults:?}"
        );
        assert_eq!(
            linted(
                "OCIRepository",
                "spec: {interval: 1m, ref: {semver: '>=1.4'}}"
            ),
            NONE
        );
        let chart = |kind: &str| {
            linted(
                "HelmChart",
                &format!(
                    "spec: {{interval: 1m, version: a b, sourceRef: {{kind: {kind}, name: a}}}}"
                ),
            )
        };
        assert_eq!(chart("HelmRepository").len(), 1);
        assert_eq!(chart("Bucket"), NONE);
    }

    #[test]
    fn an_object_without_spec_is_refused() {
        assert_eq!(
            linted("GitRepository", ""),
            ["spec: a GitRepository without `spec` does nothing"]
        );
    }

    #[test]
    fn a_ref_that_is_left_out_is_a_warning() {
        let warning = ["warning: spec.ref: without a ref Flux follows the branch `master`"];
        assert_eq!(linted("GitRepository", "spec: {interval: 1m}"), warning);
        assert_eq!(
            linted("GitRepository", "spec: {interval: 1m, ref: {}}"),
            warning
        );
        assert_eq!(
            linted("GitRepository", "spec: {interval: 1m, ref: {branch: ''}}"),
            warning
        );
    }

    #[test]
    fn a_ref_that_git_refuses_is_refused() {
        let faults = linted("GitRepository", "spec: {interval: 1m, ref: {branch: a..b}}");
        assert!(
            faults[0].starts_with("spec.ref.branch: `a..b` names nothing in Git: "),
            "{faults:?}"
        );
    }

    #[test]
    fn scalars_that_readers_take_differently_are_named_everywhere() {
        let found = |text: &str| {
            vec![format!(
                "spec.path: readers of YAML differ over a bare `{text}`"
            )]
        };
        assert_eq!(kustomization("1m", "path: yes"), found("yes"));
        assert_eq!(kustomization("1m", "path: 1_000"), found("1_000"));
        assert_eq!(kustomization("1m", "path: 'yes'"), NONE);
        let (documents, _) = yaml::read("apiVersion: v1\nkind: ConfigMap\ndata: {a: [off]}\n", 0);
        assert_eq!(lint(&documents[0])[0].path, "data.a[0]");
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_shown() {
        assert_eq!(
            git("url: 'https://user:secret@github.com/a/b'"),
            ["spec.url: the URL has credentials in it, for all to read"]
        );
        assert_eq!(git("url: 'https://github.com/a@b/c'"), NONE);
        assert_eq!(
            git("url: 'ssh://git@github.com/a/b', secretRef: {name: key}"),
            NONE
        );
    }

    #[test]
    fn what_only_works_together_is_refused_alone() {
        assert_eq!(
            git("provider: github"),
            ["spec.provider: the provider `github` needs a `secretRef` with a GitHub App"]
        );
        assert_eq!(
            git("url: 'ssh://git@github.com/a/b'"),
            ["spec.url: a URL of ssh needs a `secretRef` with a key and known hosts"]
        );
        assert_eq!(
            git("verify: {mode: TagAndHEAD}"),
            [
                "spec.verify.mode: the mode `TagAndHEAD` needs a tag, and `ref` has no `tag`, `semver` or `name`"
            ]
        );
        assert_eq!(git("verify: {mode: HEAD}"), NONE);
    }

    #[test]
    fn a_source_without_a_name_is_refused() {
        assert_eq!(
            linted(
                "Kustomization",
                "spec: {interval: 1m, sourceRef: {kind: Bucket, name: ''}}"
            ),
            ["spec.sourceRef.name: must not be empty: no source has that name"]
        );
    }

    #[test]
    fn names_of_substitutions_are_those_of_variables() {
        assert_eq!(
            kustomization("1m", "postBuild: {substitute: {_A1: a}}"),
            NONE
        );
        assert_eq!(
            kustomization("1m", "postBuild: {substitute: {a-b: a}}"),
            ["spec.postBuild.substitute.a-b: `a-b` is no name of a variable"]
        );
        assert_eq!(
            kustomization("1m", "postBuild: {substitute: {'1a': a}}"),
            ["spec.postBuild.substitute.1a: `1a` is no name of a variable"]
        );
    }

    #[test]
    fn what_depends_on_itself_never_runs() {
        let message = "spec.dependsOn[1]: `web` depends on itself and would never run";
        assert_eq!(
            kustomization("1m", "dependsOn: [{name: a}, {name: web}]"),
            [message]
        );
        assert_eq!(
            kustomization("1m", "dependsOn: [{name: a}, {name: web, namespace: apps}]"),
            [message]
        );
        assert_eq!(
            kustomization("1m", "dependsOn: [{name: web, namespace: other}]"),
            NONE
        );
    }
}
