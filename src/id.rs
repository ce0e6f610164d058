//! Names as numbers: stable hashes of article ids, topics and vector spaces.
//!
//! FNV-1a (Fowler, Noll and Vo; <http://www.isthe.com/chongo/tech/comp/fnv/>) over the UTF-8 bytes. The hashes are stored on
//! readers' devices, so the function can never change within a profile version.

use nearside_kernels::hash::{FNV_32, fnv1a_32, fnv1a_64};

/// The 64-bit hash of an article's id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArticleId(pub u64);

impl ArticleId {
    /// Hashes an article's id as the feed states it.
    pub fn new(id: &str) -> Self {
        Self(fnv1a_64(id.as_bytes()))
    }
}

/// The 32-bit hash of a topic or subtopic; [`TopicId::NONE`] where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicId(pub u32);

impl TopicId {
    /// No topic.
    pub const NONE: Self = Self(0);

    /// Hashes a topic's name; the empty name is no topic.
    pub fn new(topic: &str) -> Self {
        if topic.is_empty() { Self::NONE } else { Self::of_hash(fnv1a_32(FNV_32, topic.as_bytes())) }
    }

    /// Hashes a subtopic's name within its topic, so that `local` under two topics is two subtopics.
    pub fn subtopic(topic: &str, subtopic: &str) -> Self {
        if subtopic.is_empty() {
            return Self::NONE;
        }
        let within = fnv1a_32(fnv1a_32(FNV_32, topic.as_bytes()), &[0]);
        Self::of_hash(fnv1a_32(within, subtopic.as_bytes()))
    }

    /// Whether this is a topic at all.
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }

    fn of_hash(hash: u32) -> Self {
        // 0 stands for "none".
        Self(hash.max(1))
    }
}

/// The 64-bit hash of a vector space's name; 0 for "not stated".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpaceId(pub u64);

impl SpaceId {
    /// No space: no vector was kept yet.
    pub const NONE: Self = Self(0);

    /// Hashes a vector space's name; the empty name is no space.
    pub fn new(name: &str) -> Self {
        if name.is_empty() { Self::NONE } else { Self(fnv1a_64(name.as_bytes()).max(1)) }
    }
}

/// A 32-bit checksum of `bytes`. Every step is a bijection of the state, so a single changed byte always changes it.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    fnv1a_32(FNV_32, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_published_ones() {
        // Test vectors of the FNV authors.
        assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(fnv1a_32(FNV_32, b"foobar"), 0xbf9c_f968);
    }

    #[test]
    fn a_subtopic_belongs_to_its_topic() {
        assert_ne!(TopicId::subtopic("sports", "local"), TopicId::subtopic("news", "local"));
        assert_ne!(TopicId::subtopic("a", "bc"), TopicId::subtopic("ab", "c"));
        assert_eq!(TopicId::subtopic("sports", ""), TopicId::NONE);
        assert!(!TopicId::new("").is_some());
    }
}
