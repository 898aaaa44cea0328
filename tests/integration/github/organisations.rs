//! Five organisations whose repositories each only one of three identities may see.

use super::FakeGithub;
use super::repositories::Block;
use super::who::Who;

/// Each with who asks for its repositories; of the last two nothing is configured, so that the main identity does.
pub const ORGANISATIONS: [(&str, &str); 5] = [
    ("north", "one"),
    ("east", "one"),
    ("south", "two"),
    ("west", "three"),
    ("middle", "three"),
];
pub const IDENTITIES: [&str; 3] = ["one", "two", "three"];
/// Of each organisation these numbers were deleted, blocked, and renamed to `renamed`.
pub const GONE: u32 = 0;
pub const BLOCKED: u32 = 1;
pub const RENAMED: u32 = 2;

pub fn user(identity: &str) -> Who {
    Who::User(identity.to_owned())
}

/// Makes `ORGANISATION/rNUMBER`, so many in each. Who asks for what is not his own does not find it.
pub fn found(github: &FakeGithub, each: u32) {
    for (organisation, identity) in ORGANISATIONS {
        for number in 0..each {
            let name = format!("{organisation}/r{number}");
            github.private_repository(&name);
            for other in IDENTITIES.into_iter().filter(|it| *it != identity) {
                github.deny(&user(other), &name);
            }
        }
        github.delete(&format!("{organisation}/r{GONE}"));
        github.block(&format!("{organisation}/r{BLOCKED}"), Block::Law);
        let renamed = format!("{organisation}/renamed");
        github.rename(&format!("{organisation}/r{RENAMED}"), &renamed);
    }
}
