//! Which file each object is written to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Filling, Pattern};
use crate::plan::{Plan, PlannedObject};

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
    pub(super) fn of(object: &PlannedObject<'_>) -> Self {
        Self {
            environment: object.environment.clone(),
            cluster: object.cluster.clone(),
            project: object.project.clone(),
        }
    }

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

/// The folders, below that of the output, in which files of a plan lie.
pub fn planned_folders(plan: &Plan) -> BTreeSet<PathBuf> {
    let parents = layout(plan).into_iter().map(|mut file| {
        file.path.pop();
        file.path
    });
    parents.collect()
}

/// Puts every object into its file, in the order of the paths.
///
/// In a plan without errors every place has a file of its own, below the folder.
pub(super) fn layout(plan: &Plan) -> Vec<PlannedFile> {
    let mut by_place: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (index, object) in plan.objects.iter().enumerate() {
        by_place.entry(Place::of(object)).or_default().push(index);
    }
    let mut files: Vec<_> = by_place
        .into_iter()
        .map(|(place, objects)| PlannedFile {
            path: place.path(&plan.output),
            place,
            objects,
        })
        .collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}
