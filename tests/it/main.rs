//! Tests from outside: of the whole program, of the tree, and of runs against known answers.

/// The program, end to end: exit codes, files, words. What one module promises is tested beside it.
mod cli;
/// The shape of the source tree: floors, sizes, forbidden constructs.
mod tidy;
