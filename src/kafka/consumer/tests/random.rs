//! Random runs: clients come, crash, leave, miss polls and take their time, messages are slow, partitions are added.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const CLIENTS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Action {
    Start(usize),
    Crash(usize),
    Close(usize),
    Poll(usize),
    PollTimeout(usize),
    Beat(usize),
    /// The oldest message of a client arrives, one way or the other.
    Arrive(usize, bool),
    /// The first, or some later callback of a client is through.
    Done(usize, usize),
    Advance(u64),
    ExpireZombie(usize),
    AddPartitions(u32),
}

fn action() -> impl Strategy<Value = Action> {
    let client = 0..CLIENTS;
    prop_oneof![
        3 => client.clone().prop_map(Action::Start),
        1 => client.clone().prop_map(Action::Crash),
        1 => client.clone().prop_map(Action::Close),
        2 => client.clone().prop_map(Action::Poll),
        1 => client.clone().prop_map(Action::PollTimeout),
        8 => client.clone().prop_map(Action::Beat),
        16 => (client.clone(), any::<bool>()).prop_map(|(one, up)| Action::Arrive(one, up)),
        8 => (client, 0_usize..3).prop_map(|(one, which)| Action::Done(one, which)),
        1 => (1_u64..200).prop_map(Action::Advance),
        1 => (0_usize..8).prop_map(Action::ExpireZombie),
        1 => (1_u32..3).prop_map(Action::AddPartitions),
    ]
}

struct Process {
    id: MemberId,
    membership: ConsumerMembership,
    requests: VecDeque<Heartbeat>,
    answers: VecDeque<Response>,
    steps: Vec<u32>,
}

struct Random {
    now: SimTime,
    group: ConsumerGroup,
    partitions: u32,
    processes: [Option<Process>; CLIENTS],
    /// Of the dead and gone, which the coordinator may still know.
    zombies: Vec<MemberId>,
    /// On their way from clients that are gone.
    orphans: VecDeque<Heartbeat>,
    timers: BTreeSet<(SimTime, RevocationTimer)>,
    serial: u32,
    static_members: bool,
}

impl Random {
    fn new(partitions: u32, static_members: bool) -> Self {
        Random {
            now: SimTime::ZERO,
            group: ConsumerGroup::new(ConsumerGroupSettings::default(), topics(partitions)),
            partitions,
            processes: Default::default(),
            zombies: Vec::new(),
            orphans: VecDeque::new(),
            timers: BTreeSet::new(),
            serial: 0,
            static_members,
        }
    }

    fn input(&mut self, client: usize, input: membership::Input) {
        let Some(process) = &mut self.processes[client] else {
            return;
        };
        let mut effects = Vec::new();
        process.membership.step(input, &mut effects);
        for effect in effects {
            match effect {
                membership::Effect::Send(request) => process.requests.push_back(request),
                membership::Effect::Commit { step, .. }
                | membership::Effect::Revoke { step, .. }
                | membership::Effect::Assign { step, .. }
                | membership::Effect::Lose { step, .. } => process.steps.push(step),
                membership::Effect::Fail(_) => {}
            }
        }
    }

    fn coordinate(&mut self, input: Input) {
        let before = self.group.clone();
        let mut effects = Vec::new();
        self.group.step(self.now, input, &mut effects);
        self.check_epochs(&before);
        for effect in effects {
            match effect {
                Effect::Respond {
                    member, response, ..
                } => {
                    let processes = self.processes.iter_mut().flatten();
                    if let Some(process) = processes.into_iter().find(|one| one.id == member) {
                        process.answers.push_back(response);
                    }
                }
                Effect::Arm { at, timer } => {
                    assert!(at >= self.now, "armed in the past");
                    self.timers.insert((at, timer));
                }
                Effect::MemberRemoved { member, .. } => assert!(!self.group.contains(member)),
                _ => {}
            }
        }
        self.check();
    }

    /// No epoch falls, but that of a member that leaves for a while.
    fn check_epochs(&self, before: &ConsumerGroup) {
        let group = &self.group;
        assert!(group.epoch() >= before.epoch());
        assert!(group.target_epoch() >= before.target_epoch());
        assert!(group.target_epoch() <= group.epoch());
        for member in group.members() {
            let now = group.member_epoch(member);
            let was = before.member_epoch(member);
            assert!(now <= Some(group.target_epoch()));
            assert!(now >= was || now == Some(STATIC_LEAVE_EPOCH));
        }
    }

    /// A partition has one owner at the coordinator, and among the clients that have done what they were told.
    fn check(&self) {
        let mut assigned = BTreeSet::new();
        for member in self.group.members() {
            for id in self.group.assignment(member) {
                assert!(assigned.insert(id), "{id:?} is assigned twice");
            }
        }
        let mut owned = BTreeMap::new();
        for process in self.processes.iter().flatten() {
            if self.is_up_to_date(process) {
                for id in process.membership.partitions() {
                    let other = owned.insert(id, process.id);
                    assert_eq!(other, None, "{id:?} is read by {:?} too", process.id);
                }
            }
        }
        for process in self.processes.iter().flatten() {
            self.check_news(process);
        }
    }

    /// Whether the coordinator knows the member, and nothing is under way between them. A member that is assigned
    /// something while the acknowledgement before waits is taken not to own it, and for as long as it takes to learn
    /// better two may own it: so it is in Kafka.
    fn is_up_to_date(&self, process: &Process) -> bool {
        process.membership.state() == MembershipState::Stable
            && process.requests.is_empty()
            && process.answers.is_empty()
            && self.group.member_epoch(process.id) == Some(process.membership.epoch())
    }

    /// A heartbeat that the group says brings no news changes nothing and tells nothing.
    fn check_news(&self, process: &Process) {
        let epoch = process.membership.epoch();
        if epoch <= 0 || self.group.member_epoch(process.id) != Some(epoch) {
            return;
        }
        let mut group = self.group.clone();
        let request = Heartbeat {
            member: process.id,
            instance: self.instance_of(process.id),
            epoch,
            subscribed: None,
            owned: None,
        };
        let mut effects = Vec::new();
        group.step(self.now, Input::Heartbeat(request), &mut effects);
        let silent = Response::Heartbeat {
            epoch,
            interval: HEARTBEAT_INTERVAL,
            assignment: None,
        };
        let silent =
            matches!(&effects[..], [Effect::Respond { response, .. }] if *response == silent);
        let state = |group: &ConsumerGroup| (group.state(), group.member_state(process.id));
        let same = state(&group) == state(&self.group) && group.epoch() == self.group.epoch();
        assert_eq!(
            self.group.has_news(process.id),
            !(silent && same),
            "{effects:?}"
        );
    }

    fn instance_of(&self, id: MemberId) -> Option<String> {
        // Every second slot is static, and its processes have its name.
        let slot = id.random % 100;
        (self.static_members && slot.is_multiple_of(2)).then(|| format!("instance {slot}"))
    }

    fn start(&mut self, client: usize) {
        self.serial += 1;
        let scatter = u64::from(self.serial.wrapping_mul(0x9E37_79B9) >> 8);
        let id = MemberId {
            random: scatter * 100 + client as u64,
            serial: self.serial,
        };
        let instance = self.instance_of(id);
        let auto_commit = client.is_multiple_of(3);
        let membership = ConsumerMembership::new(id, instance, subscribed(), auto_commit);
        self.processes[client] = Some(Process {
            id,
            membership,
            requests: VecDeque::new(),
            answers: VecDeque::new(),
            steps: Vec::new(),
        });
        self.input(client, membership::Input::Poll);
    }

    /// What it has sent arrives all the same.
    fn bury(&mut self, client: usize) {
        if let Some(process) = self.processes[client].take() {
            self.zombies.push(process.id);
            self.orphans.extend(process.requests);
        }
    }

    fn arrive(&mut self, client: usize, up: bool) {
        let Some(process) = &mut self.processes[client] else {
            if let Some(request) = self.orphans.pop_front() {
                self.coordinate(Input::Heartbeat(request));
            }
            return;
        };
        if up {
            if let Some(request) = process.requests.pop_front() {
                self.coordinate(Input::Heartbeat(request));
            }
        } else if let Some(response) = process.answers.pop_front() {
            self.input(client, membership::Input::Response(response));
            self.check();
        }
    }

    fn finish(&mut self, client: usize, which: usize) {
        if let Some(process) = &mut self.processes[client]
            && which < process.steps.len()
        {
            let step = process.steps.remove(which);
            self.input(client, membership::Input::Done { step });
            self.check();
        }
    }

    fn advance(&mut self, to: SimTime) {
        while let Some((at, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= to) {
            self.timers.remove(&(at, timer));
            self.now = at;
            self.coordinate(Input::Timer(timer));
        }
        self.now = to;
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Start(client) => {
                if self.processes[client].is_none() {
                    self.start(client);
                }
            }
            Action::Crash(client) => self.bury(client),
            Action::Close(client) => self.input(client, membership::Input::Close),
            Action::Poll(client) => {
                let closed =
                    |process: &Process| process.membership.state() == MembershipState::Unsubscribed;
                if self.processes[client].as_ref().is_some_and(closed) {
                    self.bury(client);
                } else {
                    self.input(client, membership::Input::Poll);
                }
            }
            Action::PollTimeout(client) => self.input(client, membership::Input::PollTimeout),
            Action::Beat(client) => self.input(client, membership::Input::HeartbeatDue),
            Action::Arrive(client, up) => self.arrive(client, up),
            Action::Done(client, which) => self.finish(client, which),
            Action::Advance(secs) => self.advance(self.now + SimDuration::from_secs(secs)),
            Action::ExpireZombie(which) => {
                if which < self.zombies.len() {
                    let member = self.zombies.remove(which);
                    self.coordinate(Input::SessionExpired { member });
                    self.zombies.push(member);
                }
            }
            Action::AddPartitions(more) => {
                self.partitions += more;
                let topics = topics(self.partitions);
                self.coordinate(Input::MetadataChanged { topics });
            }
        }
    }

    /// From now on everybody does what is expected of them, and the dead expire: where does the group end?
    fn settle(&mut self) {
        for _ in 0..60 {
            for client in 0..CLIENTS {
                self.act(Action::Poll(client));
                let fatal = |process: &Process| {
                    let state = process.membership.state();
                    matches!(
                        state,
                        MembershipState::Fatal | MembershipState::PrepareLeaving
                    )
                };
                if self.processes[client].as_ref().is_some_and(fatal) {
                    self.bury(client);
                }
                self.input(client, membership::Input::HeartbeatDue);
                for _ in 0..8 {
                    self.arrive(client, true);
                    self.arrive(client, false);
                    self.finish(client, 0);
                    self.input(client, membership::Input::Poll);
                }
            }
            while let Some(request) = self.orphans.pop_front() {
                self.coordinate(Input::Heartbeat(request));
            }
            for member in self.zombies.clone() {
                self.coordinate(Input::SessionExpired { member });
            }
            // Sessions of ids that their process has given up for another one.
            self.now += SimDuration::from_secs(5);
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_no_partition_has_two_owners_and_the_living_end_with_all_of_them(
        partitions in 0_u32..9,
        static_members in any::<bool>(),
        actions in vec(action(), 0..150),
    ) {
        let mut world = Random::new(partitions, static_members);
        for action in actions {
            world.act(action);
        }
        world.settle();
        let living: BTreeSet<MemberId> = world.processes.iter().flatten().map(|one| one.id).collect();
        prop_assert!(world.group.members().eq(living.iter().copied()));
        let mut owned = Vec::new();
        for process in world.processes.iter().flatten() {
            prop_assert_eq!(process.membership.state(), MembershipState::Stable);
            prop_assert!(world.group.assignment(process.id).eq(process.membership.partitions()));
            prop_assert!(!world.group.has_news(process.id));
            owned.extend(process.membership.partitions());
        }
        owned.sort_unstable();
        if living.is_empty() {
            prop_assert_eq!(world.group.state(), ConsumerGroupState::Empty);
        } else {
            prop_assert_eq!(world.group.state(), ConsumerGroupState::Stable);
            prop_assert_eq!(owned, (0..world.partitions).map(PartitionId).collect::<Vec<_>>());
        }
    }
}
