# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run targets of the Makefile one after another: a heading, a sign of life, a log for each; stop at the first that fails."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

LOGS = pathlib.Path(__file__).resolve().parents[1] / ".cache/logs"
HEARTBEAT = 20.0


def last_line(log: pathlib.Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:150] if lines else "started"


def run(step: str, log: pathlib.Path) -> int:
    """Run one target with its output in `log`; say every now and then where it is."""
    began = time.monotonic()
    command, environment = ["make", "--no-print-directory", step], {**os.environ, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment) as process:
        while True:
            try:
                return process.wait(HEARTBEAT)
            except subprocess.TimeoutExpired:
                print(f"    {time.monotonic() - began:4.0f} s  {last_line(log)}", flush=True)


def excerpt(lines: list[str]) -> str:
    """Return what explains a failure: the end, and last of all what Ansible said when a task failed, which clean-up may have pushed far up."""
    failed = [index for index, line in enumerate(lines) if line.startswith(("fatal:", "failed:", "[ERROR]:"))][:5]
    found = [line for index in failed for line in (f"--- line {index + 1}:", *lines[index : index + 25])]
    return "\n".join([*lines[-80:], *found])


def main(steps: list[str]) -> None:
    LOGS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for number, step in enumerate(steps, 1):
        print(f"==> [{number}/{len(steps)}] {step}", flush=True)
        started, log = time.monotonic(), LOGS / f"{step}.log"
        code = run(step, log)
        if code:
            print(excerpt(log.read_text(errors="replace").splitlines()))
            print(f"{step} failed after {time.monotonic() - started:.0f} s; its output is in {log.relative_to(LOGS.parents[1])}, `make {step}` repeats it.")
            print(f"{number - 1} passed, 1 failed, {len(steps) - number} not run")
            sys.exit(1)
        print(f"    {time.monotonic() - started:4.0f} s  {last_line(log)}", flush=True)
    print(f"All steps in {time.monotonic() - began:.0f} s.")
    print(f"{len(steps)} passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1:])
