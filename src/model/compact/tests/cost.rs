//! What hostile models may cost: graphs made to take long for what they count, by rows of two, reading out of turn, functions that
//! are slow at some numbers, and numbers that are slow to all functions.
//!
//! ```sh
//! NEARSIDE_COST=1 cargo test --release --lib cost -- --nocapture --test-threads 1    # times the dearest of each kind that is taken
//! ```

use std::time::Instant;

use super::hostile::{features, model, node};
use super::*;
use crate::model::onnx::{Attribute, Node, OnnxModel};

/// The longest that the dearest graph of a kind may take natively, in milliseconds.
const MOST: f64 = 30.0;
/// Candidates and features.
const N: usize = 200;
const F: usize = 4;

/// A graph under construction: `x` is [N, a, b], made of `features` and one number.
struct Hostile {
    nodes: Vec<Node<'static>>,
    last: &'static str,
    a: i64,
}

fn name(text: String) -> &'static str {
    text.leak()
}

impl Hostile {
    fn new(a: i64, b: i64, number: f32) -> Self {
        let mut graph = Self { nodes: Vec::new(), last: "features", a };
        let axes = graph.ints(&[1]);
        let (first, end, middle) = (graph.ints(&[0]), graph.ints(&[1]), graph.ints(&[2]));
        let (shape, zero, number) = (graph.ints(&[1, a, b]), graph.float(0.0), graph.float(number));
        graph.add("Slice", &["features", first, end, axes], vec![]);
        graph.add("Unsqueeze", &[graph.last, middle], vec![]);
        graph.add("Mul", &[graph.last, zero], vec![]);
        graph.add("Add", &[graph.last, number], vec![]);
        graph.add("Expand", &[graph.last, shape], vec![]);
        graph
    }

    fn add(
        &mut self,
        operator: &'static str,
        inputs: &[&'static str],
        attributes: Vec<(&'static str, Attribute<'static>)>,
    ) -> &'static str {
        self.last = name(format!("v{}", self.nodes.len()));
        self.nodes.push(Node { attributes, ..node(operator, inputs, self.last) });
        self.last
    }

    fn constant(&mut self, kind: &'static str, value: Attribute<'static>) -> &'static str {
        let last = self.last;
        let constant = self.add("Constant", &[], vec![(kind, value)]);
        self.last = last;
        constant
    }

    fn ints(&mut self, values: &[i64]) -> &'static str {
        self.constant("value_ints", Attribute::Ints(values.to_vec()))
    }

    fn float(&mut self, value: f32) -> &'static str {
        self.constant("value_float", Attribute::Float(value))
    }

    /// One score a candidate: all of the last value's elements together.
    fn model(mut self) -> OnnxModel<'static> {
        let axes = self.ints(&[1, 2]);
        self.add("ReduceSum", &[self.last, axes], vec![("keepdims", Attribute::Int(0))]);
        self.nodes.push(node("Identity", &[self.last], "score"));
        let mut model = model(vec![features()], self.nodes);
        model.opset = 21;
        model
    }
}

/// What is done with `x` once more.
type More = Box<dyn Fn(&mut Hostile, &'static str)>;
/// The same, as a function that takes nothing along.
type Make = fn(&mut Hostile, &'static str);

/// A kind of graph: its name, the shape and the number of `x`, and what is done with it again and again.
struct Kind(String, (i64, i64), f32, More);

/// The shapes of a candidate's part of `x`. Three results of a size fit the arena.
const SHAPES: [(i64, i64); 6] = [(1, 2400), (1200, 2), (2400, 1), (600, 4), (40, 60), (2, 1200)];
/// Of all sizes, and slow ones: denormal, with denormal squares, with denormal cubes.
const NUMBERS: [f32; 7] = [0.7, -2.3, 1e-40, 1e-20, -1e-13, 3e30, -100.0];

/// Functions of elements, at numbers of all sizes.
fn functions() -> Vec<Kind> {
    const ALONE: [&str; 12] = [
        "Sqrt",
        "Exp",
        "Log",
        "Neg",
        "Reciprocal",
        "Relu",
        "LeakyRelu",
        "Elu",
        "Gelu",
        "Erf",
        "Sigmoid",
        "Tanh",
    ];
    let mut kinds = Vec::new();
    for number in NUMBERS {
        let mut add = |name: String, shape, more: More| kinds.push(Kind(name, shape, number, more));
        for operator in ALONE {
            add(
                operator.into(),
                SHAPES[0],
                Box::new(move |graph, x| {
                    graph.add(operator, &[x], vec![]);
                }),
            );
        }
        let tanh = || vec![("approximate", Attribute::Text("tanh"))];
        add(
            "Gelu by Tanh".into(),
            SHAPES[0],
            Box::new(move |graph, x| {
                graph.add("Gelu", &[x], tanh());
            }),
        );
        for other in [0.999, 1e-20, -3.0, 1e-40, 1234.5] {
            for operator in ["Mul", "Div", "Pow", "Add"] {
                let more = move |graph: &mut Hostile, x| {
                    let other = graph.float(other);
                    graph.add(operator, &[x, other], vec![]);
                };
                add(format!("{operator} {other:e}"), SHAPES[0], Box::new(more));
            }
            let more = move |graph: &mut Hostile, x| {
                let (shape, other) = (graph.ints(&[64, 200]), graph.float(other));
                graph.add("Expand", &[other, shape], vec![]);
                graph.add("MatMul", &[x, graph.last], vec![]);
            };
            add(format!("MatMul {other:e}"), (1, 64), Box::new(more));
        }
    }
    kinds
}

/// What is done row by row, moved or broadcast, in all shapes.
fn shapes() -> Vec<Kind> {
    const MORE: [(&str, Make); 16] = [
        ("a row beside all", |graph, x| beside(graph, x, 1)),
        ("a column beside all", |graph, x| beside(graph, x, 2)),
        ("transposed", |graph, x| transposed(graph, x, &[0, 2, 1])),
        ("candidates last", |graph, x| transposed(graph, x, &[1, 2, 0])),
        ("candidates amid", |graph, x| transposed(graph, x, &[1, 0, 2])),
        ("backwards", |graph, x| {
            let (start, end, two) = (graph.ints(&[-1]), graph.ints(&[i64::MIN]), graph.ints(&[2]));
            let step = graph.ints(&[-1]);
            graph.add("Slice", &[x, start, end, two, step], vec![]);
        }),
        ("Softmax", |graph, x| {
            graph.add("Softmax", &[x], vec![]);
        }),
        ("Softmax of columns", |graph, x| {
            graph.add("Softmax", &[x], vec![("axis", Attribute::Int(1))]);
        }),
        ("LayerNormalization", |graph, x| {
            let one = graph.constant("value_floats", Attribute::Floats(vec![1.0]));
            graph.add("LayerNormalization", &[x, one], vec![]);
        }),
        ("sum of rows", |graph, x| reduced(graph, "ReduceSum", x, 2)),
        ("sum of columns", |graph, x| reduced(graph, "ReduceSum", x, 1)),
        ("mean of rows", |graph, x| reduced(graph, "ReduceMean", x, 2)),
        ("itself beside it", |graph, x| {
            graph.add("Concat", &[x, x], vec![("axis", Attribute::Int(2))]);
        }),
        ("a choice", |graph, x| {
            let row = part(graph, x, 1);
            graph.add("Cast", &[row], vec![("to", Attribute::Int(9))]);
            graph.add("Where", &[graph.last, x, row], vec![]);
        }),
        ("truncated", |graph, x| {
            graph.add("Cast", &[x], vec![("to", Attribute::Int(7))]);
        }),
        ("small products", |graph, x| {
            let column = part(graph, x, 2);
            let row = part(graph, x, 1);
            let order = vec![("perm", Attribute::Ints(vec![0, 2, 1]))];
            graph.add("Transpose", &[row], order);
            graph.add("MatMul", &[x, graph.last], vec![]);
            graph.add("Mul", &[graph.last, column], vec![]);
        }),
    ];
    let mut kinds = Vec::new();
    for shape in SHAPES {
        for number in [0.7, 1e-40] {
            kinds.extend(MORE.iter().map(|&(name, more)| Kind(name.into(), shape, number, Box::new(more))));
        }
        let more = |graph: &mut Hostile, x| {
            let scattered: Vec<i64> = (0..graph.a).map(|i| i * 7919 % graph.a).collect();
            let indices = graph.ints(&scattered);
            graph.add("Gather", &[x, indices], vec![("axis", Attribute::Int(1))]);
        };
        kinds.push(Kind("gathered".into(), shape, 0.7, Box::new(more)));
    }
    kinds
}

/// The first of an axis.
fn part(graph: &mut Hostile, x: &'static str, axis: i64) -> &'static str {
    let (first, end, axis) = (graph.ints(&[0]), graph.ints(&[1]), graph.ints(&[axis]));
    graph.add("Slice", &[x, first, end, axis], vec![])
}

/// A part of `x` added to all of it.
fn beside(graph: &mut Hostile, x: &'static str, axis: i64) {
    let part = part(graph, x, axis);
    graph.add("Add", &[x, part], vec![]);
}

fn transposed(graph: &mut Hostile, x: &'static str, order: &[i64]) {
    graph.add("Transpose", &[x], vec![("perm", Attribute::Ints(order.to_vec()))]);
}

fn reduced(graph: &mut Hostile, operator: &'static str, x: &'static str, axis: i64) {
    let axis = graph.ints(&[axis]);
    graph.add(operator, &[x, axis], vec![]);
}

impl Kind {
    /// The graph with so many of them. All but the last are of no use, and computed nevertheless.
    fn of(&self, count: usize) -> Result<Compact, Error> {
        let Self(_, (a, b), number, more) = self;
        let mut graph = Hostile::new(*a, *b, *number);
        let x = graph.last;
        (0..count).for_each(|_| more(&mut graph, x));
        graph.last = x;
        Compact::load(&graph.model(), F, 3)
    }

    /// The largest that is taken, and how many are in it; `None` where one is too much.
    fn largest(&self) -> Option<(usize, Compact)> {
        let (mut count, mut step, mut largest) = (0, 64, None);
        while step > 0 {
            match self.of(count + step) {
                Ok(engine) => (count, largest) = (count + step, Some(engine)),
                Err(Error::ModelTooLarge(_)) => step /= 2,
                Err(error) => panic!("{}: {error}", self.0),
            }
        }
        largest.map(|engine| (count, engine))
    }
}

/// The least milliseconds of a few rankings of most candidates.
fn milliseconds(engine: &mut Compact) -> f64 {
    let features: Vec<f32> = (0..N * F).map(|i| (i * 7 % 23) as f32 / 4.0 - 2.0).collect();
    let none = &[][..];
    let inputs = Inputs {
        candidates_len: N,
        features: &features,
        candidates: none,
        history_len: 0,
        history: none,
        history_weight: none,
    };
    let mut scores = [0.0; N];
    let mut once = || {
        let start = Instant::now();
        engine.score(&inputs, &mut scores).unwrap();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..5).map(|_| once()).fold(f64::INFINITY, f64::min)
}

#[test]
fn the_dearest_of_each_kind_that_is_taken_takes_no_longer_than_the_bound_says() {
    if std::env::var_os("NEARSIDE_COST").is_none() {
        return;
    }
    let mut rows = Vec::new();
    for kind in functions().into_iter().chain(shapes()) {
        let Some((count, mut engine)) = kind.largest() else { continue };
        let cost = engine.plan(N, 0).unwrap().cost;
        let Kind(name, (a, b), number, _) = &kind;
        rows.push((milliseconds(&mut engine), cost, format!("{count} x {name}, {a} x {b} of {number:e}")));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (time, cost, name) in rows.iter().take(40) {
        println!("{time:6.1} ms {:5.1} million  {name}", *cost as f64 / 1e6);
    }
    assert!(rows[0].0 <= MOST, "{}: {} ms", rows[0].2, rows[0].0);
}

/// A kind by its name, of ordinary numbers.
fn find(name: &str, shape: (i64, i64)) -> Kind {
    let mut all = functions().into_iter().chain(shapes());
    Kind(name.into(), shape, 0.7, all.find(|kind| kind.0 == name).unwrap().3)
}

/// The cost of one more, in operations for each element of `x` at most candidates.
fn cost_of_one(name: &str, shape: (i64, i64)) -> f64 {
    let kind = find(name, shape);
    let [one, two] = [1, 2].map(|count| kind.of(count).unwrap().plan(N, 0).unwrap().cost);
    (two - one) as f64 / (N as i64 * shape.0 * shape.1) as f64
}

#[test]
fn a_row_costs_as_much_as_many_elements() {
    // 64 for a row of two, and two for an addition of each.
    assert!(cost_of_one("a row beside all", (60, 2)) > 32.0);
    // Of which four are for the copied row.
    assert!(cost_of_one("a row beside all", (2, 200)) < 6.0);
    assert!(cost_of_one("a column beside all", (50, 4)) > 16.0);
    assert!(cost_of_one("Softmax", (60, 2)) > 80.0);
    assert!(cost_of_one("Softmax", (1, 200)) < 41.0);
    assert!(cost_of_one("LayerNormalization", (120, 1)) > 160.0);
    assert!(cost_of_one("sum of rows", (60, 2)) > 12.0);
    assert!(cost_of_one("sum of columns", (60, 2)) > 12.0);
    assert!(cost_of_one("itself beside it", (60, 2)) > 16.0);
    assert!(cost_of_one("gathered", (60, 2)) > 48.0);
    assert!(cost_of_one("gathered", (1, 200)) < 1.5);
}

#[test]
fn what_is_read_out_of_turn_costs_more() {
    for name in ["transposed", "candidates last", "candidates amid", "backwards"] {
        assert!(cost_of_one(name, (10, 12)) >= 8.0, "{name}");
    }
    assert!(cost_of_one("transposed", (60, 2)) >= 8.0);
}

#[test]
fn functions_cost_what_their_slowest_elements_take() {
    let shape = (1, 100);
    for (name, least) in
        [("Add 9.99e-1", 1.0), ("Mul 9.99e-1", 16.0), ("Div 9.99e-1", 16.0), ("Pow 9.99e-1", 256.0)]
    {
        assert!(cost_of_one(name, shape) >= least, "{name}");
    }
    for (name, least) in
        [("Neg", 16.0), ("Sqrt", 16.0), ("Reciprocal", 48.0), ("LeakyRelu", 16.0), ("Elu", 48.0)]
    {
        assert!(cost_of_one(name, shape) >= least, "{name}");
    }
    for name in ["Log", "Erf", "Gelu", "Gelu by Tanh"] {
        assert!(cost_of_one(name, shape) >= 64.0, "{name}");
    }
}

#[test]
fn bombs_of_few_bytes_are_refused() {
    let too_many = Some(Error::ModelTooLarge(Words::of("scoring takes more than 25 million operations")));
    // What took 20 to 300 ms while elements were counted alone.
    for (name, shape, number, count) in [
        ("a column beside all", (1200, 2), 0.7, 22),
        ("a row beside all", (1200, 2), 1e-40, 22),
        ("sum of rows", (2400, 1), 0.7, 10),
        ("LayerNormalization", (2400, 1), 0.7, 1),
        ("Mul 9.99e-1", (1, 2400), 1e-40, 20),
        ("Pow 9.99e-1", (1, 2400), 1e-40, 1),
        ("candidates last", (40, 60), 0.7, 12),
    ] {
        let kind = Kind(name.into(), shape, number, find(name, shape).3);
        assert_eq!(kind.of(count).err(), too_many, "{name}");
    }
}

#[test]
fn rerankers_are_far_from_the_bound() {
    const ATTENTION_48K: &[u8] = include_bytes!("../../../../tests/fixtures/attention-48k.onnx");
    const SHIPPED: &[u8] = include_bytes!("../../../../models/reranker.onnx");
    for (bytes, features, most) in
        [(SHIPPED, 9, 200_000), (ATTENTION, 16, 12_000_000), (ATTENTION_48K, 16, 23_000_000)]
    {
        let mut engine = Compact::load(&onnx::read(bytes).unwrap(), features, 64).unwrap();
        let cost = engine.plan(N, 50).unwrap().cost;
        assert!(cost <= most, "{cost}");
    }
}
