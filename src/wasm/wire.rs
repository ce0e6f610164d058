//! Every number that Rust and TypeScript agree on. `js/wire.ts` is written from here, by `NEARSIDE_WRITE=1 cargo test --lib wire`; without
//! that, the test says when the two differ.

use crate::numbered::numbered;

numbered! {
    /// What JavaScript may ask a core for. Each call takes the time, parts that are texts or bytes, and numbers ([`Question`]), and is
    /// answered by bytes: the number of an error's kind and 1 in four of them, and its sentence; or four zeros and what is said here.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Call {
        /// Reads a model, the one part.
        Read = "read",
        /// Runs the golden case of the model that was read; until then there is none.
        Check = "check",
        /// Makes it a core without a model: the history of a page whose model is in a worker. One part: that model's vector space.
        History = "history",
        /// The names of the model, its vector space and its features, in the order of an explanation; newline-separated.
        Description = "description",
        /// Takes in a stored profile, the one part. A byte: 0 (and no change) where the bytes are none.
        MergeProfile = "mergeProfile",
        /// The same in place of what was known.
        SetProfile = "setProfile",
        /// The profile as stored, at most 12 KB.
        ProfileBytes = "profileBytes",
        /// What is to be stored in place of two records, the parts (empty for none): their sum and, if the number is 1, what this history
        /// adds to it. Nothing where one is of a later version, which stays.
        ProfileOver = "profileOver",
        /// Clicks, views, hides and generation, four bytes each.
        ProfileCounts = "profileCounts",
        /// Empties the profile and starts a new generation.
        Erase = "erase",
        /// Takes in an event: parts id, topic, subtopic and vector (base64; anything but 64 bytes counts as none), each empty for what
        /// is not known; numbers its [`Event`] and seconds. A byte: 0 where it came to nothing.
        Record = "record",
        /// Ranks a list. Parts: its vector space (empty where not stated), and the texts of its candidates: id, topic, subtopic and vector
        /// (base64) of each in turn, without separators. Numbers: the policy's knobs, then [`ROW`] for each candidate: the lengths of
        /// its texts in UTF-16 units, date (ms since 1970), shows, clicks and score (`NaN` where absent, infinite where unusable), and
        /// flags (bit 0 pinned, bit 1 fixed, bit 2 neither yes nor no). Answered by floats: the [`Reason`](crate::Reason), how many items
        /// were held for a fault, the weight of the personal part, how many candidates were ranked, for each slot the place in the list
        /// of the candidate in it, and for each candidate its features, the server's logit, its personal part and its
        /// [`Bound`](crate::Bound).
        Rank = "rank",
    }
}

numbered! {
    /// What the reader did.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Event {
        /// Saw a story.
        Viewed = "viewed",
        /// Opened it.
        Clicked = "clicked",
        /// Read it for some seconds; nothing unless it was opened in the last 24 hours.
        Dwelled = "dwelled",
        /// Wants less of it.
        Hide = "hide",
        /// Takes that back.
        Unhide = "unhide",
    }
}

/// Numbers of a candidate.
pub const ROW: usize = 9;

/// What a call was given: the time, the length of each part in bytes, and further numbers; and the parts one behind the other.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    numbers: &'a [f64],
    bytes: &'a [u8],
}

impl<'a> Question<'a> {
    pub(crate) fn new(bytes: &'a [u8], numbers: &'a [f64]) -> Self {
        Self { numbers, bytes }
    }

    /// The next number; `NaN` where there is none.
    pub(crate) fn number(&mut self) -> f64 {
        let [number, rest @ ..] = self.numbers else { return f64::NAN };
        self.numbers = rest;
        *number
    }

    /// The next part; what is there of it where there is less.
    pub(crate) fn part(&mut self) -> &'a [u8] {
        let length = self.number() as usize;
        let (part, rest) = self.bytes.split_at(length.min(self.bytes.len()));
        self.bytes = rest;
        part
    }

    /// The next part as text; empty where it is none.
    pub(crate) fn text(&mut self) -> &'a str {
        std::str::from_utf8(self.part()).unwrap_or_default()
    }

    /// The numbers that are left.
    pub(crate) fn numbers(self) -> &'a [f64] {
        self.numbers
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
