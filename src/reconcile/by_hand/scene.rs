//! A cluster of objects as tests write them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::catalog::{Cache, Event, HostNames, Kind, Projector};

/// The cluster `prod`.
pub(in crate::reconcile) struct Scene {
    pub(in crate::reconcile) cluster: Cache,
}

impl Scene {
    /// With objects that say their kind.
    pub(in crate::reconcile) fn new(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut scene = Self {
            cluster: Cache::default(),
        };
        for object in objects {
            scene.put(object);
        }
        scene
    }

    pub(in crate::reconcile) fn put(&mut self, mut object: Value) {
        let kind = object["kind"].as_str().and_then(Kind::read).unwrap();
        let version = self.cluster.len() + 1;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let mut projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
        let item = projector.project(kind, object.to_string().as_bytes());
        self.cluster.apply(Event::Applied(Arc::new(item.unwrap())));
    }
}
