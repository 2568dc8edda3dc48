//! Keys, the partition they go to, and which record carries which.

use crate::engine::Address;

/// Which keys the records carry.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// No keys, or so many that every partition gets the same share.
    Even,
    /// A share per partition, in any unit.
    Weighted(Vec<f64>),
    /// Some keys, `hot-0`, `hot-1` ..., with a share of their own; the rest even.
    Hot(Vec<f64>),
    /// `distinct` keys, the k-th most popular with weight k^-exponent.
    Zipf {
        /// Exponent of the law, dimensionless.
        exponent: f64,
        /// How many keys.
        distinct: u64,
    },
}

/// Keys beyond this rank are so many and so small that their hashes spread them evenly.
const COUNTED_KEYS: u64 = 2_000_000;

impl Keys {
    /// Share of the records per partition of a topic with `partitions` partitions; sums to 1.
    /// Keys of [`Keys::Zipf`] are the decimal numbers 0, 1, 2 ... by popularity, those of [`Keys::Hot`] are `hot-0`,
    /// `hot-1` ...; both go where the Java producer sends them. [`Keys::Weighted`] speaks of the partitions it lists,
    /// others get nothing.
    pub fn shares(&self, partitions: u32) -> Vec<f64> {
        if partitions == 0 {
            return Vec::new();
        }
        let even = || vec![1.0 / f64::from(partitions); partitions as usize];
        let shares = match self {
            Keys::Even => even(),
            Keys::Weighted(weights) => {
                let mut shares: Vec<f64> = weights.iter().map(|weight| weight.max(0.0)).collect();
                shares.resize(partitions as usize, 0.0);
                shares
            }
            Keys::Hot(hot) => {
                let rest = (1.0 - hot.iter().sum::<f64>()).max(0.0);
                let mut shares: Vec<f64> = even().iter().map(|share| share * rest).collect();
                for (rank, share) in hot.iter().enumerate() {
                    let partition = partition_for(format!("hot-{rank}").as_bytes(), partitions);
                    shares[partition as usize] += share;
                }
                shares
            }
            Keys::Zipf { exponent, distinct } => zipf_shares(*exponent, *distinct, partitions),
        };
        let sum: f64 = shares.iter().sum();
        if sum > 0.0 {
            shares.iter().map(|share| share / sum).collect()
        } else {
            even()
        }
    }

    /// For each partition of a topic with `partitions` partitions, the shares among its records of the keys that several
    /// of them carry. Of [`Keys::Zipf`] these are the two million most popular.
    pub fn within(&self, partitions: u32) -> Vec<Vec<f64>> {
        let mut within = vec![Vec::new(); partitions as usize];
        if partitions == 0 {
            return within;
        }
        let shares = self.shares(partitions);
        match self {
            Keys::Even | Keys::Weighted(_) => {}
            Keys::Hot(hot) => {
                for (rank, share) in hot.iter().enumerate() {
                    let name = format!("hot-{rank}");
                    let partition = partition_for(name.as_bytes(), partitions) as usize;
                    within[partition].push(share / shares[partition]);
                }
            }
            Keys::Zipf { exponent, distinct } => {
                let sum: f64 = zipf_shares(*exponent, *distinct, partitions).iter().sum();
                for (partition, weight) in zipf_keys(*exponent, *distinct, partitions) {
                    within[partition].push(weight / sum / shares[partition]);
                }
            }
        }
        within
    }
}

/// Which key each record of a partition carries, as a function of its offset.
#[derive(Clone, Debug)]
pub struct RecordKeys {
    address: Address,
    /// Shares of the keys that several records carry, each with those of the keys before it.
    up_to: Vec<f64>,
}

impl RecordKeys {
    /// Keys with these shares of the records; the rest are all different.
    pub fn new(address: Address, shares: Vec<f64>) -> Self {
        let mut up_to = shares;
        let mut sum = 0.0;
        for share in &mut up_to {
            sum += *share;
            *share = sum;
        }
        RecordKeys { address, up_to }
    }

    /// The key of the record at `offset`, by its place among the shares; `None` if no other record has the same.
    pub fn key_of(&self, offset: u64) -> Option<u32> {
        if self.up_to.is_empty() {
            return None;
        }
        let drawn = self.address.uniform(0, offset);
        let place = self.up_to.partition_point(|share| *share <= drawn);
        (place < self.up_to.len()).then_some(place as u32)
    }
}

/// The keys of [`Keys::Zipf`] that are counted, by popularity: each with its weight and its partition.
fn zipf_keys(exponent: f64, distinct: u64, partitions: u32) -> impl Iterator<Item = (usize, f64)> {
    let mut name = Decimal::default();
    (1..=distinct.min(COUNTED_KEYS)).map(move |rank| {
        let weight = (-exponent * (rank as f64).ln()).exp();
        let partition = partition_for(name.text(), partitions) as usize;
        name.increment();
        (partition, weight)
    })
}

fn zipf_shares(exponent: f64, distinct: u64, partitions: u32) -> Vec<f64> {
    let mut shares = vec![0.0; partitions as usize];
    let counted = distinct.min(COUNTED_KEYS);
    for (partition, weight) in zipf_keys(exponent, distinct, partitions) {
        shares[partition] += weight;
    }
    if distinct > counted {
        let tail = power_sum(exponent, counted as f64 + 0.5, distinct as f64 + 0.5);
        for share in &mut shares {
            *share += tail / f64::from(partitions);
        }
    }
    shares
}

/// The integral of x^-exponent: by the midpoint rule, the sum over the whole numbers between.
fn power_sum(exponent: f64, from: f64, to: f64) -> f64 {
    let power = 1.0 - exponent;
    if power.abs() < 1e-9 {
        return (to / from).ln();
    }
    (to.powf(power) - from.powf(power)) / power
}

/// The decimal digits of a counter: millions of keys are hashed, none is formatted.
struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Default for Decimal {
    fn default() -> Self {
        Decimal {
            digits: [b'0'; 20],
            start: 19,
        }
    }
}

impl Decimal {
    fn text(&self) -> &[u8] {
        &self.digits[self.start..]
    }

    fn increment(&mut self) {
        let mut place = self.digits.len() - 1;
        while self.digits[place] == b'9' {
            self.digits[place] = b'0';
            place -= 1;
        }
        self.digits[place] += 1;
        self.start = self.start.min(place);
    }
}

/// Kafka's murmur2 (`org.apache.kafka.common.utils.Utils#murmur2`), the hash of the default partitioner.
pub fn murmur2(key: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    let mut hash = SEED ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^= hash >> 15;
    hash.cast_signed()
}

/// The partition of a keyed record: `(murmur2(key) & 0x7fffffff) % partitions`
/// (`BuiltInPartitioner#partitionForKey`); 0 of no partitions.
pub fn partition_for(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key).cast_unsigned() & 0x7fff_ffff)
        .checked_rem(partitions)
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_where_the_java_producer_sends_them() {
        let vectors: [(&str, i32, [u32; 4]); 11] = [
            ("a", -1_563_381_124, [1, 4, 5, 4]),
            ("b", -1_853_091_852, [2, 2, 6, 8]),
            ("c", -1_877_468_854, [1, 4, 0, 10]),
            ("0", 971_027_396, [2, 2, 3, 8]),
            ("1", -1_993_445_489, [0, 3, 2, 3]),
            ("2", 648_968_168, [2, 2, 2, 8]),
            ("user-1", 1_404_122_828, [2, 2, 3, 8]),
            ("user-2", -324_981_792, [2, 2, 0, 8]),
            ("user-3", 1_141_442_267, [2, 5, 0, 11]),
            ("order-42", 501_153_024, [0, 0, 1, 0]),
            ("kafka", -798_503_068, [1, 4, 3, 4]),
        ];
        for (key, hash, partitions) in vectors {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
            let found = [3, 6, 7, 12].map(|count| partition_for(key.as_bytes(), count));
            assert_eq!(found, partitions, "{key}");
        }
    }

    #[test]
    fn shares_sum_to_one_and_follow_their_keys() {
        let hot = Keys::Hot(vec![0.3, 0.1]).shares(4);
        let mut expected = vec![0.15; 4];
        expected[partition_for(b"hot-0", 4) as usize] += 0.3;
        expected[partition_for(b"hot-1", 4) as usize] += 0.1;
        for (share, expected) in hot.iter().zip(&expected) {
            assert!((share - expected).abs() < 1e-12, "{hot:?}");
        }
        assert_eq!(Keys::Even.shares(4), vec![0.25; 4]);
        assert_eq!(
            Keys::Weighted(vec![2.0, 1.0, 1.0]).shares(3),
            vec![0.5, 0.25, 0.25]
        );
        assert_eq!(Keys::Weighted(vec![1.0]).shares(2), vec![1.0, 0.0]);
        assert_eq!(Keys::Even.shares(0), Vec::<f64>::new());
    }

    #[test]
    fn zipf_shares_are_the_weights_of_the_keys_hashed_there() {
        let exponent = 1.1;
        let mut expected = vec![0.0; 5];
        for rank in 1..=1234_u32 {
            let key = (rank - 1).to_string();
            expected[partition_for(key.as_bytes(), 5) as usize] += f64::from(rank).powf(-exponent);
        }
        let sum: f64 = expected.iter().sum();
        let distinct = 1234;
        let shares = Keys::Zipf { exponent, distinct }.shares(5);
        for (share, weight) in shares.iter().zip(&expected) {
            assert!((share - weight / sum).abs() < 1e-12);
        }
    }

    #[test]
    fn keys_too_many_to_count_are_spread_evenly() {
        // Two million keys and eight: what is not counted is worth half the sum of 1/k from 2 million to 2 billion.
        let distinct = 2_000_000_000;
        let shares = Keys::Zipf {
            exponent: 1.0,
            distinct,
        }
        .shares(2);
        let head = Keys::Zipf {
            exponent: 1.0,
            distinct: 2_000_000,
        }
        .shares(2);
        let (counted, tail) = (15.085_874_f64, 1000.0_f64.ln());
        let expected = (head[0] * counted + tail / 2.0) / (counted + tail);
        assert!((shares[0] - expected).abs() < 1e-6);
    }
}
