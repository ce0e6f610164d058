//! Numbers as bytes.

/// Appends the bytes of `floats`, each four little-endian ones.
#[inline(never)]
pub fn append_floats(bytes: &mut Vec<u8>, floats: &[f32]) {
    let start = bytes.len();
    bytes.resize(start + size_of_val(floats), 0);
    let (places, _) = bytes.get_mut(start..).unwrap_or_default().as_chunks_mut::<4>();
    for (place, float) in places.iter_mut().zip(floats) {
        *place = float.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::append_floats;

    #[test]
    fn floats_stand_behind_what_is_there() {
        let mut bytes = vec![7];
        append_floats(&mut bytes, &[1.0, -0.0]);
        assert_eq!(bytes, [7, 0, 0, 128, 63, 0, 0, 0, 128]);
        append_floats(&mut bytes, &[]);
        assert_eq!(bytes.len(), 9);
    }
}
