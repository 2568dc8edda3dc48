//! Scenarios drawn at random, beside the engine: a client of an eager group or of the consumer protocol, how it commits, what
//! its records take, and what happens to it.

use lagsim::engine::{Address, Purpose};
use lagsim::kafka::GroupProtocol;
use lagsim::scenario::{Action, CommitPolicy, OnStop, Scenario};
use lagsim::units::{ProcessId, SimDuration, SimTime};
use lagsim::workload::Law;

use super::exact::closely;
use super::faults::assert_twins_in_trouble;
use crate::systems::{ms, profile, run, secs, system, with, with_backlog};

/// Draws of one scenario, each by its number.
pub(super) struct Dice(Address, u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Dice(Address::new(seed, 0, Purpose::Work, "scenario"), 0)
    }

    pub(super) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        self.1 += 1;
        let drawn = self.0.uniform(0, self.1) * choices.len() as f64;
        choices[drawn as usize].clone()
    }
}

/// What is no multiple of a millisecond keeps the scenario's own times apart: which of two things of one instant comes first is
/// nobody's to say.
pub(super) fn odd(millis: u64, nanos: u64) -> SimDuration {
    ms(millis) + SimDuration::from_nanos(nanos)
}

fn draw(seed: u64) -> Scenario {
    let mut dice = Dice::new(seed);
    let members = dice.of(&[1, 2, 3]);
    let rate = dice.of(&[3.0, 40.0, 200.0, 700.0]);
    let slow = Law::Bimodal {
        fast: 0.003_000_011,
        slow: 0.900_000_013,
        share: 0.02,
    };
    let law = dice.of(&[
        Law::Exponential { mean: 0.004 },
        Law::Constant(0.003_100_007),
        slow,
    ]);
    let mut scenario = closely(system(dice.of(&[1, 4, 7]), members, rate, law));
    scenario.seed = seed;
    scenario.cluster.brokers = dice.of(&[1, 2, 3]);
    scenario.cluster.round_trip = ms(dice.of(&[2, 5]));
    scenario.cluster.commit_latency = ms(dice.of(&[2, 9]));
    scenario.cluster.properties.consumer_session_timeout = secs(6);
    scenario.cluster.properties.consumer_heartbeat_interval = secs(1);
    let settings = &mut scenario.settings[0];
    let client = dice.of(&["java", "java", "librdkafka"]);
    settings.client = profile(client);
    let commit = dice.of(&[
        CommitPolicy::Auto,
        CommitPolicy::AfterBatch,
        CommitPolicy::Async,
    ]);
    settings.processing.commit = commit;
    settings.processing.on_stop = dice.of(&[OnStop::FinishBatch, OnStop::FinishRecord]);
    let properties = &mut settings.properties;
    properties.enable_auto_commit = commit == CommitPolicy::Auto;
    properties.auto_commit_interval = odd(dice.of(&[700, 5_000]), 13_007);
    properties.session_timeout = secs(6);
    properties.heartbeat_interval = secs(1);
    properties.fetch_max_wait = odd(500, 29_017);
    properties.max_poll_interval = secs(dice.of(&[3, 300]));
    properties.max_poll_records = dice.of(&[7, 150, 500]);
    let scenario = with_backlog(scenario, dice.of(&[0, 0, 900]));
    let mut scenario = in_trouble(scenario, &mut dice, |_, process, gap| {
        let graceful = restart(process, gap, true, true);
        let killed = restart(process, gap, false, true);
        vec![crash(process, gap), graceful.clone(), graceful, killed]
    });
    let properties = &mut scenario.settings[0].properties;
    let protocol = dice.of(&[GroupProtocol::Classic, GroupProtocol::Consumer]);
    if client == "java" {
        properties.group_protocol = protocol;
    }
    scenario
}

/// They die, and are back after a gap.
pub(super) fn crash(processes: &[ProcessId], gap: SimDuration) -> Action {
    Action::Crash {
        processes: processes.to_vec(),
        restart_after: Some(gap),
    }
}

/// They are told to stop, or killed, and are back after a gap.
pub(super) fn restart(
    processes: &[ProcessId],
    gap: SimDuration,
    graceful: bool,
    rolling: bool,
) -> Action {
    Action::Restart {
        processes: processes.to_vec(),
        gap,
        start_up: ms(300),
        graceful,
        rolling,
        settings: None,
    }
}

/// Something happens to a process three times: one of what `choices` makes of it, and of how long it is away.
pub(super) fn in_trouble(
    mut scenario: Scenario,
    dice: &mut Dice,
    choices: impl Fn(&mut Dice, &[ProcessId], SimDuration) -> Vec<Action>,
) -> Scenario {
    let members = scenario.group.processes.len() as u32;
    for from in [6_000, 18_000, 28_000] {
        let process = ProcessId(dice.of(&[0, 1, 2]) % members);
        let gap = ms(dice.of(&[900, 3_000]));
        let choices = choices(dice, &[process], gap);
        let entry = dice.of(&choices);
        let at = SimTime::ZERO + odd(from + dice.of(&[3, 411, 1_777]), 1_709);
        scenario = with(scenario, at, entry);
    }
    scenario
}

/// How often the engine, which the twin agrees with, has committed.
fn agree(seed: u64) -> u64 {
    let told = assert_twins_in_trouble(&format!("seed {seed}"), &draw(seed));
    told.totals.commits
}

/// The same scenario, of an application that commits each record as it is done.
fn one_by_one(seed: u64) -> Scenario {
    let mut scenario = draw(seed);
    let settings = &mut scenario.settings[0];
    settings.processing.commit = CommitPolicy::PerRecord;
    settings.properties.enable_auto_commit = false;
    scenario
}

fn agree_one_by_one(seed: u64) -> u64 {
    let name = format!("seed {seed}, committed one by one");
    assert_twins_in_trouble(&name, &one_by_one(seed))
        .totals
        .commits
}

#[test]
fn the_engine_does_what_one_record_after_another_does() {
    // In 1,119 and 1,540 a timer is due in the last batch before a rebalance, after the last sample; in 2,867 a member closes that
    // has committed what another, thrown out before, has in hand; in the others a member of a consumer group commits with the
    // answer that brings its epoch, gets partitions while it has not been looked at for a while, or waits in a long poll that asks
    // for what it has given up.
    for seed in (0..60).chain([1_119, 1_540, 2_867, 89, 380, 591, 1_572, 1_813]) {
        assert!(agree(seed) > 0, "seed {seed}: nothing is committed");
    }
}

/// Each record's commit is stored whoever owns its partition by then, if only it carries the epoch of its member.
#[test]
fn the_same_with_every_record_committed_as_it_is_done() {
    let idle = (0..60).filter(|seed| agree_one_by_one(*seed) == 0).count();
    assert!(idle < 6, "in {idle} no batch is ever through");
}

/// Samples a hundred times rarer show the same, and so do the totals.
fn assert_looks_do_not_matter(name: &str, often: &Scenario) {
    let mut rarely = often.clone();
    rarely.sample = often.sample * 100;
    let (often, rarely) = (run(often), run(&rarely));
    let looked = |at: &SimTime| rarely.samples.iter().any(|(rare, _)| rare == at);
    let seen = often.samples.iter().filter(|(at, _)| looked(at));
    assert!(seen.eq(&rarely.samples), "{name}");
    assert_eq!(often.totals, rarely.totals, "{name}");
}

/// Members run when somebody needs to know where they are.
#[test]
fn it_does_not_matter_how_often_anybody_looks() {
    for seed in (0..60).chain([380, 494, 591]) {
        assert_looks_do_not_matter(&format!("seed {seed}"), &draw(seed));
        assert_looks_do_not_matter(&format!("seed {seed}, one by one"), &one_by_one(seed));
    }
}

#[test]
#[ignore = "long: 3,000 scenarios"]
fn the_engine_does_what_one_record_after_another_does_at_length() {
    let idle = (1_000..4_000).filter(|seed| agree(*seed) == 0).count();
    assert!(idle < 150, "in {idle} nothing is committed");
}

#[test]
#[ignore = "some seeds, for the one who looks into them: TWIN_SEEDS=17-20"]
fn some_seeds() {
    let seeds = std::env::var("TWIN_SEEDS").unwrap_or_default();
    let Some((from, to)) = seeds.split_once('-') else {
        return;
    };
    let [from, to] = [from, to].map(|seed| seed.parse::<u64>().expect("a seed"));
    let fails =
        |seed: &u64| std::panic::catch_unwind(|| (agree(*seed), agree_one_by_one(*seed))).is_err();
    let failed: Vec<u64> = (from..=to).filter(fails).collect();
    assert!(failed.is_empty(), "seeds {failed:?}");
}
