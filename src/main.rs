//! The `lagsim` program: parse the arguments, run the command, leave with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    lagsim::cli::main(std::env::args_os())
}
