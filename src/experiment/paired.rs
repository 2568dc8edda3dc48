//! Two variants, replication by replication: how much a figure differs, and whether that can be told from chance.
//! A pair shares its draws, so what both have in common cancels out.

use super::binomial;
use super::interval::{Interval, Moments, t_quantile_975};
use crate::scenario::MOST_REPLICATIONS;

/// 80 % quantile of the normal distribution: with so many more replications, four of five experiments tell.
const Z_80: f64 = 0.841_621_234;

/// A figure of another variant against that of the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// Pairs in which both have the figure; what never happens is one.
    pub pairs: usize,
    /// Other less base, over the pairs in which both are finite.
    pub difference: Interval,
    /// The same as a share of the base's mean (-0.61: it falls by 61 %); none where that mean is not above zero.
    pub change: Option<Interval>,
    /// Pairs in which the other has less. What never happens is more than every figure.
    pub less: usize,
    /// Pairs in which it has more.
    pub more: usize,
    /// Whether the difference can be told from chance.
    pub finding: Finding,
}

/// Whether a difference can be told from chance, at the 95 % level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The interval of the difference is below zero; where the figure does not exist in every run: less in more pairs
    /// than chance explains (sign test).
    Less,
    /// It is above zero; or more in more pairs.
    More,
    /// There is no difference in any pair.
    Same,
    /// The pairs do not tell.
    Unclear {
        /// So many would, with four chances in five, if the difference is what it looks like; none if even
        /// [`MOST_REPLICATIONS`] would not, or if there are too few to say.
        needed: Option<u32>,
    },
}

impl Paired {
    /// Of the same replications, in the same order. Infinite is what never happens.
    pub fn of(base: &[f64], other: &[f64]) -> Paired {
        let pairs: Vec<(f64, f64)> = base
            .iter()
            .copied()
            .zip(other.iter().copied())
            .filter(|(a, b)| !a.is_nan() && !b.is_nan())
            .collect();
        let both: Vec<(f64, f64)> = pairs
            .iter()
            .copied()
            .filter(|(a, b)| a.is_finite() && b.is_finite())
            .collect();
        let differences: Vec<f64> = both.iter().map(|(a, b)| b - a).collect();
        let less = pairs.iter().filter(|(a, b)| b < a).count();
        let more = pairs.iter().filter(|(a, b)| b > a).count();
        let finding = if both.len() < pairs.len() {
            by_signs(less, more, pairs.len())
        } else {
            by_mean(&differences)
        };
        Paired {
            pairs: pairs.len(),
            difference: Interval::of(&differences),
            change: change(&both),
            less,
            more,
            finding,
        }
    }

    /// Whether the difference can be told from chance.
    pub fn is_told(&self) -> bool {
        matches!(self.finding, Finding::Less | Finding::More)
    }
}

/// The ratio of the means less one. Its interval (Fieller 1954) holds every ratio r of which the pairs do not tell that
/// b - r a differs from zero on average: a bound is outside of it just where the pairs tell the figure from so many times
/// the base.
fn change(pairs: &[(f64, f64)]) -> Option<Interval> {
    let base = Interval::of(&pairs.iter().map(|(a, _)| *a).collect::<Vec<_>>());
    let (mean, low) = (base.mean?, base.low?);
    if low <= 0.0 {
        return None;
    }
    let other = Moments::of(&pairs.iter().map(|(_, b)| *b).collect::<Vec<_>>()).mean;
    let n = pairs.len();
    let covariance = |of: &dyn Fn(f64, f64) -> f64| {
        let products = pairs
            .iter()
            .map(|(a, b)| (a - mean) * of(a - mean, b - other));
        products.sum::<f64>() / (n * (n - 1)) as f64
    };
    let rest = |slope: f64| {
        let squares = pairs
            .iter()
            .map(|(a, b)| ((b - other) - slope * (a - mean)).powi(2));
        squares.sum::<f64>() / (n * (n - 1)) as f64
    };
    let (variance, joint) = (covariance(&|a, _| a), covariance(&|_, b| b));
    let slope = if variance > 0.0 {
        joint / variance
    } else {
        0.0
    };
    let (ratio, t) = (other / mean, t_quantile_975(n - 1));
    // Above zero: the interval of the base's mean is.
    let scale = mean * mean - t * t * variance;
    let middle = (mean * other - t * t * joint) / scale;
    let spread = mean * mean * rest(ratio) - t * t * variance * rest(slope);
    let half = t * spread.max(0.0).sqrt() / scale;
    Some(Interval {
        n,
        mean: Some(ratio - 1.0),
        low: Some(middle - half - 1.0),
        high: Some(middle + half - 1.0),
    })
}

fn by_mean(differences: &[f64]) -> Finding {
    if !differences.is_empty() && differences.iter().all(|difference| *difference == 0.0) {
        return Finding::Same;
    }
    let interval = Interval::of(differences);
    match (interval.low, interval.high) {
        (Some(low), _) if low > 0.0 => Finding::More,
        (_, Some(high)) if high < 0.0 => Finding::Less,
        _ => Finding::Unclear {
            needed: needed(differences),
        },
    }
}

/// How many pairs would tell, with four chances in five, a difference of this mean and spread from none.
fn needed(differences: &[f64]) -> Option<u32> {
    let moments = Moments::of(differences);
    let deviation = moments.deviation()?;
    if moments.mean == 0.0 {
        return None;
    }
    let enough = |n: u32| {
        let t = t_quantile_975(n as usize - 1);
        (t + Z_80) * deviation / f64::from(n).sqrt() <= moments.mean.abs()
    };
    smallest(moments.n as u32 + 1, enough)
}

/// The sign test over the pairs that differ.
fn by_signs(less: usize, more: usize, pairs: usize) -> Finding {
    if less + more == 0 {
        return Finding::Same;
    }
    let most = less.max(more) as u32;
    if 2.0 * binomial::at_least(most, (less + more) as u32, 0.5) < 0.05 {
        return if less > more {
            Finding::Less
        } else {
            Finding::More
        };
    }
    let differing = (less + more) as f64 / pairs as f64;
    let share = f64::from(most) / (less + more) as f64;
    let enough = |n: u32| {
        let count = (f64::from(n) * differing) as u32;
        let most = (f64::from(count) * share) as u32;
        let spare = Z_80 * (share * (1.0 - share) * f64::from(count)).sqrt();
        2.0 * binomial::at_least(most.saturating_sub(spare as u32), count, 0.5) < 0.05
    };
    Finding::Unclear {
        needed: if less == more || pairs < 2 {
            None
        } else {
            smallest(pairs as u32 + 1, enough)
        },
    }
}

/// The smallest number from `from` that is `enough`, where every larger one is too.
fn smallest(from: u32, enough: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut low, mut high) = (from, MOST_REPLICATIONS);
    if low > high || !enough(high) {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: f64 = f64::INFINITY;

    #[test]
    fn a_difference_that_every_pair_shares_is_told_however_the_pairs_differ_among_each_other() {
        let base: Vec<f64> = (0..8).map(|n| 1_000.0 * f64::from(n)).collect();
        let other: Vec<f64> = base.iter().map(|a| a + 3.0 + (a / 1_000.0) % 2.0).collect();
        let paired = Paired::of(&base, &other);
        assert_eq!(paired.finding, Finding::More);
        assert_eq!(
            (paired.difference.mean, paired.less, paired.more),
            (Some(3.5), 0, 8)
        );
    }

    #[test]
    fn the_change_is_the_ratio_of_the_means_and_certain_where_all_ratios_agree() {
        let base = [100.0, 104.0, 96.0, 101.0];
        let other = base.map(|a| a * 0.4);
        let change = Paired::of(&base, &other).change.unwrap();
        for end in [change.low, change.mean, change.high] {
            assert!((end.unwrap() + 0.6).abs() < 1e-12, "{change:?}");
        }
        // Of next to nothing no share can be told.
        assert_eq!(Paired::of(&[0.0, 0.0, 1.0], &[5.0, 6.0, 7.0]).change, None);
    }

    #[test]
    fn a_ratio_is_at_the_edge_of_its_interval_just_where_the_pairs_begin_to_tell() {
        let base = [90.0, 130.0, 70.0, 110.0, 100.0, 160.0];
        let other = [50.0, 61.0, 40.0, 47.0, 58.0, 66.0];
        let change = Paired::of(&base, &other).change.unwrap();
        let found = |times: f64| Paired::of(&base.map(|a| times * a), &other).finding;
        let (low, high) = (1.0 + change.low.unwrap(), 1.0 + change.high.unwrap());
        assert_eq!(found(high + 1e-9), Finding::Less);
        assert_eq!(found(low - 1e-9), Finding::More);
        for times in [low + 1e-9, high - 1e-9] {
            assert!(matches!(found(times), Finding::Unclear { .. }), "{times}");
        }
    }

    #[test]
    fn what_chance_explains_is_unclear_and_says_how_many_pairs_would_settle_it() {
        let base = [0.0; 8];
        let other = [3.0, -2.0, 4.0, -3.0, 2.0, -1.0, 3.0, -2.0];
        let Finding::Unclear {
            needed: Some(needed),
        } = Paired::of(&base, &other).finding
        else {
            panic!("{:?}", Paired::of(&base, &other));
        };
        // (1.96 + 0.84)^2 times variance over squared mean: 7.85 * 8 / 0.25.
        assert!((240..270).contains(&needed), "{needed}");
        assert_eq!(
            Paired::of(&[1.0, -1.0], &[-1.0, 1.0]).finding,
            Finding::Unclear { needed: None }
        );
        assert_eq!(
            Paired::of(&[1.0], &[2.0]).finding,
            Finding::Unclear { needed: None }
        );
    }

    #[test]
    fn no_difference_in_any_pair_is_the_same_and_not_unclear() {
        assert_eq!(Paired::of(&[1.0, 2.0], &[1.0, 2.0]).finding, Finding::Same);
        assert_eq!(Paired::of(&[NEVER; 3], &[NEVER; 3]).finding, Finding::Same);
    }

    #[test]
    fn what_never_happens_counts_by_its_sign() {
        let paired = Paired::of(&[NEVER; 8], &[5.0; 8]);
        assert_eq!((paired.finding, paired.less), (Finding::Less, 8));
        assert_eq!(paired.difference.n, 0);
        // Five of five are 1 in 16 by chance.
        let five = Paired::of(&[NEVER; 5], &[5.0; 5]);
        assert!(
            matches!(five.finding, Finding::Unclear { needed: Some(6) }),
            "{five:?}"
        );
    }
}
