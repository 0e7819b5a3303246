# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask an HTTP server whether it is well: ``health.py HOST PORT PATH`` ends with 0 for a 200, with 1 and what was wrong for anything else.

A health check runs every few seconds in every container for ever: with nothing but a socket it costs a tenth of what an HTTP library does.
"""

from __future__ import annotations

import socket
import sys


def ask(host: str, port: int, path: str) -> str:
    """Return the status line that answers a GET; raises OSError when nobody does."""
    with socket.create_connection((host, port), timeout=4) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        return connection.recv(100).decode(errors="replace").partition("\r\n")[0]


def main(arguments: list[str]) -> int:
    host, port, path = arguments
    try:
        status = ask(host, int(port), path)
    except OSError as error:
        print(f"{host}:{port} does not answer: {error}")
        return 1
    if status.split()[1:2] != ["200"]:
        print(f"{host}:{port}{path} says {status}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
