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
mod random;

#[cfg(test)]
mod tests {
    use super::random::{NOW, pages};
    use super::*;
    use std::path::Path;

    /// Puts every file of a target's corpus to its test; at least `least` of them.
    fn replay(target: &str, least: usize, attempt: impl Fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= least, "{} files", files.len());
        for file in files {
            // The name of a file that fails stands above its panic.
            println!("{}", file.display());
            attempt(&std::fs::read(file).unwrap());
        }
    }

    #[test]
    fn the_corpus_of_the_reader_is_read_or_refused() {
        replay("read", 50, read);
    }

    #[test]
    fn the_corpus_of_models_is_refused_or_ranks() {
        let pages = pages();
        replay("load_and_rank", 100, |bytes| load_and_rank(bytes, &pages, NOW));
    }

    #[test]
    fn the_corpus_of_profiles_is_refused_or_merges() {
        let other = &pages().pop().unwrap().1;
        replay("profile", 20, |bytes| profile(bytes, other, NOW));
    }

    #[test]
    fn a_sealed_body_is_a_stored_profile() {
        let stored = pages().pop().unwrap().1.encode();
        assert_eq!(sealed(&stored[14..]), stored);
    }
}
