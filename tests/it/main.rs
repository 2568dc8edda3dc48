//! Tests from outside: of the whole program, of the tree, and of what the crate promises to those who use it.

/// The program, end to end: exit codes, files, words. What one module promises is tested beside it.
mod cli;
/// The check of model files, over a corpus of bad ones.
mod scenario;
/// The shape of the source tree: floors, sizes, forbidden constructs.
mod tidy;
