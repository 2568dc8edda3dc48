//! Keys: which records share a partition.

use super::super::model::Topic;
use super::super::raw::{self, Either, Scalar, Spot};
use super::judge::Judge;
use super::one_of;
use super::timeline::Walked;
use crate::workload::Keys;

impl Judge<'_> {
    pub(super) fn keys(
        &mut self,
        keys: &Either<raw::Text, raw::KeyLaw>,
        topic: Option<&Topic>,
        walked: &Walked,
    ) -> Option<Keys> {
        const HELP: &str = r#"write "even", or one of { weights = [3, 1] }, { hot = [{ share = 0.3 }] }, { zipf = 1.1, distinct = 10_000 }"#;
        let table = match keys {
            Either::Plain(word) if word.0.value == Scalar::Text("even".to_owned()) => {
                return Some(Keys::Even);
            }
            Either::Plain(word) => {
                return self.error(
                    &word.0.span,
                    format!("`{}` is no law of keys", word.0.value.plain()),
                    HELP,
                );
            }
            Either::Table(table) => table,
        };
        let law = &table.value;
        let given = [
            ("weights", law.weights.is_some()),
            ("hot", law.hot.is_some()),
            ("zipf", law.zipf.is_some()),
        ];
        one_of(self, &table.span, &given, "the law of the keys", HELP)?;
        if let (Some(distinct), None) = (&law.distinct, &law.zipf) {
            self.error::<()>(
                &distinct.0.span,
                "`distinct` goes with `zipf` only",
                "leave it out",
            );
        }
        if let Some(weights) = &law.weights {
            return self.weights(weights, topic, walked);
        }
        if let Some(hot) = &law.hot {
            return self.hot(hot);
        }
        let exponent = self.number_from(law.zipf.as_ref()?, "the exponent of Zipf's law", 0.0)?;
        if exponent > 20.0 {
            return self.error(
                &law.zipf.as_ref()?.0.span,
                format!("an exponent of {exponent} leaves one key alone"),
                "write at most 20; 1 is usual",
            );
        }
        match &law.distinct {
            Some(distinct) => Some(Keys::Zipf {
                exponent,
                distinct: self.count_within(distinct, "distinct keys", 1, 10_000_000)?,
            }),
            None => self.missing(
                &table.span,
                "distinct",
                "write how many keys there are: distinct = 10_000",
            ),
        }
    }

    fn weights(
        &mut self,
        weights: &Spot<Vec<raw::Number>>,
        topic: Option<&Topic>,
        walked: &Walked,
    ) -> Option<Keys> {
        let mut numbers = Vec::new();
        for weight in &weights.value {
            let number = self.number_from(weight, "a weight", 0.0)?;
            if number > 1e12 {
                return self.error(
                    &weight.0.span,
                    "this weight is too large",
                    "write at most 1e12",
                );
            }
            numbers.push(number);
        }
        let count = topic?.partitions.len();
        if numbers.len() != count {
            let message = format!("there are {} weights for {count} partitions", numbers.len());
            return self.error(
                &weights.span,
                message,
                format!("write {count} weights, one per partition"),
            );
        }
        if numbers.iter().sum::<f64>() <= 0.0 {
            return self.error(
                &weights.span,
                "no weight is above zero",
                "give at least one partition a weight; for no traffic write rate = \"0/s\"",
            );
        }
        if !walked.growth.is_empty() {
            return self.error(
                &weights.span,
                "weights do not say what a new partition gets",
                "write keys as zipf, hot or even when the timeline adds partitions",
            );
        }
        Some(Keys::Weighted(numbers))
    }

    fn hot(&mut self, hot: &Spot<Vec<Spot<raw::HotKey>>>) -> Option<Keys> {
        if hot.value.len() > 100_000 {
            return self.error(
                &hot.span,
                "too many hot keys",
                "list at most 100000, or write zipf",
            );
        }
        let mut shares = Vec::new();
        for key in &hot.value {
            match &key.value.share {
                Some(share) => shares.push(self.share(share, "a hot key's share")?),
                None => {
                    return self.missing(
                        &key.span,
                        "share",
                        "write its share of all records: { share = 0.3 }",
                    );
                }
            }
        }
        let sum: f64 = shares.iter().sum();
        if sum > 1.0 + 1e-9 {
            let message = format!("the hot keys' shares add up to {sum:.3}");
            return self.error(
                &hot.span,
                message,
                "make them add up to at most 1; the rest is spread evenly",
            );
        }
        Some(Keys::Hot(shares))
    }
}
