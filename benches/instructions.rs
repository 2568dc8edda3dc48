//! How many instructions whole processes take, counted by valgrind: whatever else the machine does, the counts hold. Fails
//! above generous bounds, so that nothing creeps; lower one here with the change that earns it.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// A process and what it may take (millions of instructions).
struct Guard {
    what: &'static str,
    args: &'static [&'static str],
    at_most: u64,
}

const GUARDS: [Guard; 8] = [
    Guard {
        what: "a model is read and checked",
        args: &["check", "models/orders.toml"],
        at_most: 6,
    },
    Guard {
        what: "five minutes that six members keep up with",
        args: &[
            "run",
            "models/reference/orders-hour.toml",
            "--set",
            "horizon=5m",
            "--set",
            "at=[]",
        ],
        at_most: 305,
    },
    Guard {
        what: "an hour behind, sampled every second",
        args: &["run", "models/reference/orders-hour-x2.toml"],
        at_most: 245,
    },
    Guard {
        what: "six cases of ten minutes behind",
        args: &[
            "sweep",
            "--jobs",
            "1",
            "--model",
            "models/reference/orders-hour-x2.toml",
            "--set",
            "horizon=10m",
            "--set",
            "at=[]",
            "--vary",
            "group.members=3,6",
            "--vary",
            "group.properties.max.poll.records=100,300,1000",
            "--metric",
            "max-lag",
        ],
        at_most: 152,
    },
    Guard {
        what: "an hour of tenfold records, tenfold as many a poll",
        args: &[
            "run",
            "models/reference/orders-hour-x2.toml",
            "--set",
            "produce.rate=20000/s",
            "--set",
            "group.properties.max.poll.records=5000",
            "--set",
            "group.properties.max.partition.fetch.bytes=20971520",
            "--set",
            "processing.time={exponential='0.4ms'}",
        ],
        at_most: 390,
    },
    Guard {
        what: "an hour at a limit with tokens saved",
        args: &[
            "run",
            "models/reference/limited-day.toml",
            "--set",
            "horizon=1h",
        ],
        at_most: 610,
    },
    Guard {
        what: "an hour at a limit that is too low",
        args: &[
            "run",
            "models/reference/limited-day.toml",
            "--set",
            "horizon=1h",
            "--set",
            "produce.rate=230/s",
        ],
        at_most: 700,
    },
    Guard {
        what: "a day of deploys",
        args: &["run", "models/reconciliation.toml", "--set", "horizon=1d"],
        at_most: 545,
    },
];

fn main() -> ExitCode {
    if Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!("valgrind is not there: no instructions counted");
        return ExitCode::SUCCESS;
    }
    let mut code = ExitCode::SUCCESS;
    for guard in &GUARDS {
        let Some(count) = instructions(guard.args) else {
            println!("{}: not counted", guard.what);
            code = ExitCode::FAILURE;
            continue;
        };
        let millions = count / 1_000_000;
        let verdict = if millions <= guard.at_most {
            ""
        } else {
            "  TOO MANY"
        };
        println!(
            "{millions:>6} M of {:>4} M  {}{verdict}",
            guard.at_most, guard.what
        );
        if millions > guard.at_most {
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Instructions of one run of the program, which may find its expectations unmet; nothing if it could not be run or counted.
fn instructions(args: &[&str]) -> Option<u64> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("instructions");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env!("CARGO_BIN_EXE_lagsim"))
        .args(args);
    if args[0] != "check" {
        let _ = std::fs::remove_dir_all(&out); // A sweep goes on where one before it ended.
        valgrind.args(["--no-plot", "--quiet", "--out"]).arg(&out);
    }
    let output = valgrind.output().ok()?;
    let told = String::from_utf8(output.stderr).ok()?;
    let line = told.lines().find(|line| line.contains("Collected"))?;
    let count = line.rsplit(' ').next()?.parse().ok();
    count.filter(|_| matches!(output.status.code(), Some(0 | 99)))
}
