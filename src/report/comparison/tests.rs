use super::super::terminal::Style;
use super::*;
use crate::experiment::{CauseLine, HEADLINES, Interval, Line, Paired, Side, Spread};
use crate::sim::PartitionState;
use crate::units::{SimDuration, SimTime};

const PLAIN: Style = Style {
    colour: false,
    chart: false,
};

/// Figures of one replication after another, in the order of [`HEADLINES`].
fn figures(values: [[f64; 10]; 4]) -> Vec<Vec<f64>> {
    (0..10)
        .map(|ix| values.iter().map(|run| run[ix]).collect())
        .collect()
}

fn line(values: &[f64], base: Option<&[f64]>) -> (Interval, Option<Paired>) {
    let against = base.map(|base| Paired::of(base, values));
    (Interval::of(values), against)
}

fn side(name: &str, own: &[Vec<f64>], base: Option<&[Vec<f64>]>, blocked: [f64; 2]) -> Side {
    let figures = HEADLINES.iter().enumerate().map(|(ix, metric)| {
        let (own, against) = line(&own[ix], base.map(|base| base[ix].as_slice()));
        Line {
            name: metric.figure().name,
            metric: metric.clone(),
            own,
            against,
        }
    });
    let gained: Vec<f64> = (0..4)
        .map(|n| blocked[1] * (1.0 + 0.01 * f64::from(n)))
        .collect();
    let base_gained: Vec<f64> = (0..4)
        .map(|n| blocked[0] * (1.0 + 0.01 * f64::from(n)))
        .collect();
    let (gained, against) = line(&gained, base.map(|_| base_gained.as_slice()));
    let band = |factor: f64| -> Spread {
        (0..=60)
            .map(|n| [0.9, 1.0, 1.1].map(|q| q * factor * f64::from(n)))
            .collect()
    };
    Side {
        name: name.to_owned(),
        title: format!("{name}, the title"),
        figures: figures.collect(),
        causes: vec![CauseLine {
            state: PartitionState::Blocked,
            seconds: 60.0,
            gained,
            against,
        }],
        lag: band(own[0][0] / 60.0),
        difference: base.map_or_else(Vec::new, |_| band(-7.0)),
    }
}

/// A blocked partition and its remedy, over four pairs.
fn remedy() -> Comparison {
    const NEVER: f64 = f64::INFINITY;
    let base = figures([
        [
            1_000.0, 500.0, 1_000.0, 60.0, NEVER, 6_000.0, 5_000.0, 3.0, 1.0, 0.0,
        ],
        [
            1_020.0, 510.0, 1_020.0, 60.0, NEVER, 6_020.0, 5_000.0, 8.0, 1.0, 0.0,
        ],
        [
            980.0, 490.0, 980.0, 60.0, NEVER, 5_980.0, 5_000.0, 2.0, 1.0, 0.0,
        ],
        [
            1_010.0, 505.0, 1_010.0, 60.0, NEVER, 6_010.0, 5_000.0, 4.0, 1.0, 0.0,
        ],
    ]);
    let fixed = figures([
        [
            400.0, 200.0, 0.0, 20.0, 40.0, 6_000.0, 6_000.0, 6.0, 1.0, 0.0,
        ],
        [
            410.0, 204.0, 0.0, 21.0, 41.0, 6_020.0, 6_020.0, 5.0, 1.0, 0.0,
        ],
        [
            390.0, 196.0, 0.0, 20.0, 39.0, 5_980.0, 5_980.0, 1.0, 1.0, 0.0,
        ],
        [
            404.0, 203.0, 0.0, 20.0, 40.0, 6_010.0, 6_010.0, 7.0, 1.0, 0.0,
        ],
    ]);
    Comparison {
        seed: 7,
        replications: 4,
        horizon: SimDuration::from_secs(60),
        sample: SimDuration::from_secs(1),
        notes: vec!["orders is 2m long; all run for 1m, the shortest".to_owned()],
        times: (0..=60).map(SimTime::from_secs).collect(),
        sides: vec![
            side("orders", &base, None, [1_000.0, 1_000.0]),
            side("dead letters", &fixed, Some(&base), [1_000.0, 0.0]),
        ],
        asked: None,
    }
}

#[test]
fn what_differs_is_told_with_its_interval_and_what_does_not_with_the_pairs_it_would_take() {
    insta::assert_snapshot!(terminal::text(&remedy(), PLAIN), @r"
    dead letters against orders
    mean-lag: 60.0 % less (59.8 to 60.1 %), 201 instead of 501.

      - max-lag: 60.0 % less (59.7 to 60.3 %), 401 instead of 1,003
      - mean-lag: 60.0 % less (59.8 to 60.1 %), 201 instead of 501
      - final-lag: 0 instead of 1,003
      - max-age: 66 % less (65 to 68 %), 20s instead of 1m
      - processed: 20 % more (20 to 21 %), 6,003 instead of 5,000
      - `blocked` goes away as a cause of lag: 1,015 records of lag came from it
      - no difference can be told from chance in drain (about 6 pairs would tell) and duplicates (about
        285 pairs would tell)
      - the same in every pair: produced, rebalances and evictions

                  orders  dead letters  difference   95 % interval   change
      max-lag      1,003           401        -602    -615 to -588    -60 %
      mean-lag       501           201        -301    -308 to -293    -60 %
      final-lag    1,003             0      -1,003  -1,030 to -975   -100 %
      max-age         1m           20s        -40s    -41s to -39s    -66 %
      drain        never           40s           -               -  unclear
      produced     6,003         6,003           0          0 to 0     none
      processed    5,000         6,003      +1,003  +975 to +1,030    +20 %
      duplicates    4.25          4.75        +0.5  -4.27 to +5.27  unclear
      rebalances       1             1           0          0 to 0     none
      evictions        0             0           0          0 to 0     none
    Lag gained by cause
      blocked      1,015             0      -1,015  -1,036 to -994   -100 %

    4 pairs of runs over 1m with the same draws, seed 7; intervals are 95 %, each by itself
    note: orders is 2m long; all run for 1m, the shortest
    ");
}

#[test]
fn a_share_that_is_not_all_does_not_read_as_all() {
    let cases = [
        (-0.613, 0, "-61"),
        (0.085, 1, "8.5"),
        (-0.9987, 0, "-99.9"),
        (-0.99999, 0, "-99.99"),
        (-1.0, 0, "-100"),
        (113.4, 0, "11,340"),
        (-0.000_001, 1, "0.0"),
    ];
    for (share, decimals, text) in cases {
        assert_eq!(finding::percent(share, decimals), text, "{share}");
    }
}

#[test]
fn the_table_has_a_row_per_variant_and_figure_and_empty_cells_for_what_is_not() {
    let table = String::from_utf8(csv::figures(&remedy()).unwrap()).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 1 + 2 * (HEADLINES.len() + 1));
    assert_eq!(rows[5], "orders,drain,0,,,,,,,,,,,,,,");
    let drain = rows
        .iter()
        .find(|row| row.starts_with("dead letters,drain"));
    assert_eq!(
        drain
            .unwrap()
            .split(',')
            .skip(6)
            .collect::<Vec<_>>()
            .join(","),
        "0,,,,,,,4,0,unclear,6"
    );
    assert!(
        rows.iter()
            .any(|row| row.starts_with("dead letters,lag-gained:blocked,4,0,"))
    );
    let curves = String::from_utf8(csv::curves(&remedy()).unwrap()).unwrap();
    let rows: Vec<&str> = curves.lines().collect();
    assert_eq!(rows.len(), 1 + 2 * 61);
    assert_eq!(rows[1], "0.000,orders,0.0,0.0,0.0,,,");
    assert_eq!(
        rows[122],
        "60.000,dead letters,360.0,400.0,440.0,-378.0,-420.0,-462.0"
    );
}

/// Comparisons of very different kinds, by name.
pub fn gallery() -> Vec<(&'static str, Comparison)> {
    let two = remedy();
    let mut many = remedy();
    for n in 1..9 {
        let mut other = many.sides[1].clone();
        other.name = format!("variant {n} whose name is much longer than there is any room for");
        for (own, factor) in [(&mut other.lag, 0.8), (&mut other.difference, -0.9)] {
            for value in own.iter_mut().flatten() {
                *value *= factor + 0.05 * f64::from(n);
            }
        }
        many.sides.push(other);
    }
    let mut idle = remedy();
    for side in &mut idle.sides {
        side.causes.clear();
        side.lag.iter_mut().flatten().for_each(|value| *value = 0.0);
        side.difference
            .iter_mut()
            .flatten()
            .for_each(|value| *value = 0.0);
    }
    vec![
        ("compare-two", two),
        ("compare-many", many),
        ("compare-idle", idle),
    ]
}
