//! Article vectors: 64 signed bytes, compared by exact dot products.

use crate::base64;
use crate::matmul;

/// Numbers in a vector.
pub const DIMENSION: usize = 64;

/// An article's vector as the feed sends it: 64 signed bytes, of which only the direction counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vector(pub [i8; DIMENSION]);

impl Vector {
    /// Decodes base64 text; `None` unless it is exactly 64 bytes.
    pub fn from_base64(text: &str) -> Option<Self> {
        let mut bytes = [0u8; DIMENSION];
        let len = base64::decode_into(text.as_bytes(), &mut bytes)?;
        (len == DIMENSION).then(|| Self(bytes.map(|byte| byte as i8)))
    }

    /// One over the Euclidean length; `None` for the zero vector, which has no direction.
    pub fn inverse_length(&self) -> Option<f32> {
        let square: i32 = self.0.iter().map(|&x| i32::from(x) * i32::from(x)).sum();
        // At most 64 * 128², so exact in f32.
        (square > 0).then(|| 1.0 / (square as f32).sqrt())
    }
}

/// Many vectors as one matrix, with the inverse length of each.
///
/// The matrix holds integers as floats. Their dot products are at most 64 * 128², so exact, and their order does not matter.
#[derive(Debug, Default)]
pub struct Directions {
    rows: Vec<[f32; DIMENSION]>,
    inverse_lengths: Vec<f32>,
}

impl Directions {
    /// Forgets all vectors and keeps the room.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.inverse_lengths.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a vector; `None` or a vector without direction becomes a row that has cosine 0 with everything.
    /// Gives whether the row has a direction.
    #[inline(never)]
    pub fn push(&mut self, vector: Option<&Vector>) -> bool {
        let inverse = vector.and_then(Vector::inverse_length);
        self.rows.push(vector.map_or([0.0; DIMENSION], |vector| vector.0.map(f32::from)));
        self.inverse_lengths.push(inverse.unwrap_or(0.0));
        inverse.is_some()
    }

    /// Fills `out` with the cosines, each in [-1, 1], of every row with every row of `others`: a row-major matrix. `packed` is scratch.
    #[inline(never)]
    pub fn cosines(&self, others: &Self, packed: &mut Vec<f32>, out: &mut Vec<f32>) {
        let columns = others.len();
        packed.clear();
        packed.resize(matmul::packed_len(DIMENSION, columns), 0.0);
        matmul::pack(others.rows.as_flattened(), DIMENSION, columns, true, packed);
        out.clear();
        out.resize(self.len() * columns, 0.0);
        matmul::multiply(self.rows.as_flattened(), packed, DIMENSION, columns, out);
        for (row, inverse) in out.chunks_exact_mut(columns.max(1)).zip(&self.inverse_lengths) {
            for (cosine, other_inverse) in row.iter_mut().zip(&others.inverse_lengths) {
                *cosine = (*cosine * (inverse * other_inverse)).clamp(-1.0, 1.0);
            }
        }
    }

    /// Appends the rows at `places` to `out`, scaled to unit length (all zero where there is no direction), 64 numbers each.
    pub fn extend_units(&self, places: impl Iterator<Item = usize>, out: &mut Vec<f32>) {
        for place in places {
            let inverse = self.inverse_lengths[place];
            out.extend(self.rows[place].iter().map(|&x| x * inverse));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_64_bytes_are_a_vector() {
        let text = "AAAA".repeat(21) + "AQ==";
        assert_eq!(Vector::from_base64(&text).map(|v| v.0[63]), Some(1));
        assert_eq!(Vector::from_base64(&"AAAA".repeat(21)), None);
        assert_eq!(Vector::from_base64("!"), None);
    }

    #[test]
    fn cosines_are_exact_at_the_ends() {
        let mut directions = Directions::default();
        let mut v = [0i8; DIMENSION];
        v[0] = -128;
        v[5] = 127;
        assert!(directions.push(Some(&Vector(v))));
        assert!(directions.push(Some(&Vector(v.map(|x| x.saturating_neg())))));
        assert!(!directions.push(None));
        assert!(!directions.push(Some(&Vector([0; DIMENSION]))));
        let mut cosines = vec![9.0];
        directions.cosines(&directions, &mut vec![9.0], &mut cosines);
        assert!((cosines[0] - 1.0).abs() < 1e-6 && (cosines[1] + 1.0).abs() < 1e-2);
        assert_eq!((cosines[1], cosines.len()), (cosines[4], 16));
        assert_eq!(cosines[2..4], [0.0, 0.0]);
        directions.cosines(&Directions::default(), &mut Vec::new(), &mut cosines);
        assert!(cosines.is_empty());
        let mut units = Vec::new();
        directions.extend_units([2, 0].into_iter(), &mut units);
        let (none, unit) = units.split_at(DIMENSION);
        assert_eq!(none, [0.0; DIMENSION]);
        assert!((unit.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
