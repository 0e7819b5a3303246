# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run targets of the Makefile: a heading, a sign of life, a log for each; begin no further one when one has failed.

`--` begins a lane: the steps of one run one after another, the lanes beside each other. `after:STEP` waits for a step of another lane.
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

LOGS = pathlib.Path(__file__).resolve().parents[1] / ".cache/logs"
HEARTBEAT = 20.0
AFTER = "after:"
# A failed assertion, where it stands, and the summary, indented when Ansible shows them.
REASON = re.compile(r"\s*(E   |FAILED |ERROR |[\w./-]+\.py:\d+: )")


def last_line(log: pathlib.Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:150] if lines else "started"


def excerpt(lines: list[str]) -> str:
    """Return what explains a failure: its end, what Ansible said of failed tasks (clean-up may have pushed it far up), and last of all pytest's reasons."""
    failed = [index for index, line in enumerate(lines) if line.startswith(("fatal:", "failed:", "[ERROR]:"))][:5]
    found = [line for index in failed for line in (f"--- line {index + 1}:", *lines[index : index + 25])]
    reasons = [line.strip()[:300] for line in lines if REASON.match(line)]
    return "\n".join([*lines[-80:], *found, *(reasons if len(reasons) < 50 else [*reasons[:25], "...", *reasons[-25:]])])


class Run:
    """Steps in lanes; `passed` and `failed` are the names of those that ended."""

    def __init__(self, lanes: list[list[str]]) -> None:
        self.lanes = lanes
        self.total = sum(not step.startswith(AFTER) for lane in lanes for step in lane)
        self.began = 0
        self.passed: list[str] = []
        self.failed: list[str] = []
        self.lock = threading.Lock()

    def say(self, step: str, started: float) -> None:
        log = LOGS / f"{step}.log"
        print(f"    {time.monotonic() - started:4.0f} s  {step}: {last_line(log)}", flush=True)

    def step(self, step: str) -> int:
        """Run one target with its output in its log; say every now and then where it is."""
        with self.lock:
            self.began += 1
            print(f"==> [{self.began}/{self.total}] {step}", flush=True)
        started = time.monotonic()
        environment = {**os.environ, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}
        command = ["make", "--no-print-directory", step]
        with (LOGS / f"{step}.log").open("w") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment) as process:
            while True:
                try:
                    code = process.wait(HEARTBEAT)
                    break
                except subprocess.TimeoutExpired:
                    self.say(step, started)
        self.say(step, started)
        return code

    def lane(self, steps: list[str]) -> None:
        for step in steps:
            # What runs in another lane is finished, so that it leaves nothing behind.
            while step.startswith(AFTER) and step.removeprefix(AFTER) not in self.passed and not self.failed:
                time.sleep(0.2)
            if self.failed:
                return
            if not step.startswith(AFTER):
                (self.failed if self.step(step) else self.passed).append(step)


def main(arguments: list[str]) -> None:
    LOGS.mkdir(parents=True, exist_ok=True)
    lanes: list[list[str]] = [[]]
    for argument in arguments:
        if argument == "--":
            lanes.append([])
        else:
            lanes[-1].append(argument)
    run = Run(lanes)
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(run.lane, lanes))
    for step in run.failed:
        log = LOGS / f"{step}.log"
        print(excerpt(log.read_text(errors="replace").splitlines()))
        print(f"{step} failed; its output is in {log.relative_to(LOGS.parents[1])}, `make {step}` repeats it.")
    left = run.total - len(run.passed) - len(run.failed)
    print(f"{time.monotonic() - began:.0f} s{f', {left} steps not run' if left else ''}.")
    print(f"{len(run.passed)} passed, {len(run.failed)} failed")
    sys.exit(1 if run.failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
