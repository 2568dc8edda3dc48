//! Sweeps that are killed, go on, and find what has been run.

use std::fs;
use std::process::{Command, Stdio};

use super::{EXPERIMENT, MODEL, assert_same, desk};

#[test]
fn a_sweep_goes_on_after_a_kill_at_any_byte() {
    let desk = desk();
    desk.lagsim(&["sweep", "members.toml", "--out", "whole"])
        .ends_with(0);
    let whole = fs::read(desk.path("whole/journal.txt")).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    fs::create_dir(desk.path("cut")).unwrap();
    for draw in 0..20_u64 {
        // Anywhere behind the header, which is written at once and before the first run.
        let spread = draw.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
        let end = header + (spread as usize) % (whole.len() - header);
        fs::write(desk.path("cut/journal.txt"), &whole[..end]).unwrap();
        desk.lagsim(&["sweep", "members.toml", "--out", "cut", "--resume"])
            .ends_with(0);
        assert_same(&desk.path("whole"), &desk.path("cut"));
    }
}

#[test]
fn a_sweep_that_is_killed_goes_on_and_does_not_lose_a_run_that_was_done() {
    let desk = desk();
    // 200 runs of 20 minutes: long enough to be hit in the middle.
    let args = [
        "--vary",
        "group.properties.max.poll.records=1..100+1",
        "--set",
        "horizon=20m",
        "--replications",
        "2",
    ];
    let sweep = |out: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lagsim"));
        command.current_dir(desk.path("")).args([
            "sweep",
            "--model",
            "small.toml",
            "--quiet",
            "--out",
            out,
        ]);
        command.args(args).stderr(Stdio::null());
        command
    };
    let journal = desk.path("killed/journal.txt");
    let lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    let mut running = sweep("killed").spawn().unwrap();
    while lines() < 5 && running.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    running.kill().unwrap();
    running.wait().unwrap();
    let done = lines();
    assert!((5..200).contains(&done), "{done} lines when it was killed");
    let told = desk.lagsim(
        &[
            &["sweep", "--model", "small.toml", "--out", "killed"],
            &args[..],
        ]
        .concat(),
    );
    let told = told.ends_with(2);
    assert!(told.err.contains("go on with --resume"), "{}", told.err);
    let resumed = [
        &[
            "sweep",
            "--model",
            "small.toml",
            "--out",
            "killed",
            "--resume",
        ],
        &args[..],
    ]
    .concat();
    let told = desk.lagsim(&resumed).ends_with(0);
    let there: usize = told
        .err
        .split(" of 200 runs are there")
        .next()
        .unwrap()
        .parse()
        .unwrap();
    // The header is a line, and the last one may be torn.
    assert!((done - 2..=done).contains(&there), "{there} of {done}");
    assert!(sweep("whole").status().unwrap().success());
    assert_same(&desk.path("whole"), &desk.path("killed"));
}

#[test]
fn a_sweep_does_not_go_on_with_another_model_and_reuses_what_still_holds() {
    let desk = desk();
    desk.lagsim(&["sweep", "members.toml"]).ends_with(0);
    // Another value of an axis: only its cases are run.
    fs::write(
        desk.path("members.toml"),
        EXPERIMENT.replace("1..3+1", "1..4+1"),
    )
    .unwrap();
    let told = desk
        .lagsim(&["sweep", "members.toml", "--resume"])
        .ends_with(0);
    assert!(told.err.contains("36 of 48 runs are there"), "{}", told.err);
    fs::write(desk.path("small.toml"), MODEL.replace("100/s", "101/s")).unwrap();
    let told = desk
        .lagsim(&["sweep", "members.toml", "--resume"])
        .ends_with(2);
    assert!(
        told.err
            .contains("the model, or a file that it names, has changed"),
        "{}",
        told.err
    );
    assert!(told.err.contains("leave out --resume"), "{}", told.err);
}
