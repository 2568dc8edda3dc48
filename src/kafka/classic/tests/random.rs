//! Random runs of clients that come, crash, leave and answer late, with stray inputs in between.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const CLIENTS: usize = 5;
/// The first of them are static members.
const STATICS: usize = 2;

fn instance(client: usize) -> Option<InstanceId> {
    (client < STATICS).then(|| InstanceId(u32::try_from(client).unwrap()))
}

/// What a consumer is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Out,
    Asked(MemberId),
    Joining(MemberId),
    Syncing(MemberId),
    In(MemberId, u32),
}

impl Client {
    fn id(self) -> Option<MemberId> {
        match self {
            Client::Out => None,
            Client::Asked(id) | Client::Joining(id) | Client::Syncing(id) | Client::In(id, _) => {
                Some(id)
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Start(usize),
    Crash(usize),
    Leave(usize),
    Rejoin(usize, bool),
    /// The same request once more.
    Retry(usize),
    Heartbeat(usize),
    /// So many answers reach their clients.
    Deliver(usize),
    Store,
    Advance(u64),
    /// A session expires, deservedly or not.
    Expire(usize),
    /// A timer comes early, or twice.
    StrayTimer(usize),
    /// SyncGroup of a client in a generation that far off.
    StraySync(usize, u32),
    StrayStored(u32),
    Stranger,
}

fn action() -> impl Strategy<Value = Action> {
    let client = 0..CLIENTS;
    prop_oneof![
        4 => client.clone().prop_map(Action::Start),
        1 => client.clone().prop_map(Action::Crash),
        1 => client.clone().prop_map(Action::Leave),
        2 => (client.clone(), any::<bool>()).prop_map(|(client, changed)| Action::Rejoin(client, changed)),
        1 => client.clone().prop_map(Action::Retry),
        3 => client.clone().prop_map(Action::Heartbeat),
        8 => (1_usize..6).prop_map(Action::Deliver),
        3 => Just(Action::Store),
        4 => (0_u64..20).prop_map(Action::Advance),
        1 => client.clone().prop_map(Action::Expire),
        1 => (0_usize..30).prop_map(Action::StrayTimer),
        1 => (client, 0_u32..4).prop_map(|(client, generation)| Action::StraySync(client, generation)),
        1 => (0_u32..6).prop_map(Action::StrayStored),
        1 => Just(Action::Stranger),
    ]
}

struct World {
    now: SimTime,
    group: ClassicGroup,
    clients: [Client; CLIENTS],
    zombies: BTreeSet<MemberId>,
    /// Requests that came less answers that went, by member.
    unanswered: BTreeMap<MemberId, u32>,
    answers: VecDeque<(MemberId, Response)>,
    to_store: VecDeque<Input>,
    armed: BTreeSet<(SimTime, Timer)>,
    fired: Vec<Timer>,
    serial: u32,
}

impl World {
    fn new(initial_rebalance_delay: SimDuration) -> Self {
        World {
            now: SimTime::ZERO,
            group: ClassicGroup::new(initial_rebalance_delay, true),
            clients: [Client::Out; CLIENTS],
            zombies: BTreeSet::new(),
            unanswered: BTreeMap::new(),
            answers: VecDeque::new(),
            to_store: VecDeque::new(),
            armed: BTreeSet::new(),
            fired: Vec::new(),
            serial: 0,
        }
    }

    /// Passes on a request of `member`.
    fn ask(&mut self, member: MemberId, input: Input) {
        *self.unanswered.entry(member).or_default() += 1;
        self.give(input);
    }

    fn give(&mut self, input: Input) {
        let before = self.group.generation();
        let mut effects = Vec::new();
        self.group.step(self.now, input, &mut effects);
        assert!(self.group.generation() >= before, "the generation fell");
        for effect in effects {
            self.take(effect);
        }
        self.check();
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::Respond { member, response } => {
                let asked = self.unanswered.get_mut(&member).filter(|asked| **asked > 0);
                *asked.expect("an answer to nobody's question") -= 1;
                self.answers.push_back((member, response));
            }
            Effect::Arm { at, timer } => {
                assert!(at >= self.now, "armed in the past");
                self.armed.insert((at, timer));
            }
            Effect::StoreAssignment { generation } => self.to_store.push_back(stored(generation)),
            Effect::StoreMember { member } => {
                self.to_store.push_back(Input::MemberStored { member });
            }
            Effect::MemberRemoved { member, .. } => assert!(!self.group.contains(member)),
            Effect::RebalanceStarted { .. }
            | Effect::GenerationStarted { .. }
            | Effect::Stabilised { .. }
            | Effect::BecameEmpty => {}
        }
    }

    fn check(&self) {
        let group = &self.group;
        match group.state() {
            GroupState::Empty => assert!(group.members.is_empty()),
            // Nobody may be left at an open barrier, but only till its timer.
            GroupState::PreparingRebalance => assert!(group.join.deadline >= self.now),
            GroupState::CompletingRebalance | GroupState::Stable => {
                assert!(!group.members.is_empty())
            }
        }
        assert_eq!(group.leader.is_some(), !group.members.is_empty());
        assert!(group.leader.is_none_or(|leader| group.contains(leader)));
        assert!(group.pending.keys().all(|id| !group.contains(*id)));
        for (instance, id) in &group.instances {
            assert_eq!(group.members[id].instance, Some(*instance));
        }
        let statics = group.members.values().filter(|m| m.instance.is_some());
        assert_eq!(statics.count(), group.instances.len());
        let mut owned = BTreeSet::new();
        for member in group.members.keys() {
            for partition in group.assignment(*member) {
                assert!(owned.insert(*partition), "{partition:?} has two owners");
            }
        }
    }

    fn start(&mut self, client: usize) {
        self.serial += 1;
        // Ids are random, so a new one sorts anywhere.
        let random = u64::from(self.serial.wrapping_mul(0x9E37_79B9));
        let id = MemberId {
            random,
            serial: self.serial,
        };
        let instance = instance(client);
        self.clients[client] = match instance {
            Some(_) => Client::Joining(id),
            None => Client::Asked(id),
        };
        self.ask(
            id,
            Input::JoinGroup(JoinGroup {
                knows_its_id: false,
                instance,
                ..request(id)
            }),
        );
    }

    fn rejoin(&mut self, client: usize, id: MemberId, changed: bool) {
        self.clients[client] = Client::Joining(id);
        self.ask(
            id,
            Input::JoinGroup(JoinGroup {
                metadata_changed: changed,
                instance: instance(client),
                ..request(id)
            }),
        );
    }

    fn heartbeat(&mut self, client: usize) {
        let Client::In(id, generation) = self.clients[client] else {
            return;
        };
        match self.group.heartbeat(id, generation) {
            Ok(()) => {}
            Err(KafkaError::RebalanceInProgress) => self.rejoin(client, id, false),
            Err(KafkaError::IllegalGeneration) => self.rejoin(client, id, true),
            Err(KafkaError::UnknownMemberId) => self.start(client),
            Err(KafkaError::FencedInstanceId) => panic!("{id:?} is fenced by nobody"),
        }
    }

    /// The oldest answer reaches its client, which acts on it.
    fn deliver(&mut self) {
        let Some((id, response)) = self.answers.pop_front() else {
            return;
        };
        let Some(client) = self
            .clients
            .iter()
            .position(|client| client.id() == Some(id))
        else {
            return;
        };
        match (self.clients[client], response) {
            (Client::Asked(_), Response::MemberIdRequired) => self.rejoin(client, id, false),
            (
                Client::Joining(_),
                Response::JoinGroup {
                    generation,
                    members,
                    ..
                },
            ) => {
                self.clients[client] = Client::Syncing(id);
                let input = if members.is_empty() {
                    sync(id, generation)
                } else {
                    let members: Vec<MemberId> = members.into_iter().map(|(id, _)| id).collect();
                    lead(id, generation, &members)
                };
                self.ask(id, input);
            }
            (Client::Syncing(_), Response::SyncGroup { generation, .. }) => {
                self.clients[client] = Client::In(id, generation);
            }
            (Client::Syncing(_), Response::Error(KafkaError::RebalanceInProgress)) => {
                self.rejoin(client, id, false);
            }
            (Client::Syncing(_), Response::Error(KafkaError::IllegalGeneration)) => {
                self.rejoin(client, id, true);
            }
            (_, Response::Error(KafkaError::UnknownMemberId)) => self.start(client),
            _ => {}
        }
    }

    fn store(&mut self) {
        if let Some(input) = self.to_store.pop_front() {
            self.give(input);
        }
    }

    fn advance(&mut self, to: SimTime) {
        while let Some((at, timer)) = self.armed.first().copied().filter(|(at, _)| *at <= to) {
            self.armed.remove(&(at, timer));
            self.now = at;
            self.fired.push(timer);
            self.give(Input::Timer(timer));
        }
        self.now = to;
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Start(client) if self.clients[client] == Client::Out => self.start(client),
            Action::Crash(client) => {
                self.zombies.extend(self.clients[client].id());
                self.clients[client] = Client::Out;
            }
            Action::Leave(client) => {
                if let Some(id) = self.clients[client].id() {
                    self.clients[client] = Client::Out;
                    if instance(client).is_some() {
                        self.zombies.insert(id);
                    } else {
                        self.ask(id, leave(id));
                    }
                }
            }
            Action::Rejoin(client, changed) => {
                if let Client::In(id, _) = self.clients[client] {
                    self.rejoin(client, id, changed);
                }
            }
            Action::Retry(client) => {
                // That of a static member is sent anew under an id anew.
                if let Client::Joining(id) = self.clients[client]
                    && instance(client).is_none()
                {
                    self.ask(id, join(id));
                }
            }
            Action::Heartbeat(client) => self.heartbeat(client),
            Action::Deliver(answers) => (0..answers).for_each(|_| self.deliver()),
            Action::Store => self.store(),
            Action::Advance(secs) => self.advance(self.now + SimDuration::from_secs(secs)),
            Action::Expire(client) => {
                if let Some(member) = self.clients[client].id() {
                    self.give(expire(member));
                }
            }
            Action::StrayTimer(which) => {
                let armed = self.armed.iter().map(|(_, timer)| *timer);
                let stray = armed.chain(self.fired.iter().copied()).nth(which);
                if let Some(timer) = stray {
                    self.give(Input::Timer(timer));
                }
            }
            Action::StraySync(client, generation) => {
                if let Client::In(id, current) = self.clients[client]
                    && current != generation
                {
                    self.ask(id, sync(id, generation));
                }
            }
            Action::StrayStored(generation) if !self.to_store.contains(&stored(generation)) => {
                self.give(stored(generation));
            }
            Action::Stranger => {
                let id = MemberId {
                    random: u64::MAX,
                    serial: u32::MAX,
                };
                for input in [
                    join(id),
                    sync(id, self.group.generation()),
                    leave(id),
                    expire(id),
                ] {
                    self.ask(id, input);
                }
            }
            Action::Start(_) | Action::StrayStored(_) => {}
        }
    }

    /// Everyone answers from now on, the dead expire: where does the group end?
    fn settle(&mut self) {
        for _ in 0..200 {
            while !self.answers.is_empty() || !self.to_store.is_empty() {
                self.deliver();
                self.store();
            }
            (0..CLIENTS).for_each(|client| self.heartbeat(client));
            for zombie in self.zombies.clone() {
                self.give(expire(zombie));
            }
            if self.answers.is_empty() {
                if self.settled() {
                    return;
                }
                let next = self
                    .armed
                    .first()
                    .expect("stuck: nothing will ever happen")
                    .0;
                self.advance(next);
            }
        }
        panic!(
            "stuck: {:?} {:?} {:#?}",
            self.clients, self.zombies, self.group
        );
    }

    fn settled(&self) -> bool {
        let alive = self
            .clients
            .iter()
            .filter_map(|client| client.id())
            .collect::<BTreeSet<_>>();
        let wanted = if alive.is_empty() {
            GroupState::Empty
        } else {
            GroupState::Stable
        };
        self.group.state() == wanted
            && self.group.members.keys().eq(alive.iter())
            && self.clients.iter().all(|client| match client {
                Client::Out => true,
                Client::In(_, generation) => *generation == self.group.generation(),
                _ => false,
            })
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_group_stays_sound_and_ends_stable_with_the_living(
        initial_delay in 0_u64..4,
        actions in vec(action(), 0..120),
    ) {
        let mut world = World::new(SimDuration::from_secs(initial_delay));
        for action in actions {
            world.act(action);
        }
        world.settle();
        let owned = world.group.members.keys().map(|member| world.group.assignment(*member).len());
        if world.group.state() == GroupState::Stable {
            prop_assert_eq!(owned.sum::<usize>(), PARTITIONS as usize);
        }
    }
}
