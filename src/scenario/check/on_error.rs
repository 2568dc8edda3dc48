//! What becomes of a record that fails, and of a process that exits because of one.

use super::super::on_error::{BackOff, GiveUp, OnError, OnFailure, Produce, RetryBy};
use super::super::raw::{self, Either, Spot};
use super::judge::Judge;
use super::one_of;
use crate::platform::RestartPolicy;
use crate::units::SimDuration;

pub(super) const ON_ERROR: &str = r#"write "retry-forever", "skip", "dead-letter", "retry-topic", "crash", or a table such as { retry = { attempts = 3, back-off = "1s", then = "dead-letter" } }"#;

/// What giving up means, by its word.
const GIVE_UPS: [(&str, GiveUp); 4] = [
    ("skip", GiveUp::Skip),
    ("dead-letter", GiveUp::DeadLetter(PRODUCE)),
    ("retry-topic", GiveUp::RetryTopic(PRODUCE)),
    ("crash", GiveUp::Crash { closes: false }),
];
/// A produce to a dead-letter topic or a retry topic, where the model does not say.
const PRODUCE: Produce = Produce::taking(SimDuration::from_millis(10));
/// What is done about a failed one, by its word.
const ON_FAILURES: [(&str, OnFailure); 3] = [
    ("retry", OnFailure::Retry),
    ("skip", OnFailure::Skip),
    ("crash", OnFailure::Crash),
];
/// Pause of a retry for ever by seek, where the model does not say.
const SEEK_BACK_OFF: SimDuration = SimDuration::from_secs(1);
/// The shortest such pause: without latencies nothing else lets time pass between two attempts.
const SHORTEST_SEEK_BACK_OFF: SimDuration = SimDuration::from_millis(1);

impl Judge<'_> {
    /// How a record that fails is handled.
    pub(super) fn handling(&mut self, value: &Either<raw::Text, raw::OnError>) -> Option<OnError> {
        let table = match value {
            Either::Plain(word) => return self.on_error_word(word),
            Either::Table(table) => table,
        };
        let given = [
            ("retry-forever", table.value.retry_forever.is_some()),
            ("retry", table.value.retry.is_some()),
            ("dead-letter", table.value.dead_letter.is_some()),
            ("retry-topic", table.value.retry_topic.is_some()),
            ("crash", table.value.crash.is_some()),
        ];
        one_of(
            self,
            &table.span,
            &given,
            "what happens to a record that fails",
            ON_ERROR,
        )?;
        if let Some(forever) = &table.value.retry_forever {
            return self.retry_forever(forever);
        }
        if let Some(retry) = &table.value.retry {
            return self.retry(retry);
        }
        let (letter, retry) = (&table.value.dead_letter, &table.value.retry_topic);
        let crash = table.value.crash.as_ref();
        self.gone((letter.as_ref(), retry.as_ref()), crash)
            .map(OnError::once)
    }

    /// What a table says of giving up, which has one of these: the record is produced elsewhere, or the process exits.
    fn gone(
        &mut self,
        (letter, retry): (Option<&Spot<raw::PassOn>>, Option<&Spot<raw::PassOn>>),
        crash: Option<&Spot<raw::Exit>>,
    ) -> Option<GiveUp> {
        match (letter, retry) {
            (Some(letter), _) => self.produce(letter).map(GiveUp::DeadLetter),
            (None, Some(retry)) => self.produce(retry).map(GiveUp::RetryTopic),
            (None, None) => self.exit(crash?),
        }
    }

    fn produce(&mut self, table: &Spot<raw::PassOn>) -> Option<Produce> {
        let value = &table.value;
        let takes = self.duration_or(&value.produce, PRODUCE.takes);
        let timeout = self.duration_or(&value.timeout, PRODUCE.timeout);
        let on_failure = match &value.on_failure {
            Some(word) => self.choice(word, &ON_FAILURES)?,
            None => PRODUCE.on_failure,
        };
        if timeout <= takes {
            let at = value.timeout.as_ref().or(value.produce.as_ref());
            let message =
                format!("a produce takes {takes}, but the producer gives it up after {timeout}");
            let help = "write a timeout longer than `produce` (2m by default), or none would ever be acknowledged";
            return self.error(at.map_or(&table.span, |time| &time.0.span), message, help);
        }
        Some(Produce {
            takes,
            timeout,
            on_failure,
        })
    }

    fn exit(&mut self, exit: &Spot<raw::Exit>) -> Option<GiveUp> {
        let closes = self.flag_or(&exit.value.close, false)?;
        Some(GiveUp::Crash { closes })
    }

    fn on_error_word(&mut self, word: &raw::Text) -> Option<OnError> {
        let mut choices = vec![("retry-forever", None)];
        choices.extend(GIVE_UPS.map(|(word, then)| (word, Some(then))));
        let forever = OnError::RetryForever(RetryBy::Seek {
            back_off: SEEK_BACK_OFF,
        });
        Some(self.choice(word, &choices)?.map_or(forever, OnError::once))
    }

    fn retry_forever(&mut self, forever: &Spot<raw::RetryForever>) -> Option<OnError> {
        let in_place = match &forever.value.by {
            Some(word) => self.choice(word, &[("seek", false), ("in-place", true)])?,
            None => false,
        };
        if !in_place {
            let back_off = self.duration_or(&forever.value.back_off, SEEK_BACK_OFF);
            if let Some(written) = &forever.value.back_off
                && back_off < SHORTEST_SEEK_BACK_OFF
            {
                let help = "write at least back-off = \"1ms\"; a real consumer has at least its own loop between two attempts";
                return self.error(
                    &written.0.span,
                    "a seek back without a pause would poll for ever at one instant",
                    help,
                );
            }
            return Some(OnError::RetryForever(RetryBy::Seek { back_off }));
        }
        if let Some(back_off) = &forever.value.back_off {
            let help = "leave `back-off` out, or write by = \"seek\"";
            return self.error(
                &back_off.0.span,
                "a retry in place for ever has no pause that matters: it never polls again",
                help,
            );
        }
        let help = "if the application polls between two attempts write by = \"seek\"";
        self.warn(&forever.span, "a member that retries in place never polls again and is evicted at max.poll.interval.ms", help);
        Some(OnError::RetryForever(RetryBy::InPlace))
    }

    fn retry(&mut self, retry: &Spot<raw::Retry>) -> Option<OnError> {
        let value = &retry.value;
        let attempts = match &value.attempts {
            Some(count) => self.count_within(count, "the attempts", 1, 1_000_000),
            None => self.missing(
                &retry.span,
                "attempts",
                "write how many attempts in all: attempts = 3",
            ),
        };
        let first = self.duration_or(&value.back_off, SimDuration::ZERO);
        let max = self.duration_or(&value.max_back_off, SimDuration::from_secs(30).max(first));
        if let Some(at) = &value.max_back_off
            && max < first
        {
            let help = "make max-back-off at least as long as back-off";
            self.error::<()>(
                &at.0.span,
                "the longest pause is shorter than the first",
                help,
            );
        }
        let multiplier = match &value.multiplier {
            Some(number) => self.number_from(number, "the multiplier of a pause", 1.0),
            None => Some(1.0),
        };
        let then = match &value.then {
            Some(then) => self.give_up(then),
            None => self.missing(
                &retry.span,
                "then",
                r#"say what giving up means: then = "skip", "dead-letter", "retry-topic" or "crash""#,
            ),
        };
        let seeks = match &value.by {
            Some(word) => self.choice(word, &[("seek", true), ("in-place", false)])?,
            None => false,
        };
        Some(OnError::Retry {
            seeks,
            attempts: attempts? as u32,
            back_off: BackOff {
                first,
                multiplier: multiplier?,
                max,
            },
            then: then?,
        })
    }
}

impl Judge<'_> {
    fn give_up(&mut self, then: &Either<raw::Text, raw::GiveUp>) -> Option<GiveUp> {
        let table = match then {
            Either::Plain(word) => return self.choice(word, &GIVE_UPS),
            Either::Table(table) => table,
        };
        let given = [
            ("dead-letter", table.value.dead_letter.is_some()),
            ("retry-topic", table.value.retry_topic.is_some()),
            ("crash", table.value.crash.is_some()),
        ];
        let help = r#"write "skip", "dead-letter", "retry-topic", "crash", { dead-letter = { produce = "10ms" } } or { crash = { close = true } }"#;
        one_of(self, &table.span, &given, "what giving up means", help)?;
        let (letter, retry) = (&table.value.dead_letter, &table.value.retry_topic);
        let crash = table.value.crash.as_ref();
        self.gone((letter.as_ref(), retry.as_ref()), crash)
    }

    /// How a process is started again that exits because of a record.
    pub(super) fn supervisor(
        &mut self,
        section: Option<&Spot<raw::Supervisor>>,
    ) -> Option<RestartPolicy> {
        let default = RestartPolicy::default();
        let Some(Spot { value, .. }) = section else {
            return Some(default);
        };
        let back_off = self.duration_or(&value.back_off, default.back_off);
        let max_back_off =
            self.duration_or(&value.max_back_off, default.max_back_off.max(back_off));
        if let Some(at) = &value.max_back_off
            && max_back_off < back_off
        {
            let help = "make max-back-off at least as long as back-off (10s by default)";
            return self.error(
                &at.0.span,
                "the longest pause is shorter than the first",
                help,
            );
        }
        Some(RestartPolicy {
            back_off,
            max_back_off,
            reset_after: self.duration_or(&value.reset_after, max_back_off * 2),
            start_up: self.duration_or(&value.start_up, default.start_up),
        })
    }
}
