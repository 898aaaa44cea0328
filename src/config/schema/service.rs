//! GitHub, its budget, and the server.

use serde_json::{Map, Value, json};

use super::settings::required;
use super::values::{
    amount, dns_label, duration, list, map, map_of, reference, secret, share, text, texts, with,
};

pub(super) fn definitions() -> Map<String, Value> {
    let definitions = [
        ("githubHost", host()),
        ("identity", identity()),
        ("hook", hook()),
        ("secret", secret()),
        ("budget", budget()),
        ("server", server()),
    ];
    definitions
        .map(|(name, shape)| (name.to_owned(), shape))
        .into_iter()
        .collect()
}

fn web_address() -> Value {
    json!({"type": "string", "pattern": r"^https?://[^/@\s]+(/\S*)?$"})
}

fn host() -> Value {
    let or_off = |keys| json!({"anyOf": [{"const": false}, map(keys)]});
    let audit = or_off(vec![("every", duration(), "Left out, 60s.")]);
    let heads = or_off(vec![
        (
            "every",
            duration(),
            "Where no webhook comes; left out, 30s.",
        ),
        ("sweep", duration(), "Where one does; left out, 15m."),
        (
            "owners",
            texts(),
            "Organisations and users that are asked for what was pushed to last.",
        ),
    ]);
    let keys = vec![
        (
            "host",
            json!({"type": "string", "pattern": r"^[^/\s]+$"}),
            "As github.com.",
        ),
        (
            "apiUrl",
            web_address(),
            "Left out, that of github.com; of GitHub Enterprise Server https://HOST/api/v3.",
        ),
        (
            "ca",
            reference("secret"),
            "Who vouches for its certificate.",
        ),
        (
            "aliases",
            texts(),
            "Other host names of the same repositories.",
        ),
        (
            "identities",
            list(reference("identity")),
            "Who asks GitHub.",
        ),
        (
            "budgetIdentity",
            text(),
            "Whose limits the plan is priced against; left out, the first identity.",
        ),
        (
            "webhooks",
            list(reference("hook")),
            "Posted to /hooks/github/NAME.",
        ),
        (
            "audit",
            audit,
            "How often lists of deliveries are read; false: never.",
        ),
        (
            "heads",
            heads,
            "How often it is asked where refs point; false: never.",
        ),
    ];
    required(map(keys), &["host"])
}

fn identity() -> Value {
    let id = json!({"anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": "^0*[1-9][0-9]*$"},
    ]});
    let app = required(
        map(vec![
            ("id", id.clone(), "The App's, as GitHub shows it."),
            (
                "installation",
                id,
                "The installation's, as GitHub shows it.",
            ),
            (
                "privateKey",
                reference("secret"),
                "The App's private key in PEM, by reference.",
            ),
        ]),
        &["id", "installation", "privateKey"],
    );
    let keys = vec![
        (
            "name",
            text(),
            "What the rest of the configuration calls it.",
        ),
        ("token", reference("secret"), "A token, by reference."),
        ("app", app, "A GitHub App."),
        (
            "owners",
            texts(),
            "The organisations and users that it is for; left out, all for which no other is named.",
        ),
    ];
    let either = json!({"oneOf": [{"required": ["token"]}, {"required": ["app"]}]});
    with(required(map(keys), &["name"]), either)
}

fn hook() -> Value {
    let secrets = with(list(reference("secret")), json!({"minItems": 1}));
    let keys = vec![
        ("name", dns_label(), "Its address ends with it."),
        (
            "organization",
            text(),
            "It speaks of all that belongs to this organisation.",
        ),
        ("app", text(), "It is that of this identity's App."),
        (
            "repositories",
            json!({"const": true}),
            "It speaks of the repositories that sources name.",
        ),
        ("secrets", secrets, "Each is valid."),
        ("identity", text(), "Who asks GitHub about it."),
    ];
    let one = json!({"oneOf": [
        {"required": ["organization"]},
        {"required": ["app"]},
        {"required": ["repositories"]},
    ]});
    with(required(map(keys), &["name", "secrets"]), one)
}

fn budget() -> Value {
    let known = map(vec![
        ("name", text(), "Who uses it, as the report shows it."),
        (
            "identity",
            text(),
            "Whose limit is used; left out, that of the budget.",
        ),
        ("core", amount(), "Requests an hour."),
        ("graphql", amount(), "Points an hour."),
    ]);
    let some = json!({"anyOf": [{"required": ["core"]}, {"required": ["graphql"]}]});
    map(vec![
        (
            "failAbove",
            share(),
            "The share of a limit above which `budget` answers no, as 70%.",
        ),
        (
            "reserve",
            share(),
            "Left to the user's own tools; left out, 20%.",
        ),
        (
            "also",
            list(with(required(known, &["name"]), some)),
            "Known use by others.",
        ),
        (
            "costs",
            map_of(map_of(amount())),
            "Amounts in place of ours, by operation and resource.",
        ),
    ])
}

fn server() -> Value {
    let listen = json!({"type": "string", "pattern": "^.+:[0-9]+$"});
    let hooks = map(vec![
        ("listen", listen.clone(), "Left out, 0.0.0.0:9292."),
        (
            "trustedProxies",
            texts(),
            "Networks or addresses that are believed what they write into X-Forwarded-For.",
        ),
        ("url", web_address(), "How GitHub reaches it."),
    ]);
    let token = map(vec![
        ("name", text(), "Whose token it is, as the log shows it."),
        ("token", reference("secret"), "The token, by reference."),
        (
            "scope",
            json!({"enum": ["read", "write"]}),
            "Left out, read.",
        ),
    ]);
    let api = map(vec![
        ("listen", listen.clone(), "Left out, 127.0.0.1:9293."),
        (
            "tokens",
            list(required(token, &["name", "token"])),
            "Without any, everybody may ask.",
        ),
    ]);
    let store = json!({"anyOf": [
        {"type": "string", "pattern": "^(sqlite:|postgres://|postgresql://)"},
        reference("secret"),
    ]});
    map(vec![
        ("hooks", hooks, "Where deliveries are taken."),
        (
            "health",
            map(vec![("listen", listen, "Address and port.")]),
            "Only health and metrics; left out, they are on api alone.",
        ),
        ("api", api, "The live API and its page."),
        (
            "store",
            store,
            "sqlite:FILE, postgres://… without a password, or a reference to the whole address; left out, sqlite:flux-setup.db.",
        ),
        (
            "giveUpAfter",
            duration(),
            "So long it is tried to wake an object; left out, 24h.",
        ),
        (
            "proveWithin",
            duration(),
            "So long it is followed whether what was woken is applied; left out, 24h.",
        ),
    ])
}
