//! Tables of (time, input, effects), named after the rule; and random runs.

mod barrier;
mod initial_delay;
mod random;
mod requests;
mod statics;

use crate::kafka::assignor::{Subscription, TopicPartitions, assign};
use crate::kafka::properties::Assignor;

use super::*;

const A: MemberId = MemberId {
    random: 0,
    serial: 0,
};
const B: MemberId = MemberId {
    random: 1,
    serial: 1,
};
const C: MemberId = MemberId {
    random: 2,
    serial: 2,
};
const D: MemberId = MemberId {
    random: 3,
    serial: 3,
};

const PARTITIONS: u32 = 7;

fn request(member: MemberId) -> JoinGroup {
    JoinGroup {
        member,
        knows_its_id: true,
        instance: None,
        session_timeout: SimDuration::from_secs(45),
        rebalance_timeout: SimDuration::from_secs(300),
        metadata_changed: false,
        owned: Owned::default(),
    }
}

/// The first JoinGroup, without an id.
fn ask(member: MemberId) -> Input {
    Input::JoinGroup(JoinGroup {
        knows_its_id: false,
        ..request(member)
    })
}

fn join(member: MemberId) -> Input {
    Input::JoinGroup(request(member))
}

fn join_changed(member: MemberId) -> Input {
    Input::JoinGroup(JoinGroup {
        metadata_changed: true,
        ..request(member)
    })
}

fn join_within(member: MemberId, rebalance_timeout: SimDuration) -> Input {
    Input::JoinGroup(JoinGroup {
        rebalance_timeout,
        ..request(member)
    })
}

fn sync(member: MemberId, generation: u32) -> Input {
    Input::SyncGroup {
        member,
        generation,
        assignment: None,
    }
}

fn lead(member: MemberId, generation: u32, members: &[MemberId]) -> Input {
    let subscription = |member: &MemberId| Subscription {
        member: *member,
        instance: None,
        topics: &[0],
        owned: &[],
        generation: None,
    };
    let members: Vec<Subscription> = members.iter().map(subscription).collect();
    let topic = TopicPartitions {
        partitions: (0..PARTITIONS).map(PartitionId).collect(),
    };
    let assignment = Some(assign(Assignor::Range, &members, &[topic]));
    Input::SyncGroup {
        member,
        generation,
        assignment,
    }
}

fn stored(generation: u32) -> Input {
    Input::AssignmentStored { generation }
}

fn leave(member: MemberId) -> Input {
    Input::LeaveGroup { member }
}

fn expire(member: MemberId) -> Input {
    Input::SessionExpired { member }
}

fn window_over(rebalance: u32) -> Input {
    Input::Timer(Timer::InitialDelay { rebalance })
}

fn join_timeout(rebalance: u32) -> Input {
    Input::Timer(Timer::Join { rebalance })
}

fn pending(member: MemberId) -> Input {
    Input::Timer(Timer::Pending { member })
}

fn sync_timeout(generation: u32) -> Input {
    Input::Timer(Timer::Sync { generation })
}

fn at(secs: u64) -> SimTime {
    SimTime::from_secs(secs)
}

fn name(member: MemberId) -> String {
    char::from(b'A' + u8::try_from(member.random).unwrap()).to_string()
}

fn names(members: &[MemberId]) -> String {
    members.iter().map(|member| name(*member)).collect()
}

fn answer(response: &Response) -> String {
    match response {
        Response::MemberIdRequired => "MEMBER_ID_REQUIRED".to_owned(),
        Response::JoinGroup {
            generation,
            members,
            ..
        } if members.is_empty() => {
            format!("generation {generation}")
        }
        Response::JoinGroup {
            generation,
            members,
            skip_assignment,
        } => {
            let skip = if *skip_assignment { ", assigned" } else { "" };
            let members: Vec<MemberId> = members.iter().map(|(member, _)| *member).collect();
            format!("generation {generation} of {}{skip}", names(&members))
        }
        Response::SyncGroup { partitions, .. } if partitions.is_empty() => "idle".to_owned(),
        Response::SyncGroup { partitions, .. } => partitions
            .iter()
            .map(|partition| partition.0.to_string())
            .collect(),
        Response::Left => "left".to_owned(),
        Response::Error(error) => format!("{error:?}"),
    }
}

fn deadline(timer: Timer) -> String {
    match timer {
        Timer::InitialDelay { rebalance } => format!("window {rebalance}"),
        Timer::Join { rebalance } => format!("barrier {rebalance}"),
        Timer::Pending { member } => format!("first join of {}", name(member)),
        Timer::Sync { generation } => format!("syncs of {generation}"),
    }
}

/// One effect in a few words: `A: generation 1 of AB`, `until 3s: window 1`.
fn told(effect: &Effect) -> String {
    match effect {
        Effect::Respond { member, response } => format!("{}: {}", name(*member), answer(response)),
        Effect::Arm { at, timer } => format!("until {at}: {}", deadline(*timer)),
        Effect::StoreAssignment { generation } => format!("store {generation}"),
        Effect::StoreMember { member } => format!("store {}", name(*member)),
        Effect::RebalanceStarted { generation, reason } => {
            let reason = match reason {
                RebalanceReason::MemberJoined(member) => format!("{} joined", name(*member)),
                RebalanceReason::MemberLeft(member) => format!("{} left", name(*member)),
                RebalanceReason::SessionExpired(member) => format!("{} expired", name(*member)),
                RebalanceReason::MetadataChanged => "metadata".to_owned(),
                RebalanceReason::MemberRejoined(member) => format!("{} rejoined", name(*member)),
            };
            format!("{generation} ends, {reason}")
        }
        Effect::GenerationStarted {
            generation,
            members,
        } => {
            format!("{generation} begins with {members}")
        }
        Effect::Stabilised { generation } => format!("{generation} stable"),
        Effect::MemberRemoved { member, reason } => format!("-{} {reason:?}", name(*member)),
        Effect::BecameEmpty => "empty".to_owned(),
    }
}

/// Feeds a table to `group`: at so many seconds this input has just these effects.
fn run(group: &mut ClassicGroup, table: &[(u64, Input, &[&str])]) {
    for (row, (secs, input, expected)) in table.iter().enumerate() {
        let mut effects = Vec::new();
        group.step(at(*secs), input.clone(), &mut effects);
        let told = effects.iter().map(told).collect::<Vec<_>>();
        assert_eq!(told, *expected, "row {row}: {secs} s, {input:?}");
    }
}

fn feed(group: &mut ClassicGroup, now: SimTime, input: Input) {
    group.step(now, input, &mut Vec::new());
}

fn new_group() -> ClassicGroup {
    ClassicGroup::new(SimDuration::from_secs(3), true)
}

/// `members` in generation 1, waiting for the first one, the leader, to sync, at 0 s.
fn completing(members: &[MemberId]) -> ClassicGroup {
    let mut group = ClassicGroup::new(SimDuration::ZERO, true);
    for member in members {
        feed(&mut group, SimTime::ZERO, ask(*member));
        feed(&mut group, SimTime::ZERO, join(*member));
    }
    // The first window is followed by another if there are several members.
    feed(&mut group, SimTime::ZERO, window_over(1));
    feed(&mut group, SimTime::ZERO, window_over(1));
    assert_eq!(group.state(), GroupState::CompletingRebalance);
    group
}

/// `members` in a Stable generation 1, the first one leading, at 0 s.
fn stable(members: &[MemberId]) -> ClassicGroup {
    let mut group = completing(members);
    for member in &members[1..] {
        feed(&mut group, SimTime::ZERO, sync(*member, 1));
    }
    feed(&mut group, SimTime::ZERO, lead(members[0], 1, members));
    feed(&mut group, SimTime::ZERO, stored(1));
    assert_eq!(group.state(), GroupState::Stable);
    group
}
