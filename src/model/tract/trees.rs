//! `TreeEnsembleRegressor` of ONNX's operator set for machine learning, which tract has not: gradient-boosted trees, such as
//! LightGBM's rankers.
//!
//! Every index is checked when the node is read, and each tree is walked once to prove that it is one: then a candidate's
//! way ends at a leaf within as many steps as the tree is deep.

#[cfg(test)]
mod tests;

use ndarray::{Array2, Ix2};
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::*;

/// The most targets.
const MAX_TARGETS: usize = 64;

/// Trees over the rows of a matrix.
#[derive(Clone, Debug, PartialEq)]
struct Trees {
    nodes: Vec<Tree>,
    /// The first node of each tree.
    roots: Vec<usize>,
    /// What leaves add: a target and a number.
    weights: Vec<(usize, f32)>,
    /// One a target.
    base: Vec<f32>,
    aggregate: Aggregate,
    logistic: bool,
    /// Columns that must be there.
    columns: usize,
    /// Steps a row takes at most, over all trees.
    depth: usize,
}

impl Eq for Trees {}

#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Branch {
        column: usize,
        test: Test,
        value: f32,
        nan_holds: bool,
        holds: usize,
        fails: usize,
    },
    /// A range of [`Trees::weights`].
    Leaf(Range<usize>),
}

type Range<T> = std::ops::Range<T>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    Unequal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Average,
    Least,
    Most,
}

/// Reads the node. Called by tract.
pub(super) fn read(
    _: &tract_onnx::model::ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(Trees::read(node)?), Vec::new()))
}

impl Trees {
    fn read(node: &NodeProto) -> TractResult<Self> {
        if let Some(attribute) =
            node.attribute.iter().find(|attribute| attribute.name.ends_with("_as_tensor"))
        {
            bail!("TreeEnsembleRegressor ({})", attribute.name);
        }
        let targets = node.get_attr_opt::<usize>("n_targets")?.unwrap_or(1);
        ensure!((1..=MAX_TARGETS).contains(&targets), "TreeEnsembleRegressor (n_targets {targets})");
        let aggregate = match node.get_attr_opt::<&str>("aggregate_function")?.unwrap_or("SUM") {
            "SUM" => Aggregate::Sum,
            "AVERAGE" => Aggregate::Average,
            "MIN" => Aggregate::Least,
            "MAX" => Aggregate::Most,
            other => bail!("TreeEnsembleRegressor (aggregate_function {other})"),
        };
        let logistic = match node.get_attr_opt::<&str>("post_transform")?.unwrap_or("NONE") {
            "NONE" => false,
            "LOGISTIC" => true,
            other => bail!("TreeEnsembleRegressor (post_transform {other})"),
        };
        let base = node.get_attr_opt_vec::<f32>("base_values")?.unwrap_or_else(|| vec![0.0; targets]);
        ensure!(base.len() == targets, "there is not one base value for each target");

        let tree_ids = node.get_attr_vec::<usize>("nodes_treeids")?;
        let places = Places::of(&tree_ids, &node.get_attr_vec("nodes_nodeids")?)?;
        let mut leaves = Leaves::read(node, &places, targets)?;
        let len = tree_ids.len();
        let columns = list::<usize>(node, "nodes_featureids", len)?;
        let values = list::<f32>(node, "nodes_values", len)?;
        let modes = list::<&str>(node, "nodes_modes", len)?;
        let holds = list::<usize>(node, "nodes_truenodeids", len)?;
        let fails = list::<usize>(node, "nodes_falsenodeids", len)?;
        let nan_holds = match node.get_attr_opt_vec::<bool>("nodes_missing_value_tracks_true")? {
            Some(given) if given.len() == len => given,
            Some(given) if !given.is_empty() => {
                bail!("nodes_missing_value_tracks_true has {} entries", given.len())
            }
            _ => vec![false; len],
        };
        let mut nodes = Vec::with_capacity(len);
        let mut width = 0;
        for at in 0..len {
            let test = match modes[at] {
                "LEAF" => {
                    nodes.push(Tree::Leaf(leaves.take(at)));
                    continue;
                }
                "BRANCH_LEQ" => Test::AtMost,
                "BRANCH_LT" => Test::Below,
                "BRANCH_GTE" => Test::AtLeast,
                "BRANCH_GT" => Test::Above,
                "BRANCH_EQ" => Test::Equal,
                "BRANCH_NEQ" => Test::Unequal,
                other => bail!("TreeEnsembleRegressor (nodes_modes {other})"),
            };
            let column = columns[at];
            width = width.max(column.checked_add(1).context("a column's number is too large")?);
            nodes.push(Tree::Branch {
                column,
                test,
                value: values[at],
                nan_holds: nan_holds[at],
                holds: places.get(tree_ids[at], holds[at])?,
                fails: places.get(tree_ids[at], fails[at])?,
            });
        }
        // A tree's first node is its root.
        let mut roots: Vec<usize> = Vec::new();
        for (at, id) in tree_ids.iter().enumerate() {
            if at == 0 || tree_ids[at - 1] != *id {
                roots.push(at);
            }
        }
        let depth = depth(&nodes, &roots)?;
        Ok(Self { nodes, roots, weights: leaves.weights, base, aggregate, logistic, columns: width, depth })
    }

    /// `f32[N, F]` to `f32[N, targets]`.
    fn run(&self, rows: &ndarray::ArrayView2<'_, f32>) -> TractResult<Array2<f32>> {
        ensure!(
            rows.ncols() >= self.columns,
            "the trees ask for {} columns of {}",
            self.columns,
            rows.ncols()
        );
        let mut scores = Array2::zeros((rows.nrows(), self.base.len()));
        for (row, mut scores) in rows.rows().into_iter().zip(scores.rows_mut()) {
            scores.fill(match self.aggregate {
                Aggregate::Sum | Aggregate::Average => 0.0,
                Aggregate::Least => f32::INFINITY,
                Aggregate::Most => f32::NEG_INFINITY,
            });
            for &root in &self.roots {
                for &(target, weight) in &self.weights[self.leaf(root, &row)] {
                    let score: &mut f32 = &mut scores[target];
                    *score = match self.aggregate {
                        Aggregate::Sum | Aggregate::Average => *score + weight,
                        Aggregate::Least => score.min(weight),
                        Aggregate::Most => score.max(weight),
                    };
                }
            }
            for (score, base) in scores.iter_mut().zip(&self.base) {
                if self.aggregate == Aggregate::Average {
                    *score /= self.roots.len() as f32;
                }
                *score += base;
                if self.logistic {
                    *score = 1.0 / (1.0 + libm::expf(-*score));
                }
            }
        }
        Ok(scores)
    }

    fn leaf(&self, root: usize, row: &ndarray::ArrayView1<'_, f32>) -> Range<usize> {
        let mut at = root;
        loop {
            match &self.nodes[at] {
                Tree::Leaf(weights) => return weights.clone(),
                Tree::Branch { column, test, value, nan_holds, holds, fails } => {
                    let x = row[*column];
                    let held = match test {
                        _ if x.is_nan() => *nan_holds,
                        Test::AtMost => x <= *value,
                        Test::Below => x < *value,
                        Test::AtLeast => x >= *value,
                        Test::Above => x > *value,
                        Test::Equal => x == *value,
                        Test::Unequal => x != *value,
                    };
                    at = if held { *holds } else { *fails };
                }
            }
        }
    }
}

/// Where the node of a tree stands in the lists of all.
struct Places(HashMap<(usize, usize), usize>);

impl Places {
    /// Trees must stand one after another, as every converter writes them.
    fn of(trees: &[usize], nodes: &[usize]) -> TractResult<Self> {
        ensure!(!trees.is_empty() && trees.len() == nodes.len(), "the lists of nodes differ in length");
        ensure!(trees.windows(2).all(|pair| pair[0] <= pair[1]), "the trees do not stand in order");
        let mut places = HashMap::with_capacity(trees.len());
        for (at, id) in trees.iter().copied().zip(nodes.iter().copied()).enumerate() {
            ensure!(places.insert(id, at).is_none(), "two nodes of a tree share a number");
        }
        Ok(Self(places))
    }

    fn get(&self, tree: usize, node: usize) -> TractResult<usize> {
        self.0.get(&(tree, node)).copied().context("a tree has no node of a number that is named")
    }
}

/// What each leaf adds, sorted by leaf.
struct Leaves {
    /// Leaf, target and number.
    entries: Vec<(usize, usize, f32)>,
    weights: Vec<(usize, f32)>,
}

impl Leaves {
    fn read(node: &NodeProto, places: &Places, targets: usize) -> TractResult<Self> {
        let trees = node.get_attr_vec::<usize>("target_treeids")?;
        let nodes = list::<usize>(node, "target_nodeids", trees.len())?;
        let ids = list::<usize>(node, "target_ids", trees.len())?;
        let weights = list::<f32>(node, "target_weights", trees.len())?;
        let mut entries = Vec::with_capacity(trees.len());
        for (at, weight) in weights.into_iter().enumerate() {
            ensure!(ids[at] < targets, "a leaf has a target that is not there");
            entries.push((places.get(trees[at], nodes[at])?, ids[at], weight));
        }
        entries.sort_by_key(|entry| entry.0);
        Ok(Self { entries, weights: Vec::new() })
    }

    /// The range in `weights` of what the leaf at a place adds.
    fn take(&mut self, at: usize) -> Range<usize> {
        let from = self.weights.len();
        let first = self.entries.partition_point(|entry| entry.0 < at);
        let own = self.entries[first..].iter().take_while(|entry| entry.0 == at);
        self.weights.extend(own.map(|&(_, target, weight)| (target, weight)));
        from..self.weights.len()
    }
}

/// Proves that no node has two ways to it; the steps to the deepest leaves, summed over the trees.
fn depth(nodes: &[Tree], roots: &[usize]) -> TractResult<usize> {
    let mut seen = vec![false; nodes.len()];
    let (mut sum, mut open) = (0, Vec::new());
    for &root in roots {
        let mut deepest = 0;
        open.push((root, 1));
        while let Some((at, depth)) = open.pop() {
            ensure!(!std::mem::replace(&mut seen[at], true), "there are two ways to a node of a tree");
            deepest = deepest.max(depth);
            if let Tree::Branch { holds, fails, .. } = nodes[at] {
                open.extend([(holds, depth + 1), (fails, depth + 1)]);
            }
        }
        sum += deepest;
    }
    Ok(sum)
}

/// A list attribute of a known length.
fn list<'a, T: tract_onnx::pb_helpers::AttrTVecType<'a>>(
    node: &'a NodeProto,
    name: &str,
    len: usize,
) -> TractResult<Vec<T>> {
    let list = node.get_attr_vec(name)?;
    ensure!(list.len() == len, "{name} has {} entries, not {len}", list.len());
    Ok(list)
}

impl Expansion for Trees {
    fn name(&self) -> StaticName {
        "TreeEnsembleRegressor".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].rank, 2)?;
        solver.equals(&outputs[0].datum_type, f32::datum_type())?;
        solver.equals(&outputs[0].rank, 2)?;
        solver.equals(&outputs[0].shape[0], &inputs[0].shape[0])?;
        solver.equals(&outputs[0].shape[1], self.base.len().to_dim())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for Trees {
    fn name(&self) -> StaticName {
        "TreeEnsembleRegressor".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Trees {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let rows = args_1!(inputs);
        let rows = rows.cast_to::<f32>()?;
        let rows = rows.to_plain_array_view::<f32>()?.into_dimensionality::<Ix2>()?;
        Ok(tvec!(Tensor::from(self.run(&rows)?).into_tvalue()))
    }
}

impl TypedOp for Trees {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs[0].rank() == 2, "the trees' input is no matrix");
        Ok(tvec!(f32::fact([inputs[0].shape[0].clone(), self.base.len().to_dim()])))
    }

    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        Ok(tvec!((Cost::FMA(f32::datum_type()), inputs[0].shape[0].clone() * self.depth)))
    }

    as_op!();
}
