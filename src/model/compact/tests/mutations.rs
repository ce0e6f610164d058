//! Hostile models: valid ones, changed field by field, so that most are still well-formed files (how to run a million:
//! `tests/mutations.rs`).

use super::*;
use crate::model::contract::{self, Contract, Golden};
use crate::model::{Model, onnx};
use crate::vector::DIMENSION;
use crate::{Candidates, Policy, Profile, Ranker};
use random::{NOW, Random, list, reader};
use trials::{Outcome, odd_float, odd_integer};

#[path = "../../../../tests/common/random.rs"]
mod random;
#[path = "../../../../tests/common/trials.rs"]
mod trials;

const SHIPPED: &[u8] = include_bytes!("../../../../models/reranker.onnx");

/// Constants of a million elements (as floats and as integers, 12 MB), one more in the making, and three arenas' worth of results
/// (8 MB each) on their way into them.
const MOST_BYTES: u64 = 64 << 20;
/// What reading may take: the lists of a graph with as many parts as are allowed, and for each byte of the file, at worst
/// a number of eight bytes in a list that is just growing.
const MOST_READ: (u64, u64) = (256 << 10, 32);

/// The messages of an ONNX file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Graph,
    Opset,
    Entry,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Dims,
    Dim,
}

impl Kind {
    /// The message in field `number` of this one.
    fn inner(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) => Self::Graph,
            (Self::Model, 8) => Self::Opset,
            (Self::Model, 14) => Self::Entry,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5) => Self::Tensor,
            (Self::Graph, 11 | 12) => Self::Value,
            (Self::Node, 5) => Self::Attribute,
            (Self::Value, 2) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Dims,
            (Self::Dims, 1) => Self::Dim,
            _ => return None,
        })
    }
}

#[derive(Clone)]
struct Message {
    kind: Kind,
    fields: Vec<(u64, Payload)>,
}

#[derive(Clone)]
enum Payload {
    Varint(u64),
    Eight([u8; 8]),
    Four([u8; 4]),
    Bytes(Vec<u8>),
    Message(Message),
}

fn take_varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

impl Message {
    fn read(kind: Kind, mut bytes: &[u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = take_varint(&mut bytes);
            let number = tag >> 3;
            let mut take = |len| bytes.split_off(..len).unwrap();
            let payload = match tag & 7 {
                1 => Payload::Eight(take(8).try_into().unwrap()),
                5 => Payload::Four(take(4).try_into().unwrap()),
                0 => Payload::Varint(take_varint(&mut bytes)),
                _ => {
                    let len = take_varint(&mut bytes) as usize;
                    let inner = bytes.split_off(..len).unwrap();
                    match kind.inner(number) {
                        Some(kind) => Payload::Message(Self::read(kind, inner)),
                        None => Payload::Bytes(inner.to_vec()),
                    }
                }
            };
            fields.push((number, payload));
        }
        Self { kind, fields }
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, payload) in &self.fields {
            let (wire, inner);
            let payload: &[u8] = match payload {
                Payload::Varint(value) => {
                    put_varint(&mut bytes, number << 3);
                    put_varint(&mut bytes, *value);
                    continue;
                }
                Payload::Eight(eight) => {
                    wire = 1;
                    eight
                }
                Payload::Four(four) => {
                    wire = 5;
                    four
                }
                Payload::Bytes(inner) => {
                    wire = 2;
                    inner
                }
                Payload::Message(message) => {
                    (wire, inner) = (2, message.write());
                    &inner
                }
            };
            put_varint(&mut bytes, number << 3 | wire);
            if wire == 2 {
                put_varint(&mut bytes, payload.len() as u64);
            }
            bytes.extend(payload);
        }
        bytes
    }

    fn messages(&self) -> impl Iterator<Item = &Self> {
        self.fields.iter().filter_map(|field| match &field.1 {
            Payload::Message(message) => Some(message),
            _ => None,
        })
    }

    /// This message and all within.
    fn walk(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        self.messages().for_each(|message| message.walk(visit));
    }

    /// The texts in fields of these numbers.
    fn texts(&self, numbers: &[u64]) -> impl Iterator<Item = &str> {
        self.fields.iter().filter_map(|(number, payload)| match payload {
            Payload::Bytes(bytes) if numbers.contains(number) => std::str::from_utf8(bytes).ok(),
            _ => None,
        })
    }

    /// Replaces what stands under `number`.
    fn set(&mut self, number: u64, payloads: impl IntoIterator<Item = Payload>) {
        self.fields.retain(|field| field.0 != number);
        self.fields.extend(payloads.into_iter().map(|payload| (number, payload)));
    }

    /// A message within, or this one.
    fn pick(&mut self, random: &mut Random) -> &mut Self {
        let inner = self.fields.iter().enumerate().filter_map(|(at, field)| match &field.1 {
            Payload::Message(message) => Some((at, message.kind)),
            _ => None,
        });
        let inner: Vec<_> = inner.collect();
        if inner.is_empty() || random.below(4) == 0 {
            return self;
        }
        let (at, _) = match inner.iter().find(|(_, kind)| *kind == Kind::Graph) {
            // There is more in the graph than in a metadata entry.
            Some(graph) if random.below(4) > 0 => *graph,
            _ => inner[random.below(inner.len())],
        };
        match &mut self.fields[at].1 {
            Payload::Message(message) => message.pick(random),
            _ => unreachable!("only messages were listed"),
        }
    }
}

/// A valid model.
struct Seed<'a> {
    bytes: &'a [u8],
    message: Message,
    /// Names of its values.
    names: Vec<String>,
    /// `None`: it is a whole reranker.
    inputs: Option<Vec<Tensor>>,
}

impl<'a> Seed<'a> {
    fn new(bytes: &'a [u8], inputs: Option<Vec<Tensor>>) -> Self {
        let message = Message::read(Kind::Model, bytes);
        assert!(message.write() == bytes, "the file is understood");
        let mut names = vec![String::new()];
        message.walk(&mut |message| {
            let numbers: &[u64] = match message.kind {
                Kind::Node => &[1, 2],
                Kind::Tensor => &[8],
                Kind::Value => &[1],
                _ => &[],
            };
            names.extend(message.texts(numbers).map(String::from));
        });
        Self { bytes, message, names, inputs }
    }
}

/// What changes are made from.
struct Stock {
    /// Messages of every kind, from all models.
    grafts: Vec<Message>,
    /// Names of operators and attributes.
    words: Vec<String>,
}

impl Stock {
    fn of(seeds: &[Seed]) -> Self {
        let (mut grafts, mut words) = (Vec::new(), vec!["Constant".into(), "If".into(), "ai.onnx.ml".into()]);
        for seed in seeds {
            seed.message.walk(&mut |message| {
                // Few of the largest, which say little.
                if matches!(
                    message.kind,
                    Kind::Node | Kind::Attribute | Kind::Tensor | Kind::Value | Kind::Dims
                ) {
                    grafts.push(message.clone());
                }
                let numbers: &[u64] = match message.kind {
                    Kind::Node => &[4],
                    Kind::Attribute => &[1],
                    _ => &[],
                };
                words.extend(message.texts(numbers).map(String::from));
            });
        }
        words.sort();
        words.dedup();
        Self { grafts, words }
    }

    fn graft(&self, kind: Kind, random: &mut Random) -> Option<&Message> {
        let from = random.below(self.grafts.len());
        self.grafts[from..].iter().chain(&self.grafts[..from]).find(|message| message.kind == kind)
    }

    fn mutate(&self, seed: &Seed, random: &mut Random) -> Vec<u8> {
        let mut model = seed.message.clone();
        for _ in 0..=random.below(3) {
            self.change(model.pick(random), &seed.names, random);
        }
        let mut bytes = model.write();
        if random.below(16) == 0 {
            damage(&mut bytes, random);
        }
        bytes
    }

    fn change(&self, message: &mut Message, names: &[String], random: &mut Random) {
        let len = message.fields.len();
        let name = |random: &mut Random| Payload::Bytes(names[random.below(names.len())].clone().into());
        match (message.kind, random.below(12)) {
            (Kind::Graph, 0..=5) => self.insert_node(message, name, random),
            (Kind::Node, 0..=2) => {
                let count = random.below(4);
                message.set(1, (0..count).map(|_| name(random)));
            }
            (Kind::Node, 3..=5) => {
                let operator = self.words[random.below(self.words.len())].clone();
                message.set(4, [Payload::Bytes(operator.into())]);
            }
            (Kind::Tensor, 0..=5) => change_tensor(message, random),
            (kind, 6) => {
                if let Some(field) = self
                    .graft(kind, random)
                    .and_then(|graft| graft.fields.get(random.below(graft.fields.len().max(1))))
                {
                    message.set(field.0, [field.1.clone()]);
                }
            }
            (kind, 7) => {
                let inner = message.fields.iter().find_map(|field| kind.inner(field.0).zip(Some(field.0)));
                if let Some((kind, number)) = inner
                    && let Some(graft) = self.graft(kind, random)
                {
                    let at = random.below(len + 1);
                    message.fields.insert(at, (number, Payload::Message(graft.clone())));
                }
            }
            _ if len == 0 => {
                message.fields.push((random.below(21) as u64 + 1, Payload::Varint(odd_integer(random))))
            }
            (_, 8) => drop(message.fields.remove(random.below(len))),
            (_, 9) => {
                let field = message.fields[random.below(len)].clone();
                message.fields.insert(random.below(len + 1), field);
            }
            (_, 10) => message.fields.swap(random.below(len), random.below(len)),
            _ => {
                let at = random.below(len);
                self.change_value(message, at, names, random);
            }
        }
    }

    /// Puts a node between another and one of its inputs.
    fn insert_node(&self, graph: &mut Message, name: impl Fn(&mut Random) -> Payload, random: &mut Random) {
        let is_node = |(_, field): &(usize, &(u64, Payload))| field.0 == 1;
        let nodes: Vec<_> = graph.fields.iter().enumerate().filter(is_node).map(|(at, _)| at).collect();
        let Some(&at) = nodes.get(random.below(nodes.len().max(1))) else { return };
        let Payload::Message(node) = &mut graph.fields[at].1 else { return };
        let Some((_, input)) = node.fields.iter_mut().find(|field| field.0 == 1) else { return };
        let fresh = Payload::Bytes(format!("new{}", random.below(1000)).into());
        let read = std::mem::replace(input, fresh.clone());
        let Some(mut inserted) = self.graft(Kind::Node, random).cloned() else { return };
        let others = inserted.fields.iter().filter(|field| field.0 == 1).count().max(1) - 1;
        inserted.set(1, std::iter::once(read).chain((0..others).map(|_| name(random))));
        inserted.set(2, [fresh]);
        graph.fields.insert(at, (1, Payload::Message(inserted)));
    }

    fn change_value(&self, message: &mut Message, at: usize, names: &[String], random: &mut Random) {
        let is_long = message.fields.iter().any(|field| matches!(field, (2, Payload::Varint(7))));
        let (number, payload) = &mut message.fields[at];
        match (payload, message.kind, *number) {
            (Payload::Varint(value), ..) => *value = odd_integer(random),
            (Payload::Four(four), ..) => *four = (odd_float(random) as f32).to_le_bytes(),
            (Payload::Eight(eight), ..) => *eight = odd_float(random).to_le_bytes(),
            (Payload::Message(_), ..) => {}
            // Packed integers.
            (Payload::Bytes(bytes), Kind::Tensor, 1 | 5 | 7)
            | (Payload::Bytes(bytes), Kind::Attribute, 8) => {
                let mut integers = integers(bytes);
                match random.below(4) {
                    0 => integers.truncate(random.below(integers.len() + 1)),
                    1 => integers.push(odd_integer(random)),
                    _ if integers.is_empty() => {}
                    _ => {
                        let at = random.below(integers.len());
                        integers[at] = odd_integer(random);
                    }
                }
                *bytes = packed(&integers);
            }
            // Shapes, axes, indices.
            (Payload::Bytes(bytes), Kind::Tensor, 9) if is_long => {
                let (elements, _) = bytes.as_chunks_mut::<8>();
                if !elements.is_empty() {
                    let at = random.below(elements.len());
                    elements[at] = odd_integer(random).to_le_bytes();
                }
            }
            // Elements of tensors, packed floats.
            (Payload::Bytes(bytes), Kind::Tensor, 4 | 9) | (Payload::Bytes(bytes), Kind::Attribute, 7) => {
                for _ in 0..=random.below(3) {
                    let (elements, _) = bytes.as_chunks_mut::<4>();
                    if !elements.is_empty() {
                        let at = random.below(elements.len());
                        elements[at] = (odd_float(random) as f32).to_le_bytes();
                    }
                }
            }
            (Payload::Bytes(bytes), Kind::Entry, 2) => change_text(bytes, random),
            (Payload::Bytes(bytes), ..) => match random.below(4) {
                0 => change_text(bytes, random),
                1 => *bytes = self.words[random.below(self.words.len())].clone().into(),
                _ => *bytes = names[random.below(names.len())].clone().into(),
            },
        }
    }
}

fn integers(mut packed: &[u8]) -> Vec<u64> {
    let mut integers = Vec::new();
    while packed.iter().any(|&byte| byte < 0x80) {
        integers.push(take_varint(&mut packed));
    }
    integers
}

fn packed(integers: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    integers.iter().for_each(|&integer| put_varint(&mut bytes, integer));
    bytes
}

/// A number, a letter or a line otherwise, still text.
fn change_text(text: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(text.len().max(1));
    match random.below(6) {
        0 => *text = (odd_integer(random) as i64).to_string().into(),
        1 => {
            let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let rest = text.split_off((line.len() + 1).min(text.len()));
            *text = rest;
        }
        2 => text.insert(at, b'\n'),
        _ => {
            if let Some(byte) = text.get_mut(at).filter(|byte| byte.is_ascii()) {
                *byte = b" =+/09AZaz\n_"[random.below(12)];
            }
        }
    }
}

/// Another type, shape or length, with data that fill it.
fn change_tensor(tensor: &mut Message, random: &mut Random) {
    let element = match tensor.fields.iter().find(|field| field.0 == 2) {
        Some((_, Payload::Varint(element))) => *element,
        _ => 1,
    };
    let mut dims: Vec<u64> = Vec::new();
    for (_, payload) in tensor.fields.iter().filter(|field| field.0 == 1) {
        match payload {
            Payload::Varint(dim) => dims.push(*dim),
            Payload::Bytes(bytes) => dims.extend(integers(bytes)),
            _ => {}
        }
    }
    let raw = tensor.fields.iter().find_map(|field| match field {
        (9, Payload::Bytes(bytes)) => Some(bytes.clone()),
        _ => None,
    });
    let element = if random.below(3) == 0 { [1, 2, 3, 6, 7, 9][random.below(6)] } else { element };
    let place = random.below(dims.len() + 1);
    match random.below(7) {
        0 => dims.insert(place, 1),
        1 => dims.insert(place, random.below(4) as u64),
        2 if place < dims.len() => drop(dims.remove(place)),
        3 => dims.reverse(),
        4 => dims = vec![dims.iter().fold(1, |product: u64, dim| product.wrapping_mul(*dim))],
        _ if place < dims.len() => dims[place] = 1 + random.below(300) as u64,
        _ => {}
    }
    let width = match element {
        2 | 3 | 9 => 1,
        7 => 8,
        _ => 4,
    };
    let bytes = dims.iter().fold(width, |product: u64, dim| product.saturating_mul(*dim)).min(1 << 17);
    let mut raw = raw.unwrap_or_default();
    let fill = if random.below(2) > 0 { 0 } else { random.next() as u8 };
    raw.resize(bytes as usize, fill);
    for number in [4, 5, 7] {
        tensor.set(number, []);
    }
    tensor.set(1, [Payload::Bytes(packed(&dims))]);
    tensor.set(2, [Payload::Varint(element)]);
    tensor.set(9, [Payload::Bytes(raw)]);
}

/// Bytes changed without regard to what they are.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let place = random.below(bytes.len().max(1));
        match random.below(8) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, random.next() as u8),
            2 => drop((place < bytes.len()).then(|| bytes.remove(place))),
            3 => {
                let end = (place + random.below(16)).min(bytes.len());
                bytes.extend_from_within(place..end);
            }
            kind => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = if kind < 6 { *byte ^ 1 << random.below(8) } else { random.next() as u8 };
                }
            }
        }
    }
}

fn contract_of(bytes: &[u8]) -> (Contract, Golden) {
    contract::read(&onnx::read(bytes).unwrap().metadata).unwrap()
}

/// Reads, loads and ranks with a whole reranker. One whose contract was broken is taken with the contract it had.
fn rank(seed: &Seed, bytes: &[u8], candidates: &Candidates, profile: &Profile) -> Outcome {
    let Ok(file) = onnx::read(bytes) else { return Outcome::Header };
    let loaded = Model::load(bytes);
    let (contract, golden) = contract::read(&file.metadata).unwrap_or_else(|_| contract_of(seed.bytes));
    let Ok(engine) = Compact::load(&file, contract.features.len(), DIMENSION) else {
        assert!(loaded.is_err());
        return Outcome::Body;
    };
    let mut model = Model {
        contract,
        engine: Box::new(engine),
        features: Vec::new(),
        candidates: Vec::new(),
        history: Vec::new(),
        scores: Vec::new(),
    };
    let held = golden.check(&mut model);
    assert!(held.is_ok() || loaded.is_err());
    let mut ranker = Ranker::new(model);
    match ranker.rank(candidates, profile, &Policy::default(), NOW) {
        Ok(order) => {
            let mut seen = order.to_vec();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..candidates.len() as u32));
        }
        Err(error) => {
            assert!(matches!(error.code(), "nonfinite" | "model_rejected" | "model_unsupported"), "{error}")
        }
    }
    Outcome::Taken
}

#[test]
fn mutations_of_models_are_refused_or_run() {
    let mut seeds = vec![Seed::new(SHIPPED, None), Seed::new(ATTENTION, None)];
    let cases = File::cases(CONFORMANCE);
    seeds.extend(cases.into_iter().map(|case| Seed::new(case.model, Some(case.inputs))));
    let stock = Stock::of(&seeds);
    let mut random = Random(7);
    let sizes = [(200, 50), (40, 20), (12, 8), (12, 2), (3, 4), (1, 2)];
    let readers = sizes.map(|(len, clicks)| (list(&mut random, len), reader(&mut random, clicks)));
    let make = |random: &mut Random| {
        let seed = match random.below(8) {
            0 => 1,
            1..4 => 0,
            _ => 2 + random.below(seeds.len() - 2),
        };
        let reader = if random.below(64) == 0 { 0 } else { 1 + random.below(readers.len() - 1) };
        (seed, stock.mutate(&seeds[seed], random), reader)
    };
    let attempt = |(seed, bytes, reader): &(usize, Vec<u8>, usize)| {
        let reading = allocation_counter::measure(|| drop(onnx::read(bytes)));
        let (base, each) = MOST_READ;
        assert!(
            reading.bytes_max <= base + each * bytes.len() as u64,
            "reading takes {} bytes",
            reading.bytes_max
        );
        let (seed, (candidates, profile)) = (&seeds[*seed], &readers[*reader]);
        match &seed.inputs {
            None => rank(seed, bytes, candidates, profile),
            Some(inputs) => match (onnx::read(bytes), run(bytes, inputs)) {
                (Err(_), _) => Outcome::Header,
                (_, Err(_)) => Outcome::Body,
                _ => Outcome::Taken,
            },
        }
    };
    trials::run("models", 20_000, MOST_BYTES, make, attempt);
}
