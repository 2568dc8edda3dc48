//! Assignors: pure functions from members and partitions to an assignment.
