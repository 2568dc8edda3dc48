//! Addressed randomness: a draw is a pure function of where it stands, never of how many draws came before.

use std::convert::Infallible;

/// What a draw is for. The number is part of the address: never change one, only add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// When records of a partition are appended.
    Arrival = 1,
    /// The local work of a record.
    Work = 2,
    /// The latency of a record's dependency call.
    Latency = 3,
    /// Whether a record is poison.
    Poison = 4,
    /// The random part of a member id, which orders members in an assignor.
    MemberId = 5,
    /// The phase of something periodic that nobody can know.
    Phase = 6,
    /// The closed loop that measures a shared limiter.
    Limiter = 8,
    /// How long a process takes to start.
    StartUp = 9,
    /// How long the coordinator takes to store a commit.
    CommitLatency = 10,
    /// Where the samples of an experiment lie in the range of an axis.
    Sample = 11,
    /// Which key a record carries among those of its partition.
    Key = 12,
    /// How many attempts at a dependency call fail before one succeeds.
    Attempt = 13,
    /// The latency of a failed attempt.
    FailedLatency = 14,
}

/// The address of a family of draws: (seed, replication, purpose, entity name) folded into one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(u64);

impl Address {
    /// The family of `purpose` for the entity called `name`, e.g. `"orders-3"`: the same whatever else the run contains.
    pub fn new(seed: u64, replication: u32, purpose: Purpose, name: &str) -> Self {
        let mut key = mix(seed ^ 0x9E37_79B9_7F4A_7C15);
        for word in [u64::from(replication), purpose as u64, fingerprint(name)] {
            key = mix(key ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        }
        Address(key)
    }

    /// The family numbered `kind` within this one.
    #[must_use]
    pub fn within(self, kind: u64) -> Address {
        Address(self.bits(kind, 0))
    }

    /// 64 random bits for (`kind`, `index`): a keyed hash, cheap enough to ask per node of a tree.
    #[inline]
    pub fn bits(self, kind: u64, index: u64) -> u64 {
        mix(mix(self.0 ^ index.wrapping_mul(0xD6E8_FEB8_6659_FD93))
            ^ kind.wrapping_mul(0xA24B_AED4_963E_E407))
    }

    /// Uniform in the open interval (0, 1) for (`kind`, `index`).
    #[inline]
    pub fn uniform(self, kind: u64, index: u64) -> f64 {
        ((self.bits(kind, index) >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A generator for draws that need more than one word, seeded by the address of (`kind`, `index`).
    pub fn generator(self, kind: u64, index: u64) -> rand::rngs::Xoshiro256PlusPlus {
        use rand::SeedableRng;
        rand::rngs::Xoshiro256PlusPlus::seed_from_u64(self.bits(kind, index))
    }

    /// A short sequence of words that starts at the address of (`kind`, `index`): as good as
    /// [`generator`](Self::generator) for some thousand words, and nothing to set up.
    #[inline]
    pub fn words(self, kind: u64, index: u64) -> Words {
        Words(self.bits(kind, index))
    }
}

/// A splitmix64 sequence (Steele, Lea and Flood 2014), cheap enough to start one per node of a tree.
#[derive(Clone, Debug)]
pub struct Words(u64);

impl Words {
    /// The next 64 random bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// The next uniform in the open interval (0, 1).
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        ((self.word() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }
}

impl rand::TryRng for Words {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.word() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014): every input bit reaches every output bit.
#[inline]
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// FNV-1a of a text: the same on every machine and for ever, and no secret.
pub fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}
