"""Runs a list of jobs with our tools and the distribution's in turn (A B A B) and prints medians, ratios and memory.

Each tool set works on a store of its own with the same image, the same configuration and the same runc.
Peak memory is the largest resident size of any process that the command waited for, in one more round under time(1):
what a child of this program had before its exec would count as its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

from bench.jobs import JOBS, Job
from bench.toolset import Bench, ToolSet


def measure(tools: ToolSet, argv: list[str]) -> float:
    """Wall time in milliseconds of one command; a failure ends the benchmark."""
    log = tools.folder / "last-output"
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    null = os.open("/dev/null", os.O_RDONLY)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, tools.env, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    elapsed = (time.perf_counter() - start) * 1000
    os.close(out)
    os.close(null)
    if status:
        text = log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"{' '.join(argv)}\nexit code {os.waitstatus_to_exitcode(status)}\n{text}")
    return elapsed


def peak_memory(tools: ToolSet, argv: list[str]) -> float:
    """Peak resident size in MiB of one command and what it waits for; 0 where time(1) is not installed."""
    program = "/usr/bin/time"
    if not os.access(program, os.X_OK):
        return 0.0
    figures = tools.folder / "memory"
    tools.call([program, "-f", "%M", "-o", str(figures), *argv])
    return int(figures.read_text().split()[-1]) / 1024


def run_job(job: Job, bench: Bench, rounds: int) -> dict[str, object]:
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    memory = {"ours": 0.0, "theirs": 0.0}
    for tools in bench.sets:
        job.prepare(tools)
    for number in range(rounds + 1):
        for tools in bench.sets:
            job.before(tools)
            # The first round warms the page cache for both; it does not count for time.
            if number:
                times[tools.name].append(measure(tools, job.command(tools)))
            else:
                memory[tools.name] = peak_memory(tools, job.command(tools))
            job.after(tools)
    for tools in bench.sets:
        job.finish(tools)
    ours, theirs = statistics.median(times["ours"]), statistics.median(times["theirs"])
    return {
        "job": job.name,
        "ours_ms": round(ours, 1),
        "theirs_ms": round(theirs, 1),
        "ratio": round(ours / theirs, 2),
        "goal": job.goal,
        "ours_mb": round(memory["ours"], 1),
        "theirs_mb": round(memory["theirs"], 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("jobs", nargs="*", help="names of jobs (default: all that are not big)")
    parser.add_argument("-n", "--rounds", type=int, default=11, help="measured rounds of each job (default 11)")
    parser.add_argument("--big", action="store_true", help="also the jobs that move hundreds of megabytes")
    parser.add_argument("--list", action="store_true", help="list the jobs")
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file too")
    options = parser.parse_args()
    if options.list:
        for job in JOBS:
            print(f"{job.name:24} {'big ' if job.big else '    '}{job.what}")
        return 0
    known = {job.name: job for job in JOBS}
    if unknown := [name for name in options.jobs if name not in known]:
        parser.error(f"no such job: {', '.join(unknown)} (see --list)")
    chosen = [known[n] for n in options.jobs] or [job for job in JOBS if options.big or not job.big]
    results = []
    with Bench() as bench:
        print(
            f"{'job':24}{'ours ms':>10}{'theirs ms':>11}{'ratio':>7}{'goal':>6}{'ours MB':>9}{'theirs MB':>10}",
            flush=True,
        )
        for job in chosen:
            row = run_job(job, bench, min(options.rounds, job.rounds or options.rounds))
            results.append(row)
            print(
                f"{row['job']:24}{row['ours_ms']:>10}{row['theirs_ms']:>11}{row['ratio']:>7}{row['goal'] or '':>6}"
                f"{row['ours_mb']:>9}{row['theirs_mb']:>10}",
                flush=True,
            )
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
