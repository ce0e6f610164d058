//! What the fuzz targets for models do with the bytes that they make up.

use super::compact::{Compact, graph};
use super::contract::{self, Contract};
use super::{Model, onnx};
use crate::{Candidates, Feature, Policy, Profile, Ranker, Seconds};
use nearside_kernels::vector::DIMENSION;

/// Reads the bytes as an ONNX file: it is read or refused, by one of the two codes for models.
pub fn read(bytes: &[u8]) {
    match onnx::read(bytes) {
        Ok(model) => {
            let parts = model.graph.nodes.iter().map(|node| node.inputs.len() + node.outputs.len());
            assert!(parts.sum::<usize>() <= bytes.len(), "more is read than was written");
            drop(contract::read(&model.metadata));
        }
        Err(error) => assert!(matches!(error.code(), "model_rejected" | "model_unsupported"), "{error}"),
    }
}

/// Loads the bytes as a model and ranks every list for its reader; then once more without regard to contract and golden case, that
/// nearly every change breaks, and once as a graph of any inputs.
pub fn load_and_rank(bytes: &[u8], pages: &[(Candidates, Profile)], now: Seconds) {
    let loaded = Model::load(bytes);
    let Ok(file) = onnx::read(bytes) else {
        assert!(loaded.is_err());
        return;
    };
    if let Ok(model) = loaded {
        rank(model, pages, now);
    }
    let wide = file.graph.inputs.iter().find(|input| input.name == "features");
    let wide = wide.and_then(|input| input.dims.as_ref()?.last().copied()?).unwrap_or(9);
    let features = usize::try_from(wide).ok().and_then(|wide| Feature::ALL.get(..wide));
    if let Some(features) = features
        && let Ok(engine) = Compact::load(&file, features.len(), DIMENSION)
    {
        let contract =
            Contract { id: String::new(), features: features.to_vec(), space: String::new(), k: 10.0 };
        let engine = Box::new(engine);
        let (features, candidates, history, scores) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let model = Model {
            contract,
            engine,
            #[cfg(feature = "tract")]
            file: super::report::File::default(),
            features,
            candidates,
            history,
            scores,
        };
        rank(model, pages, now);
    }
    graph::try_run(&file);
}

fn rank(model: Model, pages: &[(Candidates, Profile)], now: Seconds) {
    let mut ranker = Ranker::new(model);
    for (candidates, profile) in pages {
        match ranker.rank(candidates, profile, &Policy::default(), now) {
            Ok(order) => {
                let mut places = order.to_vec();
                places.sort_unstable();
                assert!(places.into_iter().eq(0..candidates.len() as u32), "the order is no permutation");
            }
            Err(error) => assert!(
                matches!(error.code(), "nonfinite" | "model_rejected" | "model_unsupported"),
                "{error}"
            ),
        }
    }
}
