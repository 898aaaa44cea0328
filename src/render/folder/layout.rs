//! Which file each object is written to.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::config::{Filling, Finding, Pattern};
use crate::plan::Plan;

/// Names that kustomize reads as its own configuration.
pub(super) const KUSTOMIZE_FILES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whose objects one file holds: those of a project in one environment and cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub environment: Arc<str>,
    /// `None` where the environment names no cluster.
    pub cluster: Option<Arc<str>>,
    pub project: Arc<str>,
}

/// `<environment>/<cluster>/<project>`, with `-` where there is no cluster.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cluster = self.cluster.as_deref().unwrap_or("-");
        write!(f, "{}/{}/{}", self.environment, cluster, self.project)
    }
}

impl Place {
    /// Reads what [`Place`] prints.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('/').filter(|part| !part.is_empty());
        let (environment, cluster, project) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then(|| Self {
            environment: Arc::from(environment),
            cluster: (cluster != "-").then(|| Arc::from(cluster)),
            project: Arc::from(project),
        })
    }

    /// The file of this place.
    pub(super) fn path(&self, output: &Pattern) -> PathBuf {
        PathBuf::from(output.fill(Filling {
            project: &self.project,
            object: &self.project,
            environment: &self.environment,
            cluster: self.cluster.as_deref().unwrap_or_default(),
        }))
    }
}

/// One file and the objects that it holds.
#[derive(Debug)]
pub(super) struct PlannedFile {
    pub(super) path: PathBuf,
    pub(super) place: Place,
    /// Numbers of objects in the plan, ascending: sources come first.
    pub(super) objects: Vec<usize>,
}

/// Puts every object into its file, in the order of the paths.
///
/// Found faults: two places that share a file, a file that kustomize would take for its own, and a
/// path that leaves the folder.
pub(super) fn layout(plan: &Plan) -> (Vec<PlannedFile>, Vec<Finding>) {
    let mut by_place: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (index, object) in plan.objects.iter().enumerate() {
        let place = Place {
            environment: object.environment.clone(),
            cluster: object.cluster.clone(),
            project: object.project.clone(),
        };
        by_place.entry(place).or_default().push(index);
    }
    let mut by_path: BTreeMap<PathBuf, PlannedFile> = BTreeMap::new();
    let mut findings = Vec::new();
    for (place, objects) in by_place {
        let path = place.path(&plan.output);
        let span = objects
            .first()
            .map(|first| plan.objects[*first].span)
            .unwrap_or_default();
        if let Some(other) = by_path.get(&path) {
            findings.push(
                Finding::error(
                    span,
                    "output",
                    format!(
                        "`{}` and `{place}` would share the file {}",
                        other.place,
                        path.display()
                    ),
                )
                .hint("name `{cluster}`, `{environment}` and `{project}` in `output`"),
            );
            continue;
        }
        if !stays_below(&path) {
            findings.push(Finding::error(
                span,
                "output",
                format!("the file {} would lie outside the folder", path.display()),
            ));
        } else if is_kustomize_file(&path) {
            findings.push(
                Finding::error(
                    span,
                    "",
                    format!(
                        "`{place}` would be written to {}, which kustomize reads as its own configuration",
                        path.display()
                    ),
                )
                .hint("rename the project, or put more than its name into `output`"),
            );
        } else {
            by_path.insert(
                path.clone(),
                PlannedFile {
                    path,
                    place,
                    objects,
                },
            );
        }
    }
    (by_path.into_values().collect(), findings)
}

fn stays_below(path: &Path) -> bool {
    path.file_name().is_some()
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Whatever the case of its letters: some file systems do not tell them apart.
fn is_kustomize_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        KUSTOMIZE_FILES
            .iter()
            .any(|ours| name.eq_ignore_ascii_case(ours))
    })
}
