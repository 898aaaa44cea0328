//! Tokens and Apps: who a credential speaks for, and why one is refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use jiff::Timestamp;

use super::jwt;
use super::reply::Reply;
use super::who::{Caller, Level, Permissions, Rights, Who};

const BAD: &str = "Bad credentials";
pub const SUSPENDED: &str = "This installation has been suspended";

/// A token that was given out.
#[derive(Clone, Debug)]
pub enum Token {
    Personal {
        user: String,
        rights: Rights,
    },
    Installation {
        installation: u64,
        expires: Timestamp,
        permissions: Permissions,
        repositories: Option<BTreeSet<u64>>,
    },
}

#[derive(Clone, Debug)]
pub struct App {
    pub slug: String,
    pub owner: String,
    pub permissions: Permissions,
    pub events: Vec<String>,
    pub public_key: Vec<u8>,
}

#[derive(Clone, Debug)]
pub struct Installation {
    pub app: u64,
    pub account: String,
    pub permissions: Permissions,
    /// `None`: all repositories of the account.
    pub repositories: Option<BTreeSet<u64>>,
    pub suspended_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Debug, Default)]
pub struct Credentials {
    tokens: HashMap<String, Token>,
    pub apps: BTreeMap<u64, App>,
    pub installations: BTreeMap<u64, Installation>,
    made: u64,
}

impl Credentials {
    /// Makes the text of a token, each different.
    pub fn give(&mut self, prefix: &str, token: Token) -> String {
        self.made += 1;
        let text = format!("{prefix}_{:036}", self.made);
        self.tokens.insert(text.clone(), token);
        text
    }

    pub fn revoke(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    /// Removes an installation and what it was given.
    pub fn uninstall(&mut self, id: u64) {
        self.installations.remove(&id);
        self.tokens.retain(|_, token| {
            !matches!(token, Token::Installation { installation, .. } if *installation == id)
        });
    }

    /// Who calls, by the header `authorization`.
    ///
    /// # Errors
    /// 401 for a credential that is none, 403 for one of a suspended installation.
    pub fn caller(
        &self,
        header: Option<&str>,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Caller, Reply> {
        let nobody = Caller {
            who: Who::Address(from),
            rights: Rights::Nobody,
            credential: String::new(),
        };
        let Some(header) = header else {
            return Ok(nobody);
        };
        let bad = || Reply::refusal(401, BAD);
        let (scheme, credential) = header.split_once(' ').ok_or_else(bad)?;
        if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
            return Err(bad());
        }
        let credential = credential.trim();
        if jwt::is_one(credential) {
            let key = |app| self.apps.get(&app).map(|app: &App| app.public_key.clone());
            let app = jwt::issuer(credential, now, key)
                .map_err(|(status, message)| Reply::refusal(status, message))?;
            return Ok(Caller {
                who: Who::App(app),
                rights: Rights::App,
                credential: format!("app {app}"),
            });
        }
        let (who, rights) = match self.tokens.get(credential).ok_or_else(bad)? {
            Token::Personal { user, rights } => (Who::User(user.clone()), rights.clone()),
            Token::Installation { expires, .. } if *expires <= now => return Err(bad()),
            Token::Installation {
                installation: id,
                permissions,
                repositories,
                ..
            } => {
                let installation = self.installations.get(id).ok_or_else(bad)?;
                if installation.suspended_at.is_some() {
                    return Err(Reply::refusal(403, SUSPENDED));
                }
                let rights = Rights::Installation {
                    // What was taken away since counts too.
                    permissions: lesser(permissions, &installation.permissions),
                    repositories: both(repositories.as_ref(), installation.repositories.as_ref()),
                    account: installation.account.clone(),
                };
                (Who::Installation(*id), rights)
            }
        };
        Ok(Caller {
            who,
            rights,
            credential: credential.to_owned(),
        })
    }
}

fn lesser(one: &Permissions, other: &Permissions) -> Permissions {
    let both = one.iter().filter_map(|(name, level)| {
        let level: Level = (*level).min(*other.get(name)?);
        Some((name.clone(), level))
    });
    both.collect()
}

fn both(one: Option<&BTreeSet<u64>>, other: Option<&BTreeSet<u64>>) -> Option<BTreeSet<u64>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one & other),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    }
}
