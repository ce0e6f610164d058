//! FNV-1a (Fowler, Noll and Vo; <http://www.isthe.com/chongo/tech/comp/fnv/>).

/// Where [`fnv1a_32`] begins.
pub const FNV_32: u32 = 0x811c_9dc5;

/// The 64-bit hash.
#[inline(never)]
pub fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The 32-bit hash of `bytes` behind what `hash` was made of.
#[inline(never)]
pub fn fnv1a_32(seed: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(seed, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
