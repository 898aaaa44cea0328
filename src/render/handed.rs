//! The names that a template may ask for: what it is handed, filters and tests.

/// What stands under a name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handed {
    /// A string, number or boolean: nothing lies below it.
    Scalar,
    /// These fields and no others.
    Fields(&'static [(&'static str, Handed)]),
    /// Whatever was configured.
    Open,
}

use Handed::{Fields, Open, Scalar};

const REFERENCE: Handed = Fields(&[
    ("apiVersion", Scalar),
    ("kind", Scalar),
    ("name", Scalar),
    ("namespace", Scalar),
]);

const SECRET: Handed = Fields(&[("name", Scalar)]);

/// Every name at the top. `spec` lists the fields of GitRepository, OCIRepository and Kustomization.
pub(crate) const HANDED: &[(&str, Handed)] = &[
    ("name", Scalar),
    ("namespace", Scalar),
    ("labels", Open),
    ("annotations", Open),
    ("project", Scalar),
    ("object", Scalar),
    ("cluster", Scalar),
    ("environment", Fields(&[("name", Scalar), ("kind", Scalar)])),
    ("source", REFERENCE),
    ("vars", Open),
    (
        "spec",
        Fields(&[
            ("buildMetadata", Open),
            ("certSecretRef", SECRET),
            ("commonMetadata", Open),
            ("components", Open),
            ("decryption", Open),
            ("deletionPolicy", Scalar),
            ("dependsOn", Open),
            ("force", Scalar),
            ("healthCheckExprs", Open),
            ("healthChecks", Open),
            ("ignore", Open),
            ("ignoreMissingComponents", Scalar),
            ("images", Open),
            ("include", Open),
            ("insecure", Scalar),
            ("interval", Scalar),
            ("kubeConfig", Open),
            ("layerSelector", Open),
            ("namePrefix", Scalar),
            ("nameSuffix", Scalar),
            ("patches", Open),
            ("path", Scalar),
            ("postBuild", Open),
            ("provider", Scalar),
            ("proxySecretRef", SECRET),
            ("prune", Scalar),
            ("recurseSubmodules", Scalar),
            (
                "ref",
                Fields(&[
                    ("branch", Scalar),
                    ("commit", Scalar),
                    ("digest", Scalar),
                    ("name", Scalar),
                    ("semver", Scalar),
                    ("semverFilter", Scalar),
                    ("tag", Scalar),
                ]),
            ),
            ("retryInterval", Scalar),
            ("secretRef", SECRET),
            ("serviceAccountName", Scalar),
            ("sourceRef", REFERENCE),
            ("sparseCheckout", Open),
            ("suspend", Scalar),
            ("targetNamespace", Scalar),
            ("timeout", Scalar),
            ("url", Scalar),
            ("verify", Open),
            ("wait", Scalar),
        ]),
    ),
];

/// Filters of Tera 2.4 that hand on plain values, and ours. `indent` is left out: what it indents
/// is quoted after it, and it makes room for as many blanks as it is told.
pub(crate) const FILTERS: &[&str] = &[
    "abs",
    "capitalize",
    "default",
    "first",
    "float",
    "get",
    "group_by",
    "int",
    "join",
    "keys",
    "last",
    "length",
    "lower",
    "nth",
    "pairs",
    "pluralize",
    "replace",
    "reverse",
    "round",
    "sort",
    "split",
    "str",
    "title",
    "trim",
    "trim_end",
    "trim_start",
    "truncate",
    "unique",
    "upper",
    "values",
    "wordcount",
    "yaml",
];

/// Filters of Tera 2.4 whose result is written without our escaping, or that escape for HTML.
pub(crate) const REFUSED_FILTERS: &[&str] = &[
    "escape",
    "escape_html",
    "escape_xml",
    "newlines_to_br",
    "safe",
];

pub(crate) const TESTS: &[&str] = &[
    "array",
    "bool",
    "containing",
    "defined",
    "divisible_by",
    "ending_with",
    "even",
    "float",
    "integer",
    "iterable",
    "map",
    "none",
    "number",
    "odd",
    "starting_with",
    "string",
    "undefined",
];
