//! Keys and the partition they go to.

/// Which keys the records carry.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// No keys, or so many that every partition gets the same share.
    Even,
    /// A share per partition, in any unit.
    Weighted(Vec<f64>),
    /// Some keys with a share of their own; the rest even.
    Hot(Vec<f64>),
    /// `distinct` keys, the k-th most popular with weight k^-exponent.
    Zipf {
        /// Exponent of the law, dimensionless.
        exponent: f64,
        /// How many keys.
        distinct: u64,
    },
}

impl Keys {
    /// Share of the records per partition of a topic with `partitions` partitions; sums to 1.
    /// Keys are the decimal numbers 0, 1, 2 ... by popularity, partitioned as the Java producer does.
    pub fn shares(&self, _partitions: u32) -> Vec<f64> {
        unimplemented!()
    }
}

/// Kafka's murmur2 (`org.apache.kafka.common.utils.Utils#murmur2`), the hash of the default partitioner.
pub fn murmur2(_key: &[u8]) -> i32 {
    unimplemented!()
}

/// The partition of a keyed record: `(murmur2(key) & 0x7fffffff) % partitions`.
pub fn partition_for(_key: &[u8], _partitions: u32) -> u32 {
    unimplemented!()
}
