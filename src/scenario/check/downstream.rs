//! The dependencies that processing calls.

use super::super::downstream::{Downstream, GivesUp, OnOutage, RateLimit, WhenLimited, WhileOpen};
use super::super::on_error::OnError;
use super::super::raw::{self, Either, Model, Number, Rate, Spot};
use super::judge::{Judge, Place};
use crate::workload::{BreakerConfig, Law, LoadCurve};

/// Largest window of a circuit breaker.
const MOST_WATCHED_CALLS: u64 = 100_000;

/// Most calls in flight that are told apart.
const MOST_IN_FLIGHT: u64 = 1_000_000_000;

/// Highest share of attempts that fail: a thousand for each that succeeds.
const MOST_FAILING: f64 = 0.999;

/// What is done about failed calls besides making them again, and where that is said.
fn minds_failures(section: &raw::Downstream) -> Option<(&Place, &'static str)> {
    let breaker = section.circuit_breaker.as_ref();
    let breaker = breaker.map(|section| (&section.span, "the circuit breaker"));
    let on_error = section.on_error.as_ref();
    breaker.or(on_error.map(|value| (value.place(), "what becomes of failed calls")))
}

impl Judge<'_> {
    /// The dependencies in the order of the file, of which one at most may be shared.
    pub(super) fn downstreams(&mut self, model: &Model) -> Option<Vec<Downstream>> {
        self.one_shared(model);
        let several = model.downstreams().nth(1).is_some();
        let mut found = Vec::new();
        for (name, section) in model.downstreams() {
            if several && raw::DownstreamChange::KEYS.contains(&name.value.as_str()) {
                let message = format!(
                    "one of several dependencies cannot be called `{}`",
                    name.value
                );
                let help = "write another name: on the timeline downstream = { NAME = \"stop\" } says which of them";
                self.error::<()>(&name.span, message, help);
            }
            found.push(self.downstream(&name.value, section, model));
        }
        if self.excused.contains("downstream") {
            return None; // The name of a section is misspelt.
        }
        found.into_iter().collect()
    }

    /// Nothing else may make callers wait for each other.
    fn one_shared(&mut self, model: &Model) {
        let places = model.downstreams().map(|(name, section)| {
            let later = model.changes_of(&name.value);
            let later = later.filter_map(|change| Some(&change.rate_limit.as_ref()?.0.span));
            section.value.shared().chain(later).collect::<Vec<_>>()
        });
        let places: Vec<Vec<&Place>> = places.filter(|places| !places.is_empty()).collect();
        for place in places.iter().skip(1).flatten() {
            self.clash::<()>(
                place,
                "a limit, load or a breaker of a second dependency is not modelled",
                (places[0][0], "that of the first"),
                "leave one of them out: the other dependencies have latencies, failures and outages",
            );
        }
    }

    fn downstream(
        &mut self,
        name: &str,
        first: &Spot<raw::Downstream>,
        model: &Model,
    ) -> Option<Downstream> {
        let section = &first.value;
        let limit = self.limit(section.rate_limit.as_ref(), section.burst.as_ref());
        let when_limited = self.when_limited(name, section, model);
        let concurrency = section.concurrency.as_ref().and_then(|value| {
            self.count_within(value, "the calls in flight", 1, u64::from(u32::MAX))
        });
        let latency = match &section.latency {
            Some(law) => self.law(law),
            None => self.missing(
                &first.span,
                "latency",
                r#"write how long a call takes: latency = "15ms" or { exponential = "15ms" }"#,
            ),
        };
        let load = self.load(section, latency.as_ref());
        let on_outage = self.on_outage(section);
        self.refuse_chance(name, section, model);
        let failure_rate = match &section.failure_rate {
            Some(rate) => self.failure_rate(rate),
            None => Some(0.0),
        };
        Some(Downstream {
            name: name.to_owned(),
            limit,
            when_limited: when_limited.unwrap_or_default(),
            latency: latency?,
            load: load?,
            concurrency: concurrency.map(|count| count as u32),
            failure_rate: failure_rate?,
            on_outage: on_outage?,
        })
    }

    /// What becomes of a call above the limit, of which there is one, now or later.
    fn when_limited(
        &mut self,
        name: &str,
        section: &raw::Downstream,
        model: &Model,
    ) -> Option<WhenLimited> {
        let word = section.when_limited.as_ref()?;
        let mut later = model.changes_of(name);
        let limited = |change: &raw::DownstreamChange| change.rate_limit.is_some();
        if section.rate_limit.is_none() && !later.any(limited) {
            let help = r#"write the calls it accepts: rate-limit = "200/s""#;
            return self.error(
                &word.0.span,
                "`when-limited` says nothing without `rate-limit`",
                help,
            );
        }
        let choices = [
            ("block", WhenLimited::Block),
            ("reject", WhenLimited::Reject),
        ];
        let chosen = self.choice(word, &choices)?;
        match minds_failures(section) {
            Some(other) if chosen == WhenLimited::Reject => self.clash(
                &word.0.span,
                "that a refused call counts as failed is not modelled",
                other,
                r#"leave one of them out, or write when-limited = "block": a rate limiter of your own in front of the calls"#,
            ),
            _ => Some(chosen),
        }
    }

    /// Share of the attempts that fail by chance.
    pub(super) fn failure_rate(&mut self, value: &Number) -> Option<f64> {
        let rate = self.share(value, "the failure rate")?;
        if rate > MOST_FAILING {
            let message = format!("with a failure rate of {rate} hardly a call ever succeeds");
            let help = "write 0.999 at most; an outage is downstream = \"fail\" on the timeline";
            return self.error(&value.0.span, message, help);
        }
        Some(rate)
    }

    /// Attempts that fail by chance, now or later, behind a breaker.
    fn refuse_chance(&mut self, name: &str, section: &raw::Downstream, model: &Model) {
        let Some(breaker) = &section.circuit_breaker else {
            return;
        };
        let later = model.changes_of(name);
        let later = later.filter_map(|change| change.failure_rate.as_ref());
        for rate in section.failure_rate.iter().chain(later) {
            self.clash::<()>(
                &rate.0.span,
                "a circuit breaker that sees calls fail by chance is not modelled",
                (&breaker.span, "the circuit breaker"),
                "leave one of them out; an outage, in which all calls fail, is downstream = \"fail\" on the timeline",
            );
        }
    }

    /// How much longer calls take under load.
    fn load(&mut self, section: &raw::Downstream, latency: Option<&Law>) -> Option<LoadCurve> {
        let Some(Spot { span, value }) = &section.latency_under_load else {
            return Some(LoadCurve::default());
        };
        if value.len() < 2 {
            let help = "write from how many calls on it rises, and up to where: [{ calls = 20, factor = 1 }, { calls = 80, factor = 4 }]";
            return self.error(span, "a curve of fewer than two points says nothing", help);
        }
        let refuses = |word: &&raw::Text| word.0.value.plain() == "reject";
        if let Some(word) = section.when_limited.as_ref().filter(refuses) {
            self.clash::<()>(
                span,
                "calls that are refused by a dependency that slows down under load are not modelled",
                (&word.0.span, "they are refused"),
                r#"leave one of them out, or write when-limited = "block": a rate limiter of your own in front of the calls"#,
            );
        }
        if latency.is_some_and(|law| law.mean() == 0.0) {
            let help = r#"write how long a call takes alone: latency = "15ms""#;
            self.error::<()>(
                span,
                "no factor makes a call longer that takes no time",
                help,
            );
        }
        let mut knots: Vec<(u32, f64)> = Vec::new();
        let mut complete = true;
        for (index, point) in value.iter().enumerate() {
            match self.load_point(point, index == 0, knots.last().copied()) {
                Some(knot) => knots.push(knot),
                None => complete = false,
            }
        }
        complete.then(|| LoadCurve::from_knots(knots))
    }

    /// A point of the curve, its first or after the one `before`.
    fn load_point(
        &mut self,
        point: &Spot<raw::LoadPoint>,
        first: bool,
        before: Option<(u32, f64)>,
    ) -> Option<(u32, f64)> {
        let Spot { span, value } = point;
        let calls = match &value.calls {
            Some(calls) => self.count_within(calls, "the calls in flight", 1, MOST_IN_FLIGHT),
            None => self.missing(span, "calls", "write how many are in flight: calls = 80"),
        };
        let factor = match &value.factor {
            Some(factor) => self.number_from(factor, "the factor", 1.0),
            None => self.missing(
                span,
                "factor",
                "write how many times as long a call takes then: factor = 4",
            ),
        };
        let (calls, factor) = (calls? as u32, factor?);
        let place = |value: Option<&Spot<raw::Scalar>>| value.map_or(span, |own| &own.span).clone();
        let at_calls = place(value.calls.as_ref().map(|own| &own.0));
        let at_factor = place(value.factor.as_ref().map(|own| &own.0));
        match before {
            None if first && factor != 1.0 => self.error(
                &at_factor,
                format!("the curve begins with a factor of {factor}, and flat before: calls are never as fast as alone"),
                "write up to how many calls in flight latency is what it is alone: { calls = 20, factor = 1 }",
            ),
            Some((last, _)) if calls <= last => self.error(
                &at_calls,
                format!("{calls} calls in flight come after {last}"),
                "write the points in the order of their calls, each number once",
            ),
            Some((_, last)) if factor < last => self.error(
                &at_factor,
                format!("the factor falls from {last} to {factor}"),
                "write factors that do not fall: latency under load rises; what gets faster by itself is another latency on the timeline",
            ),
            _ => Some((calls, factor)),
        }
    }

    fn on_outage(&mut self, section: &raw::Downstream) -> Option<OnOutage> {
        let default = OnOutage::default();
        let timeout = match &section.timeout {
            Some(value) => self.positive(value, "the timeout").map(Some),
            None => Some(default.timeout),
        };
        let back_off = match &section.retry_back_off {
            Some(value) => self.positive(value, "the pause between two attempts"),
            None => Some(default.back_off),
        };
        let breaker = match &section.circuit_breaker {
            Some(section) => self.circuit_breaker(section).map(Some),
            None => Some(default.breaker),
        };
        let gives_up = match &section.on_error {
            Some(value) => self.gives_up(value, section),
            None => Some(default.gives_up),
        };
        Some(OnOutage {
            timeout: timeout?,
            back_off: back_off?,
            gives_up: gives_up?,
            breaker: breaker?,
        })
    }

    /// When a record is given up whose call fails; `None` inside if that is never.
    fn gives_up(
        &mut self,
        value: &Either<raw::Text, raw::OnError>,
        section: &raw::Downstream,
    ) -> Option<Option<GivesUp>> {
        let (attempts, back_off, then) = match self.handling(value)? {
            OnError::Retry {
                seeks: false,
                attempts,
                back_off,
                then,
            } => (attempts, back_off, then),
            OnError::Retry { seeks: true, .. } => {
                let help = "leave `by` out: attempts at a call are made inside the handler";
                return self.error(value.place(), "a call is not retried by a seek", help);
            }
            OnError::RetryForever(_) => {
                let help = "leave `on-error` out: attempts go on until one succeeds, retry-back-off after one another";
                return self.error(value.place(), "calls are retried for ever anyway", help);
            }
        };
        if let Some(pause) = &section.retry_back_off {
            let help = "write the pause into on-error: { retry = { attempts = 3, back-off = \"1s\", then = \"skip\" } }";
            self.clash::<()>(
                &pause.0.span,
                "a second pause between two attempts",
                (value.place(), "where attempts are counted"),
                help,
            );
        }
        if let Some(breaker) = &section.circuit_breaker {
            let help =
                "leave one of them out: behind a breaker calls are made again until they succeed";
            self.clash::<()>(
                &breaker.span,
                "a circuit breaker around calls that are given up is not modelled",
                (value.place(), "what becomes of a record whose call fails"),
                help,
            );
        }
        Some(Some(GivesUp {
            attempts,
            back_off,
            then,
        }))
    }

    fn circuit_breaker(
        &mut self,
        section: &Spot<raw::CircuitBreaker>,
    ) -> Option<(BreakerConfig, WhileOpen)> {
        let (place, section) = (&section.span, &section.value);
        let default = BreakerConfig::default();
        let threshold = match &section.failure_rate_threshold {
            Some(value) => self.threshold(value),
            None => Some(default.failure_rate_threshold),
        };
        let mut calls = |value: &Option<raw::Count>, what, default: u32| match value {
            Some(value) => self.count_within(value, what, 1, MOST_WATCHED_CALLS),
            None => Some(u64::from(default)),
        };
        let window = calls(
            &section.sliding_window_size,
            "the calls of the window",
            default.sliding_window_size,
        );
        let minimum = calls(
            &section.minimum_number_of_calls,
            "the calls before it opens",
            default.minimum_number_of_calls,
        );
        let permitted = calls(
            &section.permitted_number_of_calls_in_half_open_state,
            "the calls of the half-open state",
            default.permitted_number_of_calls_in_half_open_state,
        );
        let wait = match &section.wait_duration_in_open_state {
            Some(value) => self.positive(value, "the time in the open state"),
            None => Some(default.wait_duration_in_open_state),
        };
        let while_open = self.while_open(place, section);
        let config = BreakerConfig {
            failure_rate_threshold: threshold?,
            sliding_window_size: window? as u32,
            minimum_number_of_calls: minimum? as u32,
            wait_duration_in_open_state: wait?,
            permitted_number_of_calls_in_half_open_state: permitted? as u32,
        };
        Some((config, while_open?))
    }

    fn threshold(&mut self, value: &Number) -> Option<f64> {
        let threshold = self.share(value, "the failure rate")?;
        if threshold == 0.0 {
            let help =
                "write a share above zero, as in 0.5; without a breaker leave the section out";
            return self.error(&value.0.span, "a breaker that is always open", help);
        }
        Some(threshold)
    }

    fn while_open(&mut self, place: &Place, section: &raw::CircuitBreaker) -> Option<WhileOpen> {
        let Some(word) = &section.while_open else {
            let help =
                r#"say what the application does then: while-open = "block", "pause" or "buffer""#;
            return self.missing(place, "while-open", help);
        };
        let choices = [
            ("block", WhileOpen::Block),
            ("pause", WhileOpen::Buffer { records: 0 }),
            ("buffer", WhileOpen::Buffer { records: 1 }),
        ];
        match (self.choice(word, &choices)?, &section.buffer) {
            (WhileOpen::Buffer { records: 1 }, Some(size)) => {
                let records = self.count_within(size, "the records of the buffer", 1, 1 << 40)?;
                Some(WhileOpen::Buffer { records })
            }
            (WhileOpen::Buffer { records: 1 }, None) => self.missing(
                &word.0.span,
                "buffer",
                "write how many records it holds at most: buffer = 10_000",
            ),
            (_, Some(size)) => self.clash(
                &size.0.span,
                "there is no buffer to have a size",
                (&word.0.span, "what the application does"),
                r#"leave `buffer` out, or write while-open = "buffer""#,
            ),
            (chosen, None) => Some(chosen),
        }
    }

    /// A token bucket.
    pub(super) fn limit(
        &mut self,
        rate: Option<&Rate>,
        burst: Option<&Number>,
    ) -> Option<RateLimit> {
        let burst_size = match burst {
            Some(burst) => self.number_from(burst, "burst", 1.0),
            None => Some(1.0),
        };
        let Some(value) = rate else {
            if let Some(burst) = burst {
                let help = r#"write the rate at which tokens come back: rate-limit = "200/s""#;
                self.error::<()>(
                    &burst.0.span,
                    "`burst` says nothing without `rate-limit`",
                    help,
                );
            }
            return None;
        };
        let rate = self.rate(value)?;
        if rate <= 0.0 {
            let help = "write a rate above zero; a dependency that accepts nothing is `downstream = \"stop\"` on the timeline";
            return self.error(&value.0.span, "a limit of no calls at all", help);
        }
        Some(RateLimit {
            rate,
            burst: burst_size?,
        })
    }
}
