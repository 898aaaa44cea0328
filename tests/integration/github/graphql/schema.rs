//! The part of GitHub's schema that this fake knows.

/// A field of a type.
#[derive(Debug)]
pub struct Known {
    pub name: &'static str,
    /// The type that it has, without `!` and `[]`.
    pub kind: &'static str,
    /// Names and types, `!` where it must be given.
    pub arguments: &'static [(&'static str, &'static str)],
}

const fn plain(name: &'static str, kind: &'static str) -> Known {
    Known {
        name,
        kind,
        arguments: &[],
    }
}

const fn taking(
    name: &'static str,
    kind: &'static str,
    arguments: &'static [(&'static str, &'static str)],
) -> Known {
    Known {
        name,
        kind,
        arguments,
    }
}

const REF_PAGE: &[(&str, &str)] = &[
    ("first", "Int"),
    ("after", "String"),
    ("orderBy", "RefOrder"),
    ("refPrefix", "String!"),
];
const REPOSITORY_PAGE: &[(&str, &str)] = &[
    ("first", "Int"),
    ("after", "String"),
    ("orderBy", "RepositoryOrder"),
    ("isArchived", "Boolean"),
];

const QUERY: &[Known] = &[
    taking(
        "repository",
        "Repository",
        &[
            ("owner", "String!"),
            ("name", "String!"),
            ("followRenames", "Boolean"),
        ],
    ),
    taking(
        "repositoryOwner",
        "RepositoryOwner",
        &[("login", "String!")],
    ),
    taking("organization", "Organization", &[("login", "String!")]),
    taking("rateLimit", "RateLimit", &[("dryRun", "Boolean")]),
    plain("viewer", "User"),
];
const REPOSITORY: &[Known] = &[
    plain("id", "ID"),
    plain("databaseId", "Int"),
    plain("name", "String"),
    plain("nameWithOwner", "String"),
    plain("owner", "RepositoryOwner"),
    plain("isArchived", "Boolean"),
    plain("isDisabled", "Boolean"),
    plain("isEmpty", "Boolean"),
    plain("isPrivate", "Boolean"),
    plain("isLocked", "Boolean"),
    plain("pushedAt", "DateTime"),
    plain("updatedAt", "DateTime"),
    plain("createdAt", "DateTime"),
    plain("url", "URI"),
    plain("defaultBranchRef", "Ref"),
    taking("pullRequest", "PullRequest", &[("number", "Int!")]),
    taking("ref", "Ref", &[("qualifiedName", "String!")]),
    taking(
        "object",
        "GitObject",
        &[("oid", "GitObjectID"), ("expression", "String")],
    ),
    taking("refs", "RefConnection", REF_PAGE),
];
const PULL_REQUEST: &[Known] = &[
    plain("number", "Int"),
    plain("headRefOid", "GitObjectID"),
    plain("potentialMergeCommit", "Commit"),
];
const REF: &[Known] = &[
    plain("id", "ID"),
    plain("name", "String"),
    plain("prefix", "String"),
    plain("target", "GitObject"),
];
const GIT_OBJECT: &[Known] = &[
    plain("id", "ID"),
    plain("oid", "GitObjectID"),
    plain("abbreviatedOid", "String"),
];
const COMMIT: &[Known] = &[
    plain("id", "ID"),
    plain("oid", "GitObjectID"),
    plain("abbreviatedOid", "String"),
    plain("committedDate", "DateTime"),
    plain("pushedDate", "DateTime"),
];
const TAG: &[Known] = &[
    plain("id", "ID"),
    plain("oid", "GitObjectID"),
    plain("abbreviatedOid", "String"),
    plain("name", "String"),
    plain("target", "GitObject"),
];
const OWNER: &[Known] = &[
    plain("id", "ID"),
    plain("login", "String"),
    taking("repositories", "RepositoryConnection", REPOSITORY_PAGE),
    taking(
        "repository",
        "Repository",
        &[("name", "String!"), ("followRenames", "Boolean")],
    ),
];
const RATE_LIMIT: &[Known] = &[
    plain("cost", "Int"),
    plain("limit", "Int"),
    plain("nodeCount", "Int"),
    plain("remaining", "Int"),
    plain("resetAt", "DateTime"),
    plain("used", "Int"),
];
const PAGE_INFO: &[Known] = &[
    plain("hasNextPage", "Boolean"),
    plain("hasPreviousPage", "Boolean"),
    plain("endCursor", "String"),
    plain("startCursor", "String"),
];

/// Every type here that has fields.
pub const TYPES: [&str; 16] = [
    "Query",
    "Repository",
    "RepositoryOwner",
    "Organization",
    "User",
    "PullRequest",
    "Ref",
    "GitObject",
    "Commit",
    "Tag",
    "RefConnection",
    "RepositoryConnection",
    "RefEdge",
    "RepositoryEdge",
    "PageInfo",
    "RateLimit",
];

/// The fields of a type; `None` for one that has none, or that is not known.
pub fn fields(kind: &str) -> Option<&'static [Known]> {
    const REFS: &[Known] = &[
        plain("nodes", "Ref"),
        plain("edges", "RefEdge"),
        plain("pageInfo", "PageInfo"),
        plain("totalCount", "Int"),
    ];
    const REPOSITORIES: &[Known] = &[
        plain("nodes", "Repository"),
        plain("edges", "RepositoryEdge"),
        plain("pageInfo", "PageInfo"),
        plain("totalCount", "Int"),
    ];
    const REF_EDGE: &[Known] = &[plain("node", "Ref"), plain("cursor", "String")];
    const REPOSITORY_EDGE: &[Known] = &[plain("node", "Repository"), plain("cursor", "String")];
    Some(match kind {
        "Query" => QUERY,
        "Repository" => REPOSITORY,
        "RepositoryOwner" | "Organization" | "User" => OWNER,
        "PullRequest" => PULL_REQUEST,
        "Ref" => REF,
        "GitObject" => GIT_OBJECT,
        "Commit" => COMMIT,
        "Tag" => TAG,
        "RefConnection" => REFS,
        "RepositoryConnection" => REPOSITORIES,
        "RefEdge" => REF_EDGE,
        "RepositoryEdge" => REPOSITORY_EDGE,
        "PageInfo" => PAGE_INFO,
        "RateLimit" => RATE_LIMIT,
        _ => return None,
    })
}

pub fn field(kind: &str, name: &str) -> Option<&'static Known> {
    if name == "__typename" {
        return Some(&const { plain("__typename", "String") });
    }
    fields(kind)?.iter().find(|known| known.name == name)
}

pub fn is_connection(kind: &str) -> bool {
    kind.ends_with("Connection")
}

/// Whether a thing of the first type can be one of the second.
pub fn may_be(kind: &str, other: &str) -> bool {
    kind == other
        || match kind {
            "GitObject" => ["Commit", "Tag", "Tree", "Blob"].contains(&other),
            "RepositoryOwner" => ["Organization", "User"].contains(&other),
            "Commit" | "Tag" => ["GitObject", "Node"].contains(&other),
            "Organization" | "User" => ["RepositoryOwner", "Actor", "Node"].contains(&other),
            "Repository" | "Ref" => other == "Node",
            _ => false,
        }
}
