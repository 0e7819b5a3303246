# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the hub when what it needs answers: ``hub_start.py HOST:PORT… -- COMMAND…``.

A hub that starts before the engine guard takes every running server for dead. That must not depend on who starts the containers, and
in which order: after a reboot the engine does, in any.
"""

from __future__ import annotations

import os
import socket
import sys
import time

DEADLINE = 120.0


def answers(address: str) -> bool:
    """Whether something listens at HOST:PORT."""
    host, _colon, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2):
            return True
    except OSError:
        return False


def wait(addresses: list[str], deadline: float) -> list[str]:
    """Return the addresses that do not answer in time."""
    missing = addresses
    while missing := [address for address in missing if not answers(address)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return missing


def main(arguments: list[str]) -> int:
    split = arguments.index("--")
    missing = wait(arguments[:split], time.monotonic() + DEADLINE)
    if missing:
        print(f"the hub cannot start: no answer from {', '.join(missing)} in {DEADLINE:g} seconds", file=sys.stderr)
        return 1
    return os.execvp(arguments[split + 1], arguments[split + 1 :])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
