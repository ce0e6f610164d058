//! Changes of ONNX files, field by field, after most of which they are still well-formed.
#![allow(dead_code, unreachable_pub, reason = "each test binary that includes this file uses a part of it")]

use super::messages::{Kind, Message, Payload, integers, packed};
use super::random::{Random, odd_float, odd_integer};

/// A model that can be changed.
pub struct Subject {
    pub message: Message,
    /// Names of its values.
    names: Vec<String>,
}

impl Subject {
    /// `None` for bytes that are no message of fields.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let message = Message::read(Kind::Model, bytes)?;
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
        Some(Self { message, names })
    }
}

/// What changes are made from.
pub struct Stock {
    /// Messages of every kind, from all models.
    grafts: Vec<Message>,
    /// Names of operators and attributes.
    words: Vec<String>,
}

impl Stock {
    /// Of the parts of these models.
    pub fn of<'s>(subjects: impl IntoIterator<Item = &'s Subject>) -> Self {
        let (mut grafts, mut words) = (Vec::new(), vec!["Constant".into(), "If".into(), "ai.onnx.ml".into()]);
        for subject in subjects {
            subject.message.walk(&mut |message| {
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

    /// The bytes of a changed copy.
    pub fn mutate(&self, subject: &Subject, random: &mut Random) -> Vec<u8> {
        let mut model = subject.message.clone();
        for _ in 0..=random.below(3) {
            self.change(model.pick(random), &subject.names, random);
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
