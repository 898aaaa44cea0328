//! The objects of a live cluster, read as if they were files.

use anyhow::{Context, bail};

use crate::catalog::Kind;
use crate::cluster::{Cause, ClusterAccess, Connection, Piece};
use crate::flux::yaml::Node;

use super::manifest_files::Documents;

/// Objects of one page of a list.
const PAGE: u32 = 500;

/// The most pages of one kind.
const MOST_PAGES: usize = 200;

/// All objects of Flux in the cluster of a context. Nothing is written there.
pub(super) fn objects(context: &str, read: &mut Documents) -> anyhow::Result<Vec<Node>> {
    // who comes first decides which library encrypts
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let texts = runtime.block_on(texts(context))?;
    let mut documents = Vec::new();
    for (name, text) in texts {
        read.add(&name, text, &mut documents);
    }
    if documents.is_empty() {
        bail!("the cluster of context `{context}` holds no object of Flux");
    }
    Ok(documents)
}

/// Each object as JSON, under a name that says what it is.
async fn texts(context: &str) -> anyhow::Result<Vec<(String, String)>> {
    let access = ClusterAccess {
        name: context.into(),
        kubeconfig: None,
        context: Some(context.to_owned()),
    };
    let connection = Connection::open(&access)
        .await
        .with_context(|| format!("cannot reach the cluster of context `{context}`"))?;
    let mut texts = Vec::new();
    for kind in Kind::ALL {
        let mut from: Option<String> = None;
        for page in 0.. {
            if page == MOST_PAGES {
                bail!(
                    "context `{context}` has more than {} objects of kind {}",
                    MOST_PAGES * PAGE as usize,
                    kind.name()
                );
            }
            let list = match connection.list(kind, Some(PAGE), from.as_deref()).await {
                Ok(list) => list,
                // a cluster without this controller
                Err(failure)
                    if failure.cause == Cause::Missing && connection.is_api_server().await =>
                {
                    break;
                }
                Err(failure) => {
                    return Err(failure)
                        .with_context(|| format!("cannot read context `{context}`"));
                }
            };
            let mut too_long = 0;
            let end = list.read(|piece| match piece {
                Piece::Whole(bytes) => {
                    let number = texts.len();
                    let name = format!("{context}/{}/{number}", kind.name());
                    texts.push((name, with_kind(kind, &String::from_utf8_lossy(bytes))));
                }
                Piece::TooLong => too_long += 1,
            });
            let end = end
                .await
                .with_context(|| format!("cannot read context `{context}`"))?;
            if too_long > 0 {
                bail!(
                    "context `{context}` has an object of kind {} that is too long to be read",
                    kind.name()
                );
            }
            match end.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
    }
    Ok(texts)
}

/// In a list the items do not say what they are.
fn with_kind(kind: Kind, json: &str) -> String {
    let Ok(serde_json::Value::Object(mut object)) = serde_json::from_str(json) else {
        return json.to_owned();
    };
    let version = format!("{}/{}", kind.group(), kind.version());
    object.insert("apiVersion".to_owned(), version.into());
    object.insert("kind".to_owned(), kind.name().into());
    serde_json::Value::Object(object).to_string()
}
