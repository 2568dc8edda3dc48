//! What a client does when: each mechanism by a word or a time, or as java does it.

use super::super::super::document::list;
use super::super::super::raw::{self, Text, Time};
use super::super::judge::{Judge, Place};
use crate::kafka::{
    AutoCommitFrom, ClientProfile, Fetches, Heartbeats, HeartbeatsFrom, LateCommit, PollClock,
    RebalanceTimeout, ReconcilesFrom, RejoinFrom,
};
use crate::units::{SimDuration, parse_duration};

/// What a time stands for where a word could.
type Timed<T> = fn(SimDuration) -> T;

/// Shortest time of a profile: a shorter one would let no time pass.
const SHORTEST: SimDuration = SimDuration::from_millis(1);

const HEARTBEATS: [(&str, Heartbeats); 2] = [
    ("thread", Heartbeats::Thread),
    ("between-records", Heartbeats::BetweenRecords),
];
const HEARTBEATS_FROM: [(&str, HeartbeatsFrom); 3] = [
    ("join", HeartbeatsFrom::Join),
    ("first-join", HeartbeatsFrom::FirstJoin),
    ("start", HeartbeatsFrom::Start),
];
const REJOINS: [(&str, RejoinFrom); 3] = [
    ("next-poll", RejoinFrom::NextPoll),
    ("background", RejoinFrom::Background),
    ("heartbeat", RejoinFrom::Heartbeat),
];
const CONSUMER_PROTOCOLS: [(&str, Option<ReconcilesFrom>); 3] = [
    ("none", None),
    ("background", Some(ReconcilesFrom::Background)),
    ("next-poll", Some(ReconcilesFrom::NextPoll)),
];
const AUTO_COMMITS: [(&str, AutoCommitFrom); 6] = [
    ("in-poll", AutoCommitFrom::Poll),
    ("timer", AutoCommitFrom::Timer),
    ("timer-of-stored", AutoCommitFrom::TimerOfStored),
    (
        "timer-of-previous-polls",
        AutoCommitFrom::TimerOfPreviousPolls,
    ),
    ("after-batch", AutoCommitFrom::AfterBatch),
    ("completed", AutoCommitFrom::Completed),
];
const COMMITS_REVOKED: [(&str, bool); 2] = [("joining", false), ("revoking", true)];
const POLL_CLOCKS: [(&str, PollClock); 3] = [
    ("retry.backoff.ms", PollClock::EveryRetryBackoff),
    ("when-due", PollClock::WhenDue),
    ("never", PollClock::Never),
];
const LATE_COMMITS: [(&str, LateCommit); 2] =
    [("refused", LateCommit::Refused), ("sent", LateCommit::Sent)];
const REFUSED_COMMITS: [(&str, bool); 2] = [("rejoin", true), ("log", false)];
const REBALANCE_TIMEOUTS: [(&str, RebalanceTimeout); 2] = [
    ("max.poll.interval.ms", RebalanceTimeout::MaxPollInterval),
    ("session.timeout.ms", RebalanceTimeout::SessionTimeout),
];
const RETURNS: [(&str, bool); 2] = [("max.poll.records", false), ("one-partition", true)];

/// What commits come to.
#[derive(Clone, Copy)]
struct Commits {
    from: AutoCommitFrom,
    late: LateCommit,
    refused_rejoins: bool,
    revoked: bool,
}

impl Judge<'_> {
    pub(super) fn mechanisms(
        &mut self,
        at: &Place,
        written: &raw::Client,
        java: Option<ClientProfile>,
    ) -> Option<ClientProfile> {
        let heartbeats = self.word(
            (at, "heartbeats"),
            &written.heartbeats,
            &HEARTBEATS,
            java.map(|java| java.heartbeats),
        );
        let heartbeats_from = self.word(
            (at, "heartbeats-from"),
            &written.heartbeats_from,
            &HEARTBEATS_FROM,
            java.map(|java| java.heartbeats_from),
        );
        let rejoin_from = self.word(
            (at, "rejoin"),
            &written.rejoin,
            &REJOINS,
            java.map(|java| java.rejoin_from),
        );
        let consumer_protocol = self.word(
            (at, "consumer-protocol"),
            &written.consumer_protocol,
            &CONSUMER_PROTOCOLS,
            java.map(|java| java.consumer_protocol),
        );
        let poll_clock = self.word_or_time(
            (at, "poll-clock"),
            &written.poll_clock,
            (&POLL_CLOCKS, PollClock::Every),
            java.map(|java| java.poll_clock),
        );
        let rebalance_timeout = self.word_or_time(
            (at, "rebalance-timeout"),
            &written.rebalance_timeout,
            (&REBALANCE_TIMEOUTS, RebalanceTimeout::Fixed),
            java.map(|java| java.rebalance_timeout),
        );
        let commits = self.commits(at, written, java);
        let polls = self.polls(at, written, java);
        let before = java.map(|java| java.reset_delay);
        let reset_delay = self.time((at, "reset-delay"), &written.reset_delay, before);
        let fetches = self.fetches(at, written, java.map(|java| java.fetches));
        Some(ClientProfile {
            heartbeats: heartbeats?,
            heartbeats_from: heartbeats_from?,
            rejoin_from: rejoin_from?,
            auto_commit_from: commits?.from,
            rebalance_timeout: rebalance_timeout?,
            poll_clock: poll_clock?,
            late_commit: commits?.late,
            refused_commit_rejoins: commits?.refused_rejoins,
            fetches: fetches?,
            returns_one_partition: polls?.0,
            fills: polls?.1,
            poll_timeout: polls?.2,
            reset_delay: reset_delay?,
            commits_revoked: commits?.revoked,
            cooperative: false,
            consumer_protocol: consumer_protocol?,
        })
    }

    fn commits(
        &mut self,
        at: &Place,
        written: &raw::Client,
        java: Option<ClientProfile>,
    ) -> Option<Commits> {
        let from = self.word(
            (at, "auto-commit"),
            &written.auto_commit,
            &AUTO_COMMITS,
            java.map(|java| java.auto_commit_from),
        );
        let (key, before) = ((at, "late-commit"), java.map(|java| java.late_commit));
        let late = self.word(key, &written.late_commit, &LATE_COMMITS, before);
        let before = java.map(|java| java.refused_commit_rejoins);
        let (key, own) = ((at, "refused-commit"), &written.refused_commit);
        let refused = self.word(key, own, &REFUSED_COMMITS, before);
        let before = java.map(|java| java.commits_revoked);
        let (key, own) = ((at, "auto-commit-before"), &written.auto_commit_before);
        let revoked = self.word(key, own, &COMMITS_REVOKED, before);
        Some(Commits {
            from: from?,
            late: late?,
            refused_rejoins: refused?,
            revoked: revoked?,
        })
    }

    /// One of some words, or what the profile before says.
    pub(super) fn word<T: Copy>(
        &mut self,
        (at, key): (&Place, &str),
        value: &Option<Text>,
        words: &[(&str, T)],
        before: Option<T>,
    ) -> Option<T> {
        match (value, before) {
            (Some(value), _) => self.choice(value, words),
            (None, Some(before)) => Some(before),
            (None, None) => {
                let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
                self.missing(at, key, format!("the choices are {}", list(&names)))
            }
        }
    }

    /// Whether a poll returns one partition's records only, how long it waits to be full, and how long for anything.
    fn polls(
        &mut self,
        at: &Place,
        written: &raw::Client,
        java: Option<ClientProfile>,
    ) -> Option<(bool, SimDuration, SimDuration)> {
        let returns_one_partition = self.word(
            (at, "returns"),
            &written.returns,
            &RETURNS,
            java.map(|java| java.returns_one_partition),
        );
        let before = java.map(|java| java.fills);
        let fills = self.time((at, "fills"), &written.fills, before);
        let before = java.map(|java| java.poll_timeout);
        let poll_timeout = self.time((at, "poll-timeout"), &written.poll_timeout, before);
        Some((returns_one_partition?, fills?, poll_timeout?))
    }

    /// A time, or what the profile before says.
    fn time(
        &mut self,
        (at, key): (&Place, &str),
        value: &Option<Time>,
        before: Option<SimDuration>,
    ) -> Option<SimDuration> {
        match (value, before) {
            (Some(value), _) if matches!(key, "fills" | "reset-delay") => self.duration(value),
            (Some(value), _) => self.positive(value, &format!("`{key}`")),
            (None, Some(before)) => Some(before),
            (None, None) => self.missing(at, key, "write a time, as in \"100ms\""),
        }
    }

    /// One of some words or a time above none, or what the profile before says.
    fn word_or_time<T: Copy>(
        &mut self,
        (at, key): (&Place, &str),
        value: &Option<Text>,
        (words, timed): (&[(&str, T)], Timed<T>),
        before: Option<T>,
    ) -> Option<T> {
        if let Some(value) = value
            && let Ok(time) = parse_duration(&value.0.value.plain())
        {
            if time < SHORTEST {
                let message = format!("`{key}` cannot be shorter than {SHORTEST}");
                return self.error(
                    &value.0.span,
                    message,
                    "write a longer time, as in \"500ms\"",
                );
            }
            return Some(timed(time));
        }
        let before_count = self.found.len();
        let word = self.word((at, key), value, words, before);
        for one in &mut self.found[before_count..] {
            one.help.push_str(", or a time as in \"500ms\"");
        }
        word
    }

    fn fetches(
        &mut self,
        at: &Place,
        written: &raw::Client,
        java: Option<Fetches>,
    ) -> Option<Fetches> {
        let words = [
            ("once-drained", Some(Fetches::OnceDrained)),
            ("between-batches", Some(Fetches::BetweenBatches)),
            ("ahead", None),
        ];
        let fetches = self.word((at, "fetches"), &written.fetches, &words, java.map(Some))?;
        let (queue, size) = (&written.queue, &written.queue_size);
        if let Some(fetches) = fetches {
            let places = [
                queue.as_ref().map(|queue| ("queue", &queue.0.span)),
                size.as_ref().map(|size| ("queue-size", &size.0.span)),
            ];
            for (key, span) in places.into_iter().flatten() {
                let help = "leave it out, or write fetches = \"ahead\"";
                self.error::<()>(span, format!("`{key}` goes with fetches = \"ahead\""), help);
            }
            return Some(fetches);
        }
        let span = written.fetches.as_ref().map_or(at, |value| &value.0.span);
        let records = match queue {
            Some(queue) => self.count_within(queue, "the queue", 1, 1_000_000_000),
            None => self.missing(
                span,
                "queue",
                "write how many records of a partition wait at most: queue = 100_000",
            ),
        };
        let bytes = match size {
            Some(size) => self.bytes(size),
            None => self.missing(
                span,
                "queue-size",
                "write how large the whole queue gets: queue-size = \"64MiB\"",
            ),
        };
        Some(Fetches::Ahead {
            records: records?,
            bytes: bytes?,
        })
    }
}
