//! ONNX files as trees of their messages: read whole, changed, written again. For files that tests and fuzz targets make.
#![allow(dead_code, unreachable_pub, reason = "each test binary that includes this file uses a part of it")]

use super::random::Random;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
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
    pub fn inner(self, number: u64) -> Option<Self> {
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
pub struct Message {
    pub kind: Kind,
    pub fields: Vec<(u64, Payload)>,
}

#[derive(Clone)]
pub enum Payload {
    Varint(u64),
    Eight([u8; 8]),
    Four([u8; 4]),
    Bytes(Vec<u8>),
    Message(Message),
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

impl Message {
    /// The message in these bytes; `None` where they are no message of fields.
    pub fn read(kind: Kind, mut bytes: &[u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = take_varint(&mut bytes)?;
            let number = tag >> 3;
            let payload = match tag & 7 {
                0 => Payload::Varint(take_varint(&mut bytes)?),
                1 => Payload::Eight(bytes.split_off(..8)?.try_into().ok()?),
                2 => {
                    let len = usize::try_from(take_varint(&mut bytes)?).ok()?;
                    let inner = bytes.split_off(..len)?;
                    match kind.inner(number) {
                        Some(kind) => Payload::Message(Self::read(kind, inner)?),
                        None => Payload::Bytes(inner.to_vec()),
                    }
                }
                5 => Payload::Four(bytes.split_off(..4)?.try_into().ok()?),
                _ => return None,
            };
            fields.push((number, payload));
        }
        Some(Self { kind, fields })
    }

    pub fn write(&self) -> Vec<u8> {
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
    pub fn walk(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        self.messages().for_each(|message| message.walk(visit));
    }

    /// The texts in fields of these numbers.
    pub fn texts(&self, numbers: &[u64]) -> impl Iterator<Item = &str> {
        self.fields.iter().filter_map(|(number, payload)| match payload {
            Payload::Bytes(bytes) if numbers.contains(number) => std::str::from_utf8(bytes).ok(),
            _ => None,
        })
    }

    /// Replaces what stands under `number`.
    pub fn set(&mut self, number: u64, payloads: impl IntoIterator<Item = Payload>) {
        self.fields.retain(|field| field.0 != number);
        self.fields.extend(payloads.into_iter().map(|payload| (number, payload)));
    }

    /// A message within, or this one.
    pub fn pick(&mut self, random: &mut Random) -> &mut Self {
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

/// The numbers of a packed field.
pub fn integers(mut packed: &[u8]) -> Vec<u64> {
    std::iter::from_fn(|| take_varint(&mut packed)).collect()
}

/// A packed field of these numbers.
pub fn packed(integers: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    integers.iter().for_each(|&integer| put_varint(&mut bytes, integer));
    bytes
}
