//! The report as machines read it.

use super::{WEB, with};
use crate::budget::sample::{Changed, fleet, host, plan, priced, source};
use crate::config::{BudgetSettings, IdentityKind};

#[test]
fn the_same_plan_gives_the_same_json() {
    let json = || serde_json::to_string(&priced(&fleet(50))).unwrap();
    assert_eq!(json(), json());
}

#[test]
fn the_json_has_the_documented_shape() {
    let plan = plan(vec![source(WEB).every(420).by_app("app")]);
    let github = [host("github.com", &[("bot", IdentityKind::Token)])];
    let report = with(&plan, &github, &BudgetSettings::default());
    let mut json = serde_json::to_value(&report).unwrap();
    json["costs"].as_array_mut().unwrap().truncate(1);
    for profile in json["profiles"].as_array_mut().unwrap() {
        let profile = profile.as_object_mut().unwrap();
        assert!(profile.remove("projects").unwrap().is_array());
        assert!(profile.remove("repositories").unwrap().is_array());
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap(), @r#"
    {
      "sources": 1,
      "profiles": [
        {
          "name": "flux-git",
          "buckets": [
            {
              "host": "github.com",
              "identity": "bot",
              "resource": "core",
              "requestsPerHour": 0,
              "limit": 5000,
              "share": 0,
              "basis": "documented",
              "reserve": 1000,
              "headroom": 4000,
              "also": []
            },
            {
              "host": "github.com",
              "identity": "secret app",
              "resource": "appJwt",
              "requestsPerHour": 1.25,
              "limit": null,
              "share": null,
              "basis": "assumed",
              "reserve": null,
              "headroom": null,
              "also": []
            }
          ],
          "environments": [
            {
              "name": "dev",
              "sources": 1,
              "requestsPerHour": 1.25,
              "share": 0,
              "basis": "assumed",
              "pollsPerHour": 8.571429,
              "gitRequestsPerHour": 8.571429
            }
          ]
        },
        {
          "name": "request-per-poll",
          "buckets": [
            {
              "host": "*",
              "identity": "fleet",
              "resource": "core",
              "requestsPerHour": 8.571429,
              "limit": 5000,
              "share": 0.001714,
              "basis": "assumed",
              "reserve": 1000,
              "headroom": 3991.428571,
              "also": []
            }
          ],
          "environments": [
            {
              "name": "dev",
              "sources": 1,
              "requestsPerHour": 8.571429,
              "share": 0.001714,
              "basis": "assumed",
              "pollsPerHour": 8.571429,
              "gitRequestsPerHour": 8.571429
            }
          ]
        }
      ],
      "git": {
        "requestsPerHour": 8.571429,
        "requestsPerSecond": 0.002381,
        "maxOnOneRepository": 0.002381,
        "busiestRepository": "github.com/acme/web",
        "basis": "documented",
        "advisory": {
          "perSecondOnOneRepository": 15,
          "basis": "assumed",
          "evidence": "GitHub's page on the limits of repositories, as others quote it"
        }
      },
      "start": {
        "gitRequests": 3,
        "maxOnOneRepository": 3,
        "busiestRepository": "github.com/acme/web",
        "tokenMints": 1,
        "basis": "documented"
      },
      "comparison": {
        "name": "30s everywhere",
        "profile": "request-per-poll",
        "requestsPerHour": 120,
        "planRequestsPerHour": 8.571429,
        "saving": 0.928571,
        "basis": "assumed"
      },
      "reserve": 0.2,
      "costs": [
        {
          "operation": "pollUnchanged",
          "core": 0,
          "graphql": 0,
          "appJwt": 0,
          "git": 1,
          "basis": "assumed",
          "evidence": "requests as in git/gogit/clone.go of fluxcd/pkg; that git spends no REST request is a support answer (orgs/community#44515)"
        }
      ],
      "advice": [
        {
          "kind": "listsAllRefs",
          "message": "each poll lists every ref of its repository, those of pull requests too, at about 86 bytes a ref: `github.com/acme/web` is polled 8.57 times an hour, which is 3.7 MB an hour for each 5,000 refs it has",
          "savesPollsPerHour": 0,
          "sources": []
        }
      ]
    }
    "#);
}
