//! Reads what GitHub answers of many repositories: each by itself, so that none harms another.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::delivery::{CommitId, PushedRef};
use crate::github::GraphqlError;

use super::question::{Asked, RepositoryQuestion};

/// What was found of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryHeads {
    /// As [`crate::delivery::Repository::id`]; 0 where GitHub does not tell.
    pub number: u64,
    /// As its owner spells it; another than was asked for where it was renamed or moved.
    pub name_with_owner: String,
    pub is_archived: bool,
    /// Its owner, or GitHub, closed it.
    pub is_disabled: bool,
    /// As [`crate::delivery::HeadSeen::pushed_at`].
    pub pushed_at: Option<Timestamp>,
    /// Where it was asked for.
    pub default_branch: Option<String>,
    /// In the order of the question.
    pub refs: Vec<RefAnswer>,
}

/// What was found of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefAnswer {
    At {
        reference: PushedRef,
        /// Through annotated tags.
        commit: CommitId,
    },
    /// Those with the newest commits first.
    Tags { tags: Vec<TaggedCommit>, total: u64 },
    /// There is no such ref, or none yet.
    Absent,
    /// GitHub said nothing of it, for this reason.
    Unanswered(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedCommit {
    /// Without `refs/tags/`.
    pub tag: String,
    pub commit: CommitId,
}

/// Why nothing was found of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryFault {
    /// It is not there, or is hidden from who asked: GitHub does not tell these apart.
    NotSeen,
    /// GitHub's own words.
    Forbidden(String),
    /// The organisation wants the token to be authorised.
    SingleSignOn,
    /// GitHub took it away.
    Blocked(String),
    /// The answer was cut off, or GitHub failed on it.
    Unanswered(String),
}

impl RepositoryFault {
    /// One word for it, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotSeen => "notSeen",
            Self::Forbidden(_) => "forbidden",
            Self::SingleSignOn => "singleSignOn",
            Self::Blocked(_) => "blocked",
            Self::Unanswered(_) => "unanswered",
        }
    }

    /// The same with the permissions that are missing, where GitHub has named them.
    pub(super) fn needing(self, needs: Option<&str>) -> Self {
        match (self, needs) {
            (Self::Forbidden(message), Some(needs)) => {
                Self::Forbidden(format!("{message}; it needs `{needs}`"))
            }
            (fault, _) => fault,
        }
    }

    /// What is wrong and how to mend it; `identity` is who asked.
    pub fn told(&self, identity: &str) -> impl fmt::Display {
        match self {
            Self::NotSeen => format!(
                "not found, or not visible to identity `{identity}`; check its name in the source's URL, and that the identity has access to it"
            ),
            Self::Forbidden(message) => format!(
                "identity `{identity}` may not read it ({message}); grant its token or App `Contents: read`"
            ),
            Self::SingleSignOn => format!(
                "its organisation wants single sign-on; authorise the token of identity `{identity}` for it"
            ),
            Self::Blocked(message) => {
                format!(
                    "GitHub blocks access to it ({message}); its owner can ask GitHub's support"
                )
            }
            Self::Unanswered(message) => format!("GitHub did not answer: {message}"),
        }
    }
}

/// In the order of the questions.
pub(super) fn read(
    questions: &[RepositoryQuestion],
    data: &Value,
    errors: &[GraphqlError],
) -> Vec<Result<RepositoryHeads, RepositoryFault>> {
    let questions = questions.iter().enumerate();
    questions
        .map(|(place, question)| {
            let alias = format!("r{place}");
            match data.get(&alias) {
                Some(repository @ Value::Object(_)) => match forbidden(&alias, errors) {
                    // Who may not read it may still see that it is there.
                    Some(fault) => Err(fault),
                    None => Ok(heads(question, repository, &alias, errors)),
                },
                _ => Err(fault(&alias, errors)),
            }
        })
        .collect()
}

/// Whether it may not be read, where it can be seen.
fn forbidden(alias: &str, errors: &[GraphqlError]) -> Option<RepositoryFault> {
    let errors = errors.iter().filter(|error| is_of(error, alias));
    let mut faults = errors.map(fault_of);
    faults.find(|fault| {
        matches!(
            fault,
            RepositoryFault::Forbidden(_)
                | RepositoryFault::SingleSignOn
                | RepositoryFault::Blocked(_)
        )
    })
}

fn is_of(error: &GraphqlError, alias: &str) -> bool {
    error.path.first().and_then(Value::as_str) == Some(alias)
}

fn fault(alias: &str, errors: &[GraphqlError]) -> RepositoryFault {
    let Some(error) = errors.iter().find(|error| is_of(error, alias)) else {
        let whole = errors.iter().find(|error| error.path.is_empty());
        let message = whole.map_or("the answer ends before it", |error| &error.message);
        return RepositoryFault::Unanswered(message.to_owned());
    };
    fault_of(error)
}

fn fault_of(error: &GraphqlError) -> RepositoryFault {
    let message = error.message.clone();
    let says = |word: &str| message.to_ascii_lowercase().contains(word);
    match error.kind.as_str() {
        "NOT_FOUND" => RepositoryFault::NotSeen,
        _ if says("saml") => RepositoryFault::SingleSignOn,
        _ if says("blocked") || says("disabled") => RepositoryFault::Blocked(message),
        "FORBIDDEN" | "INSUFFICIENT_SCOPES" => RepositoryFault::Forbidden(message),
        _ => RepositoryFault::Unanswered(message),
    }
}

fn heads(
    question: &RepositoryQuestion,
    repository: &Value,
    alias: &str,
    errors: &[GraphqlError],
) -> RepositoryHeads {
    let is = |field: &str| repository[field].as_bool().unwrap_or_default();
    let mut default_branch = None;
    let refs = question.asked.iter().enumerate();
    let refs = refs
        .map(|(place, asked)| {
            let key = format!("a{place}");
            let error = error_of(errors, alias, &key);
            match (repository.get(&key), error) {
                (Some(Value::Null), None) => RefAnswer::Absent,
                (Some(Value::Null) | None, Some(error)) if error.kind == "NOT_FOUND" => {
                    RefAnswer::Absent
                }
                (Some(Value::Null) | None, Some(error)) => {
                    RefAnswer::Unanswered(error.message.clone())
                }
                (None, None) => RefAnswer::Unanswered("the answer leaves it out".to_owned()),
                (Some(value), _) => {
                    if *asked == Asked::Default {
                        default_branch = value["name"].as_str().map(str::to_owned);
                    }
                    found(asked, value).unwrap_or_else(RefAnswer::Unanswered)
                }
            }
        })
        .collect();
    let name = repository["nameWithOwner"].as_str();
    RepositoryHeads {
        number: repository["databaseId"].as_u64().unwrap_or_default(),
        name_with_owner: name.map_or_else(
            || format!("{}/{}", question.owner, question.name),
            str::to_owned,
        ),
        is_archived: is("isArchived"),
        is_disabled: is("isDisabled"),
        pushed_at: repository["pushedAt"]
            .as_str()
            .and_then(|at| at.parse().ok()),
        default_branch,
        refs,
    }
}

fn error_of<'e>(errors: &'e [GraphqlError], alias: &str, key: &str) -> Option<&'e GraphqlError> {
    errors.iter().find(|error| {
        let mut path = error.path.iter().map(Value::as_str);
        path.next() == Some(Some(alias)) && path.next() == Some(Some(key))
    })
}

/// What an answer that is there says, or why it says nothing.
fn found(asked: &Asked, value: &Value) -> Result<RefAnswer, String> {
    let (reference, commit) = match asked {
        Asked::Ref(full) => (PushedRef::read(full)?, target(&value["target"])?),
        Asked::Default => {
            let name = value["name"].as_str().ok_or("the branch has no name")?;
            (PushedRef::branch(name)?, target(&value["target"])?)
        }
        Asked::PullHead(_) => (
            PushedRef::read(&asked.to_string())?,
            commit(&value["headRefOid"])?,
        ),
        // There is none while GitHub tries the merge, and where it would be in conflict.
        Asked::PullMerge(_) if value["potentialMergeCommit"].is_null() => {
            return Ok(RefAnswer::Absent);
        }
        Asked::PullMerge(_) => (
            PushedRef::read(&asked.to_string())?,
            commit(&value["potentialMergeCommit"]["oid"])?,
        ),
        Asked::Tags => return tags(value),
    };
    Ok(RefAnswer::At { reference, commit })
}

fn tags(value: &Value) -> Result<RefAnswer, String> {
    let nodes = value["nodes"].as_array().ok_or("the tags are left out")?;
    let total = value["totalCount"].as_u64().unwrap_or_default();
    let most = total.min(u64::from(Asked::TAGS));
    if (nodes.len() as u64) < most {
        return Err(format!("of {most} tags {} came", nodes.len()));
    }
    // A tag of something else than a commit is nothing that Flux can fetch.
    let tags = nodes.iter().filter_map(|node| {
        Some(TaggedCommit {
            tag: node["name"].as_str()?.to_owned(),
            commit: target(&node["target"]).ok()?,
        })
    });
    Ok(RefAnswer::Tags {
        tags: tags.collect(),
        total,
    })
}

/// The commit behind annotated tags.
fn target(mut object: &Value) -> Result<CommitId, String> {
    while let Some(inner) = object.get("target").filter(|inner| inner.is_object()) {
        object = inner;
    }
    commit(&object["oid"])
}

fn commit(oid: &Value) -> Result<CommitId, String> {
    let oid = oid.as_str().ok_or("the ref points at nothing")?;
    let commit = CommitId::read(oid)?;
    commit.ok_or_else(|| "the ref points at nothing".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn question(name: &str, asked: &[Asked]) -> RepositoryQuestion {
        RepositoryQuestion {
            owner: "acme".into(),
            name: name.into(),
            asked: asked.to_vec(),
        }
    }

    fn main() -> Asked {
        Asked::Ref("refs/heads/main".into())
    }

    fn hash(letter: &str) -> String {
        letter.repeat(40)
    }

    fn error(kind: &str, path: Value, message: &str) -> GraphqlError {
        GraphqlError::of(&json!({"type": kind, "path": path, "message": message}))
    }

    fn repository(answers: Value) -> Value {
        let mut repository = json!({"databaseId": 42, "nameWithOwner": "Acme/Web",
            "isArchived": false, "isDisabled": false, "pushedAt": "2026-01-02T03:04:05Z"});
        for (key, value) in answers.as_object().unwrap() {
            repository[key] = value.clone();
        }
        repository
    }

    fn one(asked: Asked, answer: Value, errors: &[GraphqlError]) -> RefAnswer {
        let data = json!({"r0": repository(json!({"a0": answer}))});
        let mut read = read(&[question("web", &[asked])], &data, errors);
        read.remove(0).unwrap().refs.remove(0)
    }

    fn at(reference: &str, letter: &str) -> RefAnswer {
        RefAnswer::At {
            reference: PushedRef::read(reference).unwrap(),
            commit: CommitId::read(&hash(letter)).unwrap().unwrap(),
        }
    }

    #[test]
    fn a_head_is_the_commit_behind_branches_tags_and_pull_requests() {
        let branch = json!({"target": {"oid": hash("a")}});
        assert_eq!(one(main(), branch, &[]), at("refs/heads/main", "a"));
        let tag = Asked::Ref("refs/tags/v1".into());
        let twice = json!({"target": {"oid": hash("a"), "target": {"oid": hash("b"), "target": {"oid": hash("c")}}}});
        assert_eq!(one(tag, twice, &[]), at("refs/tags/v1", "c"));
        let pull = json!({"headRefOid": hash("d")});
        assert_eq!(
            one(Asked::PullHead(7), pull, &[]),
            at("refs/pull/7/head", "d")
        );
        let merge = json!({"potentialMergeCommit": {"oid": hash("e")}});
        assert_eq!(
            one(Asked::PullMerge(7), merge, &[]),
            at("refs/pull/7/merge", "e")
        );
        let conflict = json!({"potentialMergeCommit": null});
        assert_eq!(one(Asked::PullMerge(7), conflict, &[]), RefAnswer::Absent);
        let data = json!({"r0": repository(json!({"a0": {"name": "trunk", "target": {"oid": hash("f")}}}))});
        let read = read(&[question("web", &[Asked::Default])], &data, &[])
            .remove(0)
            .unwrap();
        assert_eq!(read.default_branch.as_deref(), Some("trunk"));
        assert_eq!(read.refs, [at("refs/heads/trunk", "f")]);
        let pushed_at = read.pushed_at.map(|at| at.to_string());
        assert_eq!(pushed_at.as_deref(), Some("2026-01-02T03:04:05Z"));
    }

    #[test]
    fn tags_are_all_there_or_none_is_believed() {
        let commit = |letter: &str| json!({"oid": hash(letter)});
        let nodes = json!([{"name": "v2", "target": commit("b")}, {"name": "odd", "target": {}},
            {"name": "v1", "target": {"oid": hash("0"), "target": commit("a")}}]);
        let RefAnswer::Tags { tags, total: 3 } =
            one(Asked::Tags, json!({"totalCount": 3, "nodes": nodes}), &[])
        else {
            panic!("no tags")
        };
        let tags: Vec<_> = tags
            .iter()
            .map(|it| (it.tag.as_str(), it.commit.as_str()))
            .collect();
        let (a, b) = (hash("a"), hash("b"));
        assert_eq!(tags, [("v2", b.as_str()), ("v1", a.as_str())]);
        let short = one(Asked::Tags, json!({"totalCount": 200, "nodes": nodes}), &[]);
        assert_eq!(short, RefAnswer::Unanswered("of 100 tags 3 came".into()));
    }

    #[test]
    fn a_missing_repository_harms_no_other_and_each_fault_is_told_apart() {
        let names = ["gone", "web", "closed", "sso", "taken", "slow", "cut"];
        let questions = names.map(|name| question(name, &[main()]));
        let found = repository(json!({"a0": {"target": {"oid": hash("a")}}}));
        let data = json!({"r0": null, "r1": found, "r2": null, "r3": null, "r4": null, "r5": null});
        let errors = [
            error(
                "NOT_FOUND",
                json!(["r0"]),
                "Could not resolve to a Repository",
            ),
            error(
                "FORBIDDEN",
                json!(["r2"]),
                "Resource not accessible by integration",
            ),
            error(
                "FORBIDDEN",
                json!(["r3"]),
                "Resource protected by organization SAML enforcement.",
            ),
            error("FORBIDDEN", json!(["r4"]), "Repository access blocked"),
            error("", json!(["r5"]), "Something went wrong"),
        ];
        let read = read(&questions, &data, &errors);
        let told: Vec<_> = read
            .iter()
            .map(|answer| match answer {
                Ok(heads) => heads.name_with_owner.clone(),
                Err(fault) => format!("{}: {}", fault.name(), fault.told("bot")),
            })
            .collect();
        assert_eq!(
            told,
            [
                "notSeen: not found, or not visible to identity `bot`; check its name in the source's URL, and that the identity has access to it",
                "Acme/Web",
                "forbidden: identity `bot` may not read it (Resource not accessible by integration); grant its token or App `Contents: read`",
                "singleSignOn: its organisation wants single sign-on; authorise the token of identity `bot` for it",
                "blocked: GitHub blocks access to it (Repository access blocked); its owner can ask GitHub's support",
                "unanswered: GitHub did not answer: Something went wrong",
                "unanswered: GitHub did not answer: the answer ends before it",
            ]
        );
    }

    #[test]
    fn a_ref_that_is_not_there_is_told_from_one_that_was_not_answered() {
        assert_eq!(one(main(), Value::Null, &[]), RefAnswer::Absent);
        let missing = error("NOT_FOUND", json!(["r0", "a0"]), "no pull request");
        let pull = one(Asked::PullHead(7), Value::Null, &[missing]);
        assert_eq!(pull, RefAnswer::Absent);
        let failed = error("", json!(["r0", "a0", "target"]), "timed out");
        let answer = one(main(), Value::Null, &[failed]);
        assert_eq!(answer, RefAnswer::Unanswered("timed out".into()));
        let left_out = read(
            &[question("web", &[main()])],
            &json!({"r0": repository(json!({}))}),
            &[],
        );
        let expected = RefAnswer::Unanswered("the answer leaves it out".into());
        assert_eq!(left_out[0].as_ref().unwrap().refs, [expected]);
    }

    #[test]
    fn a_repository_that_may_be_seen_and_not_read_is_forbidden() {
        let words = "Resource not accessible by personal access token";
        let refused = error("FORBIDDEN", json!(["r0", "a0"]), words);
        let data = json!({"r0": repository(json!({"a0": null}))});
        let read = read(&[question("web", &[main()])], &data, &[refused]);
        assert_eq!(read, [Err(RepositoryFault::Forbidden(words.into()))]);
        let [Err(fault)] = &read[..] else {
            panic!("{read:?}")
        };
        let needing = fault.clone().needing(Some("contents=read"));
        assert_eq!(
            needing.told("bot").to_string(),
            "identity `bot` may not read it (Resource not accessible by personal access token; it needs `contents=read`); grant its token or App `Contents: read`"
        );
        let other = RepositoryFault::NotSeen;
        assert_eq!(other.clone().needing(Some("contents=read")), other);
    }

    #[test]
    fn an_answer_without_data_says_why_of_all() {
        let limit = error("RESOURCE_LIMITS_EXCEEDED", json!([]), "too much");
        let read = read(&[question("web", &[main()])], &Value::Null, &[limit]);
        assert_eq!(read, [Err(RepositoryFault::Unanswered("too much".into()))]);
    }
}
