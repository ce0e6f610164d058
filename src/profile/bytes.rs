//! The stored form of a profile: one byte string of at most 12 KB.
//!
//! All numbers are little-endian. It begins alike in all versions:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | magic `NSPF` |
//! | 2 | version |
//! | 4 | length of the whole string |
//! | 4 | checksum (FNV-1a, 32 bits) of all that follows it, then of the ten bytes before it |
//! | 4 | generation, at most 2^24 |
//!
//! What follows is its version's own. Each version that was ever written is read for ever, by a module that is not changed any more, and the
//! newest is written. What a later version wrote is left alone by events, and taken away by an erasure.

mod version_1;

use super::Profile;
use crate::error::Error;
use crate::id::checksum;
use crate::time::Seconds;
use crate::words::Words;
use nearside_kernels::vector::DIMENSION;

pub(crate) const MAGIC: &[u8; 4] = b"NSPF";
/// The version that is written.
const VERSION: u16 = 1;
pub(crate) const HEADER: usize = 14;

const _: () = assert!(Profile::MAX_BYTES <= 12 * 1024);

impl Profile {
    /// Longest stored form, in bytes.
    pub const MAX_BYTES: usize = HEADER
        + 18
        + Self::MAX_CLICKS * (22 + DIMENSION)
        + Self::MAX_VIEWS * 16
        + Self::MAX_HIDES * (17 + DIMENSION);

    /// The stored form, at most 12 KB.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Profile::MAX_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(self.generation.to_le_bytes());
        version_1::write(self, &mut bytes);
        let len = bytes.len() as u32;
        bytes[6..10].copy_from_slice(&len.to_le_bytes());
        let sum = checksum_of(&bytes);
        bytes[10..14].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Whether a later version of the package wrote these bytes, as far as their beginning, length and checksum tell.
    pub fn is_later(bytes: &[u8]) -> bool {
        let look = || -> Result<bool, Error> {
            let mut header = Reader(bytes);
            Ok(header.take()? == *MAGIC
                && u16::from_le_bytes(header.take()?) > VERSION
                && header.u32()? as usize == bytes.len()
                && header.u32()? == checksum_of(bytes))
        };
        look().unwrap_or(false)
    }

    /// Reads the stored form, dropping entries that have ended or lie more than ten minutes ahead of `now`.
    ///
    /// # Errors
    ///
    /// [`Error::ProfileMalformed`] for anything [`encode`](Self::encode) does not write: another magic or version, a wrong length or
    /// checksum, a generation or counts beyond the bounds, a field out of its range, entries out of order or twice, bytes behind them.
    pub fn decode(bytes: &[u8], now: Seconds) -> Result<Self, Error> {
        let malformed = Error::ProfileMalformed;
        let mut header = Reader(bytes);
        if header.take()? != *MAGIC {
            return Err(malformed(Words::ProfileMagic));
        }
        let read = match header.u16()? {
            1 => version_1::read,
            _ => return Err(malformed(Words::ProfileVersion)),
        };
        if header.u32()? as usize != bytes.len() || bytes.len() > Profile::MAX_BYTES {
            return Err(malformed(Words::ProfileLength));
        }
        if header.u32()? != checksum_of(bytes) {
            return Err(malformed(Words::ProfileChecksum));
        }
        let generation = header.u32()?;
        if generation > Profile::MAX_GENERATION {
            return Err(malformed(Words::ProfileGeneration));
        }
        let mut profile = read(header)?;
        profile.generation = generation;
        profile.expire(now);
        Ok(profile)
    }
}

fn checksum_of(bytes: &[u8]) -> u32 {
    let (head, body) = bytes.split_at(HEADER);
    checksum(body) ^ checksum(&head[..10])
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Error::ProfileMalformed(Words::ProfileEnd))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ArticleId, SpaceId, TopicId};
    use crate::profile::Dwell;
    use nearside_kernels::vector::Vector;

    const NOW: Seconds = Seconds(1_700_000_000);

    fn sample() -> Profile {
        let mut profile = Profile::new();
        profile.set_space(SpaceId::new("space"));
        let id = ArticleId::new("a");
        profile.view(id, TopicId::new("sports"), Seconds(NOW.0 - 60));
        profile.click(
            id,
            TopicId::new("sports"),
            TopicId::subtopic("sports", "tennis"),
            Some(Vector([3; 64])),
            Seconds(NOW.0 - 50),
        );
        profile.dwell(id, Dwell::from_seconds(42.0).unwrap(), NOW);
        profile.click(ArticleId::new("b"), TopicId::NONE, TopicId::NONE, None, NOW);
        profile.hide(ArticleId::new("c"), TopicId::new("news"), Some(Vector([-3; 64])), NOW);
        profile.hide(ArticleId::new("d"), TopicId::new("news"), None, NOW);
        profile.unhide(ArticleId::new("d"), NOW);
        profile
    }

    fn reason(bytes: &[u8]) -> &'static str {
        match Profile::decode(bytes, NOW) {
            Err(Error::ProfileMalformed(why)) => why.code(),
            other => panic!("{other:?}"),
        }
    }

    /// Encodes again after a change to the body, so that only the change itself can be refused.
    fn resealed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = sample().encode();
        change(&mut bytes);
        let len = bytes.len() as u32;
        bytes[6..10].copy_from_slice(&len.to_le_bytes());
        let sum = checksum_of(&bytes);
        bytes[10..14].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    #[test]
    fn decode_undoes_encode() {
        let profile = sample();
        assert_eq!(Profile::decode(&profile.encode(), NOW), Ok(profile));
        assert_eq!(Profile::decode(&Profile::new().encode(), NOW), Ok(Profile::new()));
    }

    #[test]
    fn an_empty_profile_is_these_bytes() {
        let mut bytes = [0; 32];
        bytes[..14].copy_from_slice(b"NSPF\x01\x00\x20\x00\x00\x00\x08\x5b\xa4\x2d");
        assert_eq!(Profile::new().encode(), bytes);
    }

    #[test]
    fn the_longest_dwell_time_is_kept() {
        let mut profile = sample();
        profile.dwell(ArticleId::new("b"), Dwell::from_seconds(f64::INFINITY).unwrap(), NOW);
        assert_eq!(Profile::decode(&profile.encode(), NOW), Ok(profile));
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let bytes = sample().encode();
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(Profile::decode(&flipped, NOW).is_err(), "bit {at}");
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = sample().encode();
        for len in 0..bytes.len() {
            assert!(Profile::decode(&bytes[..len], NOW).is_err(), "{len} bytes");
            assert!(
                Profile::decode(&resealed(|bytes| bytes.truncate(len.max(HEADER))), NOW).is_err(),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn each_failure_has_its_sentence() {
        assert_eq!(reason(b"NSP"), "it ends too early");
        assert_eq!(reason(b"NSPQ\x01\x00"), "it does not begin as a profile does");
        assert_eq!(reason(b"NSPF\x02\x00"), "its version is not known");
        assert_eq!(
            reason(&resealed(|bytes| bytes[14..18].copy_from_slice(&0x0100_0001u32.to_le_bytes()))),
            "its generation is out of its range"
        );
        assert_eq!(reason(&resealed(|bytes| bytes.push(0))), "written again it is not the same");
        assert_eq!(reason(&resealed(|bytes| bytes[26] = 51)), "it has too many entries");
        assert_eq!(
            reason(&resealed(|bytes| bytes[28..30].copy_from_slice(&301u16.to_le_bytes()))),
            "it has too many entries"
        );
        assert_eq!(reason(&resealed(|bytes| bytes[30] = 21)), "it has too many entries");
        assert_eq!(
            reason(&resealed(|bytes| bytes[52..54].copy_from_slice(&(0x8000u16 | 302).to_le_bytes()))),
            "a dwell time is out of its range"
        );
        assert_eq!(reason(&resealed(|bytes| *bytes.last_mut().unwrap() = 4)), "a flag is not known");
        let mut bytes = sample().encode();
        bytes.pop();
        assert_eq!(reason(&bytes), "its length is not the stated one");
        let mut bytes = sample().encode();
        bytes[20] ^= 1;
        assert_eq!(reason(&bytes), "its checksum does not match");
    }

    #[test]
    fn a_record_of_a_later_version_is_told_from_garbage() {
        let later = resealed(|bytes| bytes[4] = 2);
        assert!(Profile::is_later(&later) && Profile::decode(&later, NOW).is_err());
        assert!(Profile::is_later(&resealed(|bytes| {
            bytes[5] = 1;
            bytes.extend([7; 20_000]);
        })));
        for at in [0, 4, 6, 10, 40] {
            let mut bytes = later.clone();
            bytes[at] ^= 2;
            assert!(!Profile::is_later(&bytes), "byte {at}");
        }
        for len in 0..later.len() {
            assert!(!Profile::is_later(&later[..len]), "{len} bytes");
        }
        assert!(!Profile::is_later(&sample().encode()), "its own");
    }

    #[test]
    fn entries_out_of_order_or_twice_are_refused() {
        const OUT_OF_ORDER: &str = "written again it is not the same";
        // Two clicks (the first with a vector), a view, and two hides (the first with one), from byte 32 on.
        let (clicks, hides) = (32, 32 + 86 + 22 + 16);
        let swapped = |at: usize, first: usize, second: usize| {
            resealed(|bytes| bytes[at..at + first + second].rotate_left(first))
        };
        assert_eq!(reason(&swapped(clicks, 86, 22)), OUT_OF_ORDER);
        assert_eq!(reason(&swapped(hides, 81, 17)), OUT_OF_ORDER);
        let twice = |count: usize, at: usize, len: usize| {
            resealed(|bytes| {
                bytes[count] += 1;
                let entry = bytes[at..at + len].to_vec();
                bytes.splice(at..at, entry);
            })
        };
        assert_eq!(reason(&twice(26, clicks, 86)), OUT_OF_ORDER);
        assert_eq!(reason(&twice(28, clicks + 108, 16)), OUT_OF_ORDER);
        assert_eq!(reason(&twice(30, hides, 81)), OUT_OF_ORDER);
        // A later word on an article takes the place of the earlier one.
        let again = resealed(|bytes| {
            let id: [u8; 8] = bytes[hides + 4..hides + 12].try_into().unwrap();
            bytes[hides + 81 + 4..hides + 81 + 12].copy_from_slice(&id);
        });
        assert_eq!(reason(&again), OUT_OF_ORDER);
    }

    #[test]
    fn a_full_profile_has_the_greatest_length_and_fits() {
        let mut profile = Profile::new();
        for i in 0..1000u32 {
            let id = ArticleId(u64::from(i));
            let at = Seconds(NOW.0 - 1000 + i);
            profile.view(id, TopicId(1), at);
            profile.click(id, TopicId(1), TopicId(2), Some(Vector([1; 64])), at);
            profile.hide(id, TopicId(1), Some(Vector([1; 64])), at);
        }
        let bytes = profile.encode();
        assert_eq!(bytes.len(), Profile::MAX_BYTES);
        assert_eq!(Profile::decode(&bytes, NOW), Ok(profile));
    }

    #[test]
    fn what_lies_far_ahead_or_has_ended_is_dropped_at_decode() {
        let bytes = sample().encode();
        let seen_from = |now: u32| Profile::decode(&bytes, Seconds(now)).unwrap();
        // The oldest entry is 60 s before NOW, the newest (a withdrawn hide) one second after it.
        assert_eq!(seen_from(NOW.0 + 1 - Profile::CLOCK_TOLERANCE).hides().len(), 2);
        assert_eq!(seen_from(NOW.0 - Profile::CLOCK_TOLERANCE).hides().len(), 1);
        assert_eq!(seen_from(NOW.0 - 60 + Profile::LIFETIME - 1).views().len(), 1);
        assert_eq!(seen_from(NOW.0 - 60 + Profile::LIFETIME).views().len(), 0);
        assert_eq!(seen_from(0), Profile { space: SpaceId::new("space"), ..Profile::new() });
    }
}
