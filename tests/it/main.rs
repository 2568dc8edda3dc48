//! Everything that looks at lagsim from outside.

// What the crate promises to those who use it.
mod around; // which numbers of a model matter most
mod cli; // the program, end to end: exit codes, files, words
mod experiments; // every experiment in experiments/ comes to the answer it states
mod imports; // what tools and monitors show becomes a model
mod keys; // every key of the language changes what a run shows
mod models; // every model in models/ is valid and meets its expectations
mod monitoring; // a run is looked at by scrapes, on its grid and at its horizon
mod pages; // what the README and docs/ say is true
mod scenario; // the language of models: what is accepted, what is refused, and in which words
mod sweep; // many runs of a model: the same bytes however they are made, and what is refused
mod tidy; // the shape of the source tree: floors, sizes, forbidden constructs

// Proofs of the engine.
mod autoscaler; // what an autoscaler does to a group, and the group to it
mod backlogs; // what counts as a backlog, whatever the size of polls
mod breakers; // what a circuit breaker sees of its member, and its member of an open one
mod calibrations; // what a trace tells of a model, and how surely
mod clients; // what each client library does when
mod closed_forms; // formulas of queueing theory and planner's arithmetic
mod commits; // when an application commits: every so often, and as it gives partitions up
mod comparisons; // variants on the same draws: what differs, and how surely
mod consumer;
mod cooperative; // rebalances in which members read on
mod crashes; // processes that exit because of a record, and how they are started again
mod dead_letters; // a dead-letter topic that is down: records that start anew, are skipped, or make a process exit
mod dependencies; // records that call several dependencies: outages and changes of each, and whose affair they are
mod explain; // why a partition is where it is, state by state
mod failing_calls; // calls that fail by chance, and records given up because of them
mod faults; // faults and changes of the timeline, each rule by itself
mod fluids; // what a group gains and drains in the long run follows from rates, with any client
mod giving_up; // outages of the dependency whose callers give up: records skipped, dead-lettered, processes that exit
mod oracles; // rebalances with known answers, to the nanosecond
mod outages; // outages of the dependency: attempts that fail, circuit breakers, what members do meanwhile
mod parallel; // a client that hands its records to a pool of threads
mod planning; // the cheapest case that holds
mod properties; // what holds in every run, over generated scenarios
mod reference; // workloads whose answers other simulators agree on
mod retention; // what a group loses that reads too late
mod retries; // retry topics: what is given up is read again after a delay
mod statics; // static members: what a restart, a breach and a missing member come to
mod stress; // whole scenarios at random: no hang, no broken law, recovery
mod systems; // scenarios built in Rust, and an observer that keeps what it sees
mod truth; // recordings of real clients at a real broker
mod twin; // slow and obvious simulators that must agree
