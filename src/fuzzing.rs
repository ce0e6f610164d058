//! What the fuzz targets (`fuzz/`) do with the bytes that they make up. Built for them and for the tests, which replay their corpora,
//! and into nothing else.

use crate::id::checksum;
use crate::{Profile, Seconds};

pub use crate::model::fuzzing::{load_and_rank, read};

/// Decodes a stored profile: as it is, and behind a header that fits, without which nearly all would be refused by theirs. What is
/// taken is written and read again, and merged with another either way.
pub fn profile(bytes: &[u8], other: &Profile, now: Seconds) {
    for stored in [bytes, &sealed(bytes)] {
        let Ok(profile) = Profile::decode(stored, now) else { continue };
        let again = profile.encode();
        assert!(again.len() <= Profile::MAX_BYTES);
        assert_eq!(Profile::decode(&again, now).as_ref(), Ok(&profile));
        let (mut merged, mut other_way) = (profile.clone(), other.clone());
        merged.merge(other);
        other_way.merge(&profile);
        assert_eq!(merged, other_way, "merging depends on the order");
        let before = merged.clone();
        merged.merge(&profile);
        assert_eq!(merged, before, "merging once more changes something");
    }
}

/// A stored profile with this body (`profile/bytes.rs`).
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"NSPF\x01\0".to_vec();
    bytes.extend((body.len() as u32 + 14).to_le_bytes());
    let sum = checksum(body) ^ checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes.extend(body);
    bytes
}

#[cfg(test)]
#[path = "../tests/common/random.rs"]
pub(crate) mod random;

#[cfg(test)]
mod tests {
    use super::random::{NOW, pages};
    use super::*;

    /// Puts every file of a target's corpus (packed by `scripts/corpus.mjs`) to its test; there are `expected`.
    fn replay(mut pack: &[u8], expected: usize, attempt: impl Fn(&[u8])) {
        let mut files = 0;
        while let Some((length, rest)) = pack.split_first_chunk() {
            let (file, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
            // The number of the one that fails stands above its panic.
            println!("file {files}");
            attempt(file);
            (pack, files) = (rest, files + 1);
        }
        assert!(pack.is_empty());
        assert_eq!(files, expected);
    }

    #[test]
    fn the_corpus_of_the_reader_is_read_or_refused() {
        replay(include_bytes!("../fuzz/corpus/read.pack"), 326, read);
    }

    #[test]
    fn the_corpus_of_models_is_refused_or_ranks() {
        let pages = pages();
        replay(include_bytes!("../fuzz/corpus/load_and_rank.pack"), 743, |bytes| {
            load_and_rank(bytes, &pages, NOW)
        });
    }

    #[test]
    fn the_corpus_of_profiles_is_refused_or_merges() {
        let other = &pages().pop().unwrap().1;
        replay(include_bytes!("../fuzz/corpus/profile.pack"), 73, |bytes| profile(bytes, other, NOW));
    }

    #[test]
    fn a_sealed_body_is_a_stored_profile() {
        let stored = pages().pop().unwrap().1.encode();
        assert_eq!(sealed(&stored[14..]), stored);
    }
}
