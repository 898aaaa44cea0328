//! The query for many heads: names are variables, so that none of them can be more than a name.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::{Map, Value};

use super::question::{Asked, RepositoryQuestion};

/// What a ref points at; a tag may be of a tag.
const TARGET: &str = "fragment t on GitObject{oid ...on Tag{target{oid ...on Tag{target{oid}}}}}";

/// The query and its variables. Repository `i` is answered as `r{i}`, what is asked of it as `a{j}`.
///
/// Without tags it has no connection; with those of up to a hundred repositories it still costs one point.
pub fn query(questions: &[RepositoryQuestion]) -> (String, Value) {
    let mut names = Names::default();
    let mut fields = String::new();
    let mut has_targets = false;
    for (place, question) in questions.iter().enumerate() {
        let owner = names.variable(&question.owner);
        let name = names.variable(&question.name);
        let _ = write!(
            fields,
            " r{place}:repository(owner:$s{owner},name:$s{name}){{databaseId nameWithOwner isArchived isDisabled pushedAt"
        );
        for (place, asked) in question.asked.iter().enumerate() {
            let _ = write!(fields, " a{place}:");
            has_targets |= !matches!(asked, Asked::PullHead(_) | Asked::PullMerge(_));
            let _ = match asked {
                Asked::Ref(full) => {
                    let full = names.variable(full);
                    write!(fields, "ref(qualifiedName:$s{full}){{target{{...t}}}}")
                }
                Asked::Default => write!(fields, "defaultBranchRef{{name target{{...t}}}}"),
                Asked::PullHead(number) => {
                    write!(fields, "pullRequest(number:{number}){{headRefOid}}")
                }
                Asked::PullMerge(number) => write!(
                    fields,
                    "pullRequest(number:{number}){{potentialMergeCommit{{oid}}}}"
                ),
                Asked::Tags => write!(
                    fields,
                    "refs(refPrefix:\"refs/tags/\",first:{},orderBy:{{field:TAG_COMMIT_DATE,direction:DESC}}){{totalCount nodes{{name target{{...t}}}}}}",
                    Asked::TAGS
                ),
            };
        }
        fields.push('}');
    }
    let mut text = String::from("query");
    if !names.values.is_empty() {
        text.push('(');
        for place in 0..names.values.len() {
            let _ = write!(text, "$s{place}:String!,");
        }
        text.pop();
        text.push(')');
    }
    text.push_str("{rateLimit{cost remaining resetAt}");
    text.push_str(&fields);
    text.push('}');
    if has_targets {
        text.push(' ');
        text.push_str(TARGET);
    }
    (text, names.variables())
}

/// Each name is sent once, however often it is asked for.
#[derive(Default)]
struct Names<'n> {
    places: HashMap<&'n str, usize>,
    values: Vec<&'n str>,
}

impl<'n> Names<'n> {
    fn variable(&mut self, name: &'n str) -> usize {
        *self.places.entry(name).or_insert_with(|| {
            self.values.push(name);
            self.values.len() - 1
        })
    }

    fn variables(self) -> Value {
        let values = self.values.into_iter().enumerate();
        let variables: Map<String, Value> = values
            .map(|(place, value)| (format!("s{place}"), value.into()))
            .collect();
        Value::Object(variables)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn several_refs_of_a_repository_stand_in_one_field_and_each_name_is_sent_once() {
        let question = |name: &str, asked: &[Asked]| RepositoryQuestion {
            owner: "acme".into(),
            name: name.into(),
            asked: asked.to_vec(),
        };
        let main = || Asked::Ref("refs/heads/main".into());
        let (text, variables) = query(&[
            question("web", &[main(), Asked::Default, Asked::Tags]),
            question("a\"b", &[main(), Asked::PullHead(7), Asked::PullMerge(7)]),
        ]);
        insta::assert_snapshot!(text.replace(" r", "\n r").replace(" a", "\n  a").replace(" fragment", "\nfragment"), @r#"
        query($s0:String!,$s1:String!,$s2:String!,$s3:String!){rateLimit{cost
         remaining
         resetAt}
         r0:repository(owner:$s0,name:$s1){databaseId nameWithOwner isArchived isDisabled pushedAt
          a0:ref(qualifiedName:$s2){target{...t}}
          a1:defaultBranchRef{name target{...t}}
          a2:refs(refPrefix:"refs/tags/",first:100,orderBy:{field:TAG_COMMIT_DATE,direction:DESC}){totalCount nodes{name target{...t}}}}
         r1:repository(owner:$s0,name:$s3){databaseId nameWithOwner isArchived isDisabled pushedAt
          a0:ref(qualifiedName:$s2){target{...t}}
          a1:pullRequest(number:7){headRefOid}
          a2:pullRequest(number:7){potentialMergeCommit{oid}}}}
        fragment t on GitObject{oid ...on Tag{target{oid ...on Tag{target{oid}}}}}
        "#);
        assert_eq!(
            variables,
            json!({"s0": "acme", "s1": "web", "s2": "refs/heads/main", "s3": "a\"b"})
        );
    }

    #[test]
    fn what_is_not_used_is_not_declared() {
        let pull = RepositoryQuestion {
            owner: "acme".into(),
            name: "web".into(),
            asked: vec![Asked::PullHead(1)],
        };
        assert!(!query(&[pull]).0.contains("fragment"));
        assert_eq!(query(&[]).0, "query{rateLimit{cost remaining resetAt}}");
    }
}
