//! Prometheus' alert state machine over the sampled curves (`rules/alerting.go`, `Eval`): scrape and evaluation
//! grids, pending, firing, `for`, `keep_firing_for`, resolved. Not a query engine: a rule compares one gauge.

use serde::Serialize;

use crate::scenario::{Alert, Compare, Gauge, Monitoring};
use crate::sim::Sample;
use crate::units::{SimDuration, SimTime};

/// How old a scraped sample may be before a query no longer sees it (`--query.lookback-delta`, left-open since 3.0).
const LOOKBACK: SimDuration = SimDuration::from_secs(300);

/// One episode of an alert: from pending to resolved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertEpisode {
    /// Name of the rule.
    pub name: String,
    /// Its severity.
    pub severity: String,
    /// The partition, if the rule watches each by itself.
    pub partition: Option<u32>,
    /// When the expression was first true at an evaluation (s).
    pub pending_at_s: f64,
    /// When it fired (s); none if the run ended before.
    pub firing_at_s: Option<f64>,
    /// When it resolved (s); none if it was still there at the end.
    pub resolved_at_s: Option<f64>,
}

/// A rule over the whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertRule {
    /// Its name.
    pub name: String,
    /// Its severity.
    pub severity: String,
    /// Episodes that fired, all partitions together.
    pub fired: u64,
    /// When it first fired (s).
    pub first_firing_at_s: Option<f64>,
    /// Time during which it fired, partitions added up (s).
    pub firing_s: f64,
    /// Episodes that were pending and went away before `for` was over.
    pub pending_only: u64,
}

/// What a scrape of one partition gives.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Absent without a committed offset, as kafka_consumergroup_lag is below zero then and no lag.
    lag: Option<f64>,
    age_s: f64,
}

/// The life of an alert for one label set.
#[derive(Clone, Copy, Debug, Default)]
struct Instance {
    active_at: Option<SimTime>,
    firing_at: Option<SimTime>,
    keep_firing_since: Option<SimTime>,
}

/// One rule and what it saw.
#[derive(Clone, Debug)]
struct Rule {
    alert: Alert,
    instances: Vec<Instance>,
    fired: u64,
    pending_only: u64,
    firing_s: f64,
}

/// Watches the curves as a monitoring system does. The value at a scrape is what was pushed last at or before it, which a run
/// does at each of them.
#[derive(Clone, Debug)]
pub struct Alerts {
    rules: Vec<Rule>,
    episodes: Vec<AlertEpisode>,
    scrape_interval: SimDuration,
    evaluation_interval: SimDuration,
    next_scrape: SimTime,
    next_evaluation: SimTime,
    current: Vec<Reading>,
    scraped_at: Option<SimTime>,
    scraped: Vec<Reading>,
}

impl Alerts {
    /// Watches for `alerts` on the clocks of `monitoring`; both grids start at zero, the evaluations with their offset.
    pub fn new(alerts: &[Alert], monitoring: &Monitoring) -> Self {
        let rule = |alert: &Alert| Rule {
            alert: alert.clone(),
            instances: Vec::new(),
            fired: 0,
            pending_only: 0,
            firing_s: 0.0,
        };
        Alerts {
            rules: alerts.iter().map(rule).collect(),
            episodes: Vec::new(),
            scrape_interval: monitoring.scrape_interval,
            evaluation_interval: monitoring.evaluation_interval,
            next_scrape: SimTime::ZERO,
            next_evaluation: SimTime::ZERO + monitoring.evaluation_offset,
            current: Vec::new(),
            scraped_at: None,
            scraped: Vec::new(),
        }
    }

    /// Takes what is there at an instant.
    pub fn push(&mut self, at: SimTime, samples: &[Sample]) {
        if self.rules.is_empty() {
            return;
        }
        self.advance(at, false);
        self.current.clear();
        self.current.extend(samples.iter().map(|sample| {
            Reading {
                lag: sample
                    .committed
                    .map(|committed| sample.log_end.saturating_sub(committed) as f64),
                age_s: sample.age_s.unwrap_or(0.0),
            }
        }));
    }

    /// Goes on to the end of the run and tells every episode that fired or is still pending, by the time it became
    /// pending, and every rule.
    pub fn finish(mut self, end: SimTime) -> (Vec<AlertEpisode>, Vec<AlertRule>) {
        self.advance(end, true);
        for rule in &mut self.rules {
            let unresolved = std::mem::take(&mut rule.instances);
            for (ix, instance) in unresolved.into_iter().enumerate() {
                rule.close(ix, instance, None, end, &mut self.episodes);
            }
        }
        // Stable, so rules stand in the model's order and partitions ascend.
        self.episodes
            .sort_by(|a, b| a.pending_at_s.total_cmp(&b.pending_at_s));
        let rules = self
            .rules
            .iter()
            .map(|rule| rule.told(&self.episodes))
            .collect();
        (self.episodes, rules)
    }

    /// Lets scrapes and evaluations before `until` happen, those at `until` too if `inclusive`. A scrape comes before
    /// an evaluation at the same instant.
    fn advance(&mut self, until: SimTime, inclusive: bool) {
        loop {
            let next = self.next_scrape.min(self.next_evaluation);
            if next > until || (next == until && !inclusive) {
                return;
            }
            if self.next_scrape <= self.next_evaluation {
                if !self.current.is_empty() {
                    self.scraped_at = Some(next);
                    self.scraped.clone_from(&self.current);
                }
                self.next_scrape += self.scrape_interval;
            } else {
                self.evaluate(next);
                self.next_evaluation += self.evaluation_interval;
            }
        }
    }

    fn evaluate(&mut self, at: SimTime) {
        let visible = self
            .scraped_at
            .is_some_and(|scraped| at.since(scraped) < LOOKBACK);
        let seen: &[Reading] = if visible { &self.scraped } else { &[] };
        for rule in &mut self.rules {
            rule.evaluate(at, seen, &mut self.episodes);
        }
    }
}

impl Rule {
    fn per_partition(&self) -> bool {
        matches!(self.alert.when.gauge, Gauge::Lag | Gauge::Age)
    }

    fn evaluate(&mut self, at: SimTime, seen: &[Reading], episodes: &mut Vec<AlertEpisode>) {
        let lags = || seen.iter().filter_map(|reading| reading.lag);
        let ages = || seen.iter().map(|reading| reading.age_s);
        match self.alert.when.gauge {
            Gauge::Lag | Gauge::Age => {
                for ix in 0..seen.len().max(self.instances.len()) {
                    let value = seen
                        .get(ix)
                        .and_then(|reading| match self.alert.when.gauge {
                            Gauge::Lag => reading.lag,
                            _ => Some(reading.age_s),
                        });
                    self.judge(at, ix, value, episodes);
                }
            }
            Gauge::SumLag => {
                let sum = lags().reduce(|sum, lag| sum + lag);
                self.judge(at, 0, sum, episodes);
            }
            Gauge::MaxLag => {
                let max = lags().reduce(f64::max);
                self.judge(at, 0, max, episodes);
            }
            Gauge::MaxAge => {
                let max = ages().reduce(f64::max);
                self.judge(at, 0, max, episodes);
            }
        }
    }

    /// One evaluation for one label set; no value, no alert.
    fn judge(
        &mut self,
        at: SimTime,
        ix: usize,
        value: Option<f64>,
        episodes: &mut Vec<AlertEpisode>,
    ) {
        if self.instances.len() <= ix {
            self.instances.resize(ix + 1, Instance::default());
        }
        let threshold = self.alert.when.threshold;
        let holds = value.is_some_and(|value| match self.alert.when.compare {
            Compare::Above => value > threshold,
            Compare::AtLeast => value >= threshold,
            Compare::Below => value < threshold,
            Compare::AtMost => value <= threshold,
        });
        let instance = &mut self.instances[ix];
        if holds {
            let active_at = *instance.active_at.get_or_insert(at);
            instance.keep_firing_since = None;
            if at.since(active_at) >= self.alert.pending_for {
                instance.firing_at.get_or_insert(at);
            }
            return;
        }
        if instance.active_at.is_none() {
            return;
        }
        if instance.firing_at.is_some() {
            let since = *instance.keep_firing_since.get_or_insert(at);
            if at.since(since) < self.alert.keep_firing_for {
                return;
            }
        }
        let ended = std::mem::take(instance);
        self.close(ix, ended, Some(at), at, episodes);
    }

    /// An episode ends at `resolved`, or with the run at `end`.
    fn close(
        &mut self,
        ix: usize,
        instance: Instance,
        resolved: Option<SimTime>,
        end: SimTime,
        episodes: &mut Vec<AlertEpisode>,
    ) {
        let Some(pending_at) = instance.active_at else {
            return;
        };
        if let Some(firing_at) = instance.firing_at {
            self.fired += 1;
            self.firing_s += end.since(firing_at).as_secs_f64();
        } else if resolved.is_some() {
            self.pending_only += 1;
            return;
        }
        episodes.push(AlertEpisode {
            name: self.alert.name.clone(),
            severity: self.alert.severity.clone(),
            partition: self.per_partition().then_some(ix as u32),
            pending_at_s: pending_at.as_secs_f64(),
            firing_at_s: instance.firing_at.map(SimTime::as_secs_f64),
            resolved_at_s: resolved.map(SimTime::as_secs_f64),
        });
    }

    fn told(&self, episodes: &[AlertEpisode]) -> AlertRule {
        let own = |episode: &&AlertEpisode| {
            episode.name == self.alert.name && episode.severity == self.alert.severity
        };
        AlertRule {
            name: self.alert.name.clone(),
            severity: self.alert.severity.clone(),
            fired: self.fired,
            first_firing_at_s: episodes
                .iter()
                .filter(own)
                .filter_map(|episode| episode.firing_at_s)
                .min_by(f64::total_cmp),
            firing_s: self.firing_s,
            pending_only: self.pending_only,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Condition;
    use crate::sim::PartitionState;

    fn rule(gauge: Gauge, pending_for: u64, keep_firing_for: u64) -> Alert {
        Alert {
            name: "lag-warning".into(),
            severity: "warning".into(),
            when: Condition {
                gauge,
                compare: Compare::Above,
                threshold: 1_000.0,
            },
            pending_for: SimDuration::from_secs(pending_for),
            keep_firing_for: SimDuration::from_secs(keep_firing_for),
        }
    }

    fn clocks(scrape: u64, evaluation: u64) -> Monitoring {
        Monitoring {
            scrape_interval: SimDuration::from_secs(scrape),
            evaluation_interval: SimDuration::from_secs(evaluation),
            evaluation_offset: SimDuration::ZERO,
        }
    }

    /// Runs a rule for 600 s over two partitions sampled each second; `lag` says the first one's lag at a second.
    fn watch(alert: Alert, monitoring: Monitoring, lag: impl Fn(u64) -> u64) -> Vec<AlertEpisode> {
        let mut alerts = Alerts::new(&[alert], &monitoring);
        for second in 0..=600 {
            let sample = |lag| Sample {
                log_end: lag,
                committed: Some(0),
                position: 0,
                age_s: None,
                state: PartitionState::KeepingUp,
            };
            alerts.push(
                SimTime::from_secs(second),
                &[sample(lag(second)), sample(900)],
            );
        }
        alerts.finish(SimTime::from_secs(600)).0
    }

    fn times(episodes: &[AlertEpisode]) -> Vec<(f64, Option<f64>, Option<f64>)> {
        episodes
            .iter()
            .map(|e| (e.pending_at_s, e.firing_at_s, e.resolved_at_s))
            .collect()
    }

    /// promtool 2.42: scrape 15 s, evaluation 30 s, `for: 2m`, a step above the threshold visible at 75 s and gone at 255 s.
    #[test]
    fn a_step_is_pending_at_90_s_firing_at_210_s_and_resolved_at_270_s() {
        let step = |second| {
            if (75..255).contains(&second) {
                2_000
            } else {
                0
            }
        };
        let episodes = watch(rule(Gauge::Lag, 120, 0), clocks(15, 30), step);
        assert_eq!(times(&episodes), [(90.0, Some(210.0), Some(270.0))]);
        assert_eq!(episodes[0].partition, Some(0));
    }

    #[test]
    fn a_dip_seen_by_an_evaluation_restarts_the_clock() {
        let dip = |second| match second {
            120..135 => 0,
            _ => 2_000,
        };
        let episodes = watch(rule(Gauge::Lag, 120, 0), clocks(15, 30), dip);
        assert_eq!(times(&episodes), [(150.0, Some(270.0), None)]);
        let unseen = |second| {
            if (121..130).contains(&second) {
                0
            } else {
                2_000
            }
        };
        let episodes = watch(rule(Gauge::Lag, 120, 0), clocks(15, 30), unseen);
        assert_eq!(times(&episodes), [(0.0, Some(120.0), None)]);
    }

    #[test]
    fn keep_firing_for_bridges_a_dip_and_delays_the_end() {
        let dip = |second| match second {
            0..100 | 150..300 => 2_000,
            _ => 0,
        };
        let plain = watch(rule(Gauge::Lag, 0, 0), clocks(10, 10), dip);
        assert_eq!(
            times(&plain),
            [
                (0.0, Some(0.0), Some(100.0)),
                (150.0, Some(150.0), Some(300.0))
            ]
        );
        let kept = watch(rule(Gauge::Lag, 0, 60), clocks(10, 10), dip);
        assert_eq!(times(&kept), [(0.0, Some(0.0), Some(360.0))]);
    }

    #[test]
    fn sums_and_maxima_are_one_alert() {
        let low = |_| 500;
        let sum = watch(rule(Gauge::SumLag, 60, 0), clocks(15, 30), low);
        assert_eq!(
            (times(&sum), sum[0].partition),
            (vec![(0.0, Some(60.0), None)], None)
        );
        assert_eq!(watch(rule(Gauge::MaxLag, 60, 0), clocks(15, 30), low), []);
    }

    #[test]
    fn a_scrape_older_than_five_minutes_is_not_seen() {
        let episodes = watch(rule(Gauge::Lag, 0, 0), clocks(400, 30), |_| 2_000);
        assert_eq!(
            times(&episodes),
            [(0.0, Some(0.0), Some(300.0)), (420.0, Some(420.0), None)]
        );
    }

    #[test]
    fn an_alert_still_pending_at_the_end_is_told_as_such() {
        let late = |second| if second > 570 { 2_000 } else { 0 };
        let episodes = watch(rule(Gauge::Lag, 120, 0), clocks(15, 30), late);
        assert_eq!(times(&episodes), [(600.0, None, None)]);
    }
}
