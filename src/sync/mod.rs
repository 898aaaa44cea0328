//! Keeps the catalog in step with the clusters.
