//! Which repositories of an owner were pushed to last: a point for a hundred of them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::github::GraphqlError;

use super::answer::RepositoryFault;

const QUERY: &str = "query($login:String!,$after:String){rateLimit{cost remaining resetAt} \
    repositoryOwner(login:$login){repositories(first:100,after:$after,\
    orderBy:{field:PUSHED_AT,direction:DESC}){nodes{nameWithOwner pushedAt} \
    pageInfo{hasNextPage endCursor}}}}";

/// A page of an owner's repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recency {
    /// The one that was pushed to last comes first. Those that were never pushed to are left out.
    pub repositories: Vec<Recent>,
    /// Where the next page begins; `None`: this is the last one.
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// `owner/name`, as its owner spells it.
    pub name_with_owner: String,
    pub pushed_at: Timestamp,
}

/// The query for a page; `after` is where the page before said that it ends.
pub fn recency_query(login: &str, after: Option<&str>) -> (&'static str, Value) {
    (QUERY, json!({"login": login, "after": after}))
}

pub(super) fn read(data: &Value, errors: &[GraphqlError]) -> Result<Recency, RepositoryFault> {
    let owner = &data["repositoryOwner"];
    if owner.is_null() {
        return Err(match errors.first() {
            None => RepositoryFault::NotSeen,
            Some(error) if error.kind == "NOT_FOUND" => RepositoryFault::NotSeen,
            Some(error) if error.message.contains("SAML") => RepositoryFault::SingleSignOn,
            Some(error) if error.kind == "FORBIDDEN" => {
                RepositoryFault::Forbidden(error.message.clone())
            }
            Some(error) => RepositoryFault::Unanswered(error.message.clone()),
        });
    }
    let page = &owner["repositories"];
    let Some(nodes) = page["nodes"].as_array() else {
        let message = errors.first().map(|error| error.message.clone());
        let message = message.unwrap_or_else(|| "the repositories are left out".to_owned());
        return Err(RepositoryFault::Unanswered(message));
    };
    let repositories = nodes.iter().filter_map(|node| {
        Some(Recent {
            name_with_owner: node["nameWithOwner"].as_str()?.to_owned(),
            pushed_at: node["pushedAt"].as_str()?.parse().ok()?,
        })
    });
    let info = &page["pageInfo"];
    let has_next = info["hasNextPage"].as_bool().unwrap_or_default();
    let next = info["endCursor"].as_str().filter(|_| has_next);
    Ok(Recency {
        repositories: repositories.collect(),
        next: next.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_what_was_pushed_to_and_where_the_next_one_begins() {
        let page = |has_next: bool| {
            json!({"repositoryOwner": {"repositories": {
                "nodes": [{"nameWithOwner": "Acme/Web", "pushedAt": "2026-01-02T03:04:05Z"},
                    {"nameWithOwner": "acme/empty", "pushedAt": null}, null],
                "pageInfo": {"hasNextPage": has_next, "endCursor": "c"},
            }}})
        };
        let recency = read(&page(true), &[]).unwrap();
        let expected = Recent {
            name_with_owner: "Acme/Web".into(),
            pushed_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        };
        assert_eq!(recency.repositories, [expected]);
        assert_eq!(recency.next.as_deref(), Some("c"));
        assert_eq!(read(&page(false), &[]).unwrap().next, None);
    }

    #[test]
    fn an_owner_that_cannot_be_seen_is_a_fault() {
        let none = json!({"repositoryOwner": null});
        assert_eq!(read(&none, &[]), Err(RepositoryFault::NotSeen));
        let error =
            json!({"type": "FORBIDDEN", "message": "protected by organization SAML enforcement"});
        let error = GraphqlError::of(&error);
        assert_eq!(read(&none, &[error]), Err(RepositoryFault::SingleSignOn));
        let cut = json!({"repositoryOwner": {}});
        let told = read(&cut, &[]).unwrap_err().told("bot").to_string();
        assert_eq!(told, "GitHub did not answer: the repositories are left out");
    }
}
