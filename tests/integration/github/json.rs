//! Accounts, repositories and commits as REST and payloads write them.

use serde_json::{Value, json};

use super::clock::written;
use super::repositories::Repository;
use super::world::World;

/// Links of a repository that end in one word, each under `<word>_url`.
const REPOSITORY_LINKS: [(&str, &str); 36] = [
    ("archive_url", "{archive_format}{/ref}"),
    ("assignees_url", "assignees{/user}"),
    ("blobs_url", "git/blobs{/sha}"),
    ("branches_url", "branches{/branch}"),
    ("collaborators_url", "collaborators{/collaborator}"),
    ("comments_url", "comments{/number}"),
    ("commits_url", "commits{/sha}"),
    ("compare_url", "compare/{base}...{head}"),
    ("contents_url", "contents/{+path}"),
    ("contributors_url", "contributors"),
    ("deployments_url", "deployments"),
    ("downloads_url", "downloads"),
    ("events_url", "events"),
    ("forks_url", "forks"),
    ("git_commits_url", "git/commits{/sha}"),
    ("git_refs_url", "git/refs{/sha}"),
    ("git_tags_url", "git/tags{/sha}"),
    ("hooks_url", "hooks"),
    ("issue_comment_url", "issues/comments{/number}"),
    ("issue_events_url", "issues/events{/number}"),
    ("issues_url", "issues{/number}"),
    ("keys_url", "keys{/key_id}"),
    ("labels_url", "labels{/name}"),
    ("languages_url", "languages"),
    ("merges_url", "merges"),
    ("milestones_url", "milestones{/number}"),
    (
        "notifications_url",
        "notifications{?since,all,participating}",
    ),
    ("pulls_url", "pulls{/number}"),
    ("releases_url", "releases{/id}"),
    ("stargazers_url", "stargazers"),
    ("statuses_url", "statuses/{sha}"),
    ("subscribers_url", "subscribers"),
    ("subscription_url", "subscription"),
    ("tags_url", "tags"),
    ("teams_url", "teams"),
    ("trees_url", "git/trees{/sha}"),
];

impl World {
    /// A user or an organisation, in short.
    pub fn account_json(&self, login: &str) -> Value {
        let account = self.find_account(login);
        let id = account.map_or(0, |account| account.id);
        let is_organization = account.is_some_and(|account| account.is_organization);
        let at = format!("{}/users/{login}", self.api());
        json!({
            "login": login, "id": id, "node_id": format!("U_{id}"),
            "avatar_url": format!("{}/u/{id}", self.html()), "gravatar_id": "", "url": at,
            "html_url": format!("{}/{login}", self.html()), "followers_url": format!("{at}/followers"),
            "following_url": format!("{at}/following{{/other_user}}"),
            "gists_url": format!("{at}/gists{{/gist_id}}"),
            "starred_url": format!("{at}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{at}/subscriptions"), "organizations_url": format!("{at}/orgs"),
            "repos_url": format!("{at}/repos"), "events_url": format!("{at}/events{{/privacy}}"),
            "received_events_url": format!("{at}/received_events"),
            "type": if is_organization { "Organization" } else { "User" }, "site_admin": false,
        })
    }

    /// A user as the user sees themself.
    pub fn user_json(&self, login: &str) -> Value {
        let mut user = self.account_json(login);
        let made = written(jiff::Timestamp::UNIX_EPOCH);
        let more = json!({
            "name": null, "company": null, "blog": null, "location": null, "email": null,
            "hireable": null, "bio": null, "twitter_username": null, "public_repos": 0, "public_gists": 0,
            "followers": 0, "following": 0, "created_at": made, "updated_at": made,
        });
        merge(&mut user, more);
        user
    }

    /// A repository as lists have it.
    pub fn repository_json(&self, it: &Repository) -> Value {
        let full_name = it.full_name();
        let html = format!("{}/{full_name}", self.html());
        let at = format!("{}/repos/{full_name}", self.api());
        let mut json = json!({
            "id": it.id, "node_id": format!("R_{}", it.id), "name": it.name, "full_name": full_name,
            "private": it.private, "owner": self.account_json(&it.owner), "html_url": html,
            "description": null, "fork": false, "url": at,
        });
        for (name, path) in REPOSITORY_LINKS {
            json[name] = format!("{at}/{path}").into();
        }
        let host = &self.options.host;
        let rest = json!({
            "git_url": format!("git://{host}/{full_name}.git"), "ssh_url": format!("git@{host}:{full_name}.git"),
            "clone_url": format!("{html}.git"), "svn_url": html, "mirror_url": null, "homepage": null,
            "language": null, "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "size": 1,
            "default_branch": it.default_branch, "open_issues_count": 0, "is_template": false,
            "topics": [], "has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false,
            "has_downloads": true, "has_discussions": false, "archived": it.archived,
            "disabled": it.blocked.is_some(), "visibility": if it.private { "private" } else { "public" },
            "pushed_at": written(it.pushed_at), "created_at": written(it.created_at),
            "updated_at": written(it.pushed_at), "license": null, "forks": 0, "open_issues": 0, "watchers": 0,
            "permissions": {"admin": true, "maintain": true, "push": true, "triage": true, "pull": true},
        });
        merge(&mut json, rest);
        json
    }

    /// A repository as it is shown alone.
    pub fn whole_repository_json(&self, it: &Repository) -> Value {
        let mut json = self.repository_json(it);
        json["subscribers_count"] = 0.into();
        json["network_count"] = 0.into();
        json
    }

    pub fn commit_json(&self, repository: &Repository, sha: &str) -> Value {
        let full_name = repository.full_name();
        let at = format!("{}/repos/{full_name}", self.api());
        let html = format!("{}/{full_name}/commit/{sha}", self.html());
        let person = json!({"name": "octo", "email": "octo@example.com", "date": written(repository.pushed_at)});
        let unverified = json!({
            "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null,
        });
        json!({
            "sha": sha, "node_id": format!("C_{sha}"), "url": format!("{at}/commits/{sha}"), "html_url": html,
            "comments_url": format!("{at}/commits/{sha}/comments"),
            "commit": {
                "author": person, "committer": person, "message": "change", "comment_count": 0,
                "tree": {"sha": sha, "url": format!("{at}/git/trees/{sha}")},
                "url": format!("{at}/git/commits/{sha}"), "verification": unverified,
            },
            "author": self.account_json(&repository.owner), "committer": self.account_json(&repository.owner),
            "parents": [], "stats": {"total": 1, "additions": 1, "deletions": 0}, "files": [],
        })
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
