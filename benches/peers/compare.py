#!/usr/bin/env python3
"""lagsim beside other simulators on the same workload: how long each takes as a whole process, and whether they agree.

usage: python3 benches/peers/compare.py [--seeds N] [--rates 1000 2000]

Needs Python 3.9 and, for SimPy, the network once: it goes into an environment of its own, target/peers. Without it SimPy is
left out. Times are CPU seconds (user and system), medians over the seeds; ratios hold, times are this machine's.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MODELS = {1000: "orders-hour", 2000: "orders-hour-x2"}
FIGURES = ("polls", "max_lag", "mean_lag", "final_lag")
# Standard deviations of one run, over many seeds of eleven independent programs (tests/it/reference.rs has the means too).
DEVIATIONS = {1000: (1850, 240, 1.5, 10), 2000: (13, 3500, 2000, 3500)}


def cargo(*args):
    """Builds, and returns the executables by name."""
    command = ["cargo", *args, "--message-format=json", "--quiet", "--locked"]
    told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in told.stdout.splitlines()]
    return {m["target"]["name"]: m["executable"] for m in messages if m.get("executable")}


def simpy():
    """A Python that has SimPy, or none."""
    folder = ROOT / "target" / "peers"
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            venv.create(folder, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"]
        subprocess.run(pip, check=True)
    except (OSError, subprocess.CalledProcessError) as why:
        print(f"SimPy is left out: {why}", file=sys.stderr)
        return None
    return python


def timed(command):
    """What a process prints, and the CPU seconds it takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return json.loads(told), seconds


def lagsim(executable, rate, seed):
    model = ROOT / "models" / "reference" / f"{MODELS[rate]}.toml"
    out = ROOT / "target" / "peers-output"
    command = [executable, "run", model, "--seed", str(seed), "--format", "json", "--no-plot"]
    summary, seconds = timed([*command, "--quiet", "--out", out])
    lag = summary["lag"]
    told = {
        "polls": summary["polls"],
        "max_lag": lag["max"],
        "mean_lag": lag["mean"],
        "final_lag": lag["final"],
    }
    return told, seconds


def agreement(rate, ours, theirs):
    """By figure, |z| of the difference of the means: below 4 they are two samples of the same."""
    told = []
    for figure, deviation in zip(FIGURES, DEVIATIONS[rate]):
        other = [one[figure] for one in theirs if figure in one]
        if other:
            error = deviation * math.sqrt(1 / len(ours) + 1 / len(other))
            z = abs(statistics.mean(one[figure] for one in ours) - statistics.mean(other)) / error
            told.append(f"{figure} {z:.1f}")
    return ", ".join(told)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rates", type=int, nargs="+", default=[1000, 2000], choices=sorted(MODELS))
    args = parser.parse_args()
    program = cargo("build", "--release")["lagsim"]
    plain = cargo("bench", "--no-run", "--bench", "peers")["peers"]
    peers = {
        "limit (Rust, a draw per poll)": [plain, "limit"],
        "heap (Rust, per record)": [plain, "per-record"],
        "heap (Python, per record)": [sys.executable, HERE / "heap.py"],
    }
    python = simpy()
    if python:
        peers["SimPy, per record"] = [python, HERE / "simpy_hour.py"]
    for rate in args.rates:
        runs = {"lagsim": [lagsim(program, rate, seed) for seed in range(1, args.seeds + 1)]}
        for name, command in peers.items():
            # Seeds of their own: Python's programs draw alike.
            seeds = range(100 * len(runs), 100 * len(runs) + args.seeds)
            runs[name] = [timed([*command, str(rate), str(seed)]) for seed in seeds]
        ours = statistics.median(seconds for _, seconds in runs["lagsim"])
        print(f"\n{MODELS[rate]}: {rate} records/s, {args.seeds} seeds")
        print(f"{'':32}{'CPU':>10}{'ratio':>9}  |z| of the difference to lagsim")
        for name, results in runs.items():
            seconds = statistics.median(seconds for _, seconds in results)
            told = [one for one, _ in results]
            own = [one for one, _ in runs["lagsim"]]
            same = "" if name == "lagsim" else agreement(rate, own, told)
            print(f"{name:32}{seconds:8.3f} s{seconds / ours:8.2f}x  {same}")


if __name__ == "__main__":
    os.environ.setdefault("CARGO_TERM_COLOR", "never")
    main()
