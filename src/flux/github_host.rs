//! The names of GitHub's own host.

/// The host of GitHub's own service.
pub const GITHUB: &str = "github.com";

/// Other names of it that serve the same repositories: by ssh on port 443, and the web's.
///
/// Source: GitHub's page on SSH over the HTTPS port; `www` redirects.
pub const OTHER_NAMES_OF_GITHUB: [&str; 2] = ["ssh.github.com", "www.github.com"];

/// Whether a host is GitHub's own service, with or without data residency, and no server of one's own.
pub fn is_github_cloud(host: &str) -> bool {
    host == GITHUB || host.ends_with(".ghe.com")
}
