//! What version 1 keeps behind the beginning that all versions have.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | vector space |
//! | 2, 2, 2 | numbers of clicks, views and hides |
//! | 22 or 86 each | click: second 4, id 8, topic 4, subtopic 4, dwell 2 (top bit: a vector of 64 bytes follows) |
//! | 16 each | view: second 4, id 8, topic 4 |
//! | 17 or 81 each | hide: second 4, id 8, topic 4, flags 1 (bit 0 hidden, bit 1 a vector of 64 bytes follows) |
//!
//! Entries of a kind rise by second, then id. No two have both alike, and no two hides the id.

use super::Reader;
use crate::error::Error;
use crate::id::{ArticleId, SpaceId, TopicId};
use crate::profile::{Click, Dwell, Hide, Profile, View};
use crate::time::Seconds;
use crate::words::Words;
use nearside_kernels::vector::{DIMENSION, Vector};

const DWELL_HAS_VECTOR: u16 = 1 << 15;
const HIDE_HIDDEN: u8 = 1;
const HIDE_HAS_VECTOR: u8 = 2;

/// Adds a profile's space and entries.
pub(super) fn write(profile: &Profile, bytes: &mut Vec<u8>) {
    bytes.extend(profile.space.0.to_le_bytes());
    for len in [profile.clicks.len(), profile.views.len(), profile.hides.len()] {
        bytes.extend((len as u16).to_le_bytes());
    }
    for click in &profile.clicks {
        put_key(bytes, click.second, click.id, click.topic);
        bytes.extend(click.subtopic.0.to_le_bytes());
        let has_vector = if click.vector.is_some() { DWELL_HAS_VECTOR } else { 0 };
        bytes.extend((click.dwell.0 | has_vector).to_le_bytes());
        put_vector(bytes, click.vector);
    }
    for view in &profile.views {
        put_key(bytes, view.second, view.id, view.topic);
    }
    for hide in &profile.hides {
        put_key(bytes, hide.second, hide.id, hide.topic);
        let hidden = if hide.hidden { HIDE_HIDDEN } else { 0 };
        bytes.push(hidden | if hide.vector.is_some() { HIDE_HAS_VECTOR } else { 0 });
        put_vector(bytes, hide.vector);
    }
}

/// Reads space and entries; the generation is still to be set.
///
/// # Errors
///
/// [`Error::ProfileMalformed`] for anything [`write`] does not write: counts beyond the bounds, a field out of its range, entries out of order
/// or twice, bytes behind them.
pub(super) fn read(mut body: Reader<'_>) -> Result<Profile, Error> {
    let bytes = body.0;
    let mut profile = Profile { space: SpaceId(u64::from_le_bytes(body.take()?)), ..Profile::default() };
    let [clicks, views, hides] = [body.u16()?, body.u16()?, body.u16()?].map(usize::from);
    if clicks > Profile::MAX_CLICKS || views > Profile::MAX_VIEWS || hides > Profile::MAX_HIDES {
        return Err(Error::ProfileMalformed(Words::ProfileEntries));
    }
    for _ in 0..clicks {
        let (second, id, topic) = body.key()?;
        let subtopic = TopicId(body.u32()?);
        let dwell = body.u16()?;
        let vector = body.vector(dwell & DWELL_HAS_VECTOR != 0)?;
        let dwell = Dwell(dwell & !DWELL_HAS_VECTOR);
        if dwell.0 > Dwell::MAX_SECONDS + 1 {
            return Err(Error::ProfileMalformed(Words::ProfileDwell));
        }
        profile.add_click(Click { second, id, topic, subtopic, dwell, vector });
    }
    for _ in 0..views {
        let (second, id, topic) = body.key()?;
        profile.add_view(View { second, id, topic });
    }
    for _ in 0..hides {
        let (second, id, topic) = body.key()?;
        let [flags] = body.take()?;
        if flags & !(HIDE_HIDDEN | HIDE_HAS_VECTOR) != 0 {
            return Err(Error::ProfileMalformed(Words::ProfileFlag));
        }
        let vector = body.vector(flags & HIDE_HAS_VECTOR != 0)?;
        profile.add_hide(Hide { second, id, hidden: flags & HIDE_HIDDEN != 0, topic, vector });
    }
    // Entries out of order, an entry twice, bytes behind the last.
    let mut again = Vec::with_capacity(bytes.len());
    write(&profile, &mut again);
    if again != bytes {
        return Err(Error::ProfileMalformed(Words::ProfileRewritten));
    }
    Ok(profile)
}

fn put_key(bytes: &mut Vec<u8>, second: Seconds, id: ArticleId, topic: TopicId) {
    bytes.extend(second.0.to_le_bytes());
    bytes.extend(id.0.to_le_bytes());
    bytes.extend(topic.0.to_le_bytes());
}

fn put_vector(bytes: &mut Vec<u8>, vector: Option<Vector>) {
    if let Some(vector) = vector {
        bytes.extend(vector.0.map(|x| x as u8));
    }
}

impl Reader<'_> {
    fn key(&mut self) -> Result<(Seconds, ArticleId, TopicId), Error> {
        Ok((Seconds(self.u32()?), ArticleId(u64::from_le_bytes(self.take()?)), TopicId(self.u32()?)))
    }

    fn vector(&mut self, present: bool) -> Result<Option<Vector>, Error> {
        if present {
            self.take::<DIMENSION>().map(|bytes| Some(Vector(bytes.map(|x| x as i8))))
        } else {
            Ok(None)
        }
    }
}
