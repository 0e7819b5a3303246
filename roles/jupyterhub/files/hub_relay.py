# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pass requests on to the hub's REST API from inside its container, where the operator's token is.

Each line of the input is a JSON list of requests ``[method, path, body]``; the answer is one line with a list of ``[status, text]``. Status 0 says that
the hub did not answer, and why. Requests of one line are under way at the same time.
"""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import pathlib
import sys
import typing as t

HUB = ("127.0.0.1", 8081)
TOKEN = pathlib.Path("/etc/jupyterhub/secrets/operator_token")
SECONDS = 60
AT_ONCE = 8


def ask(method: str, path: str, body: t.Any) -> tuple[int, str]:
    """Return status and text of an answer."""
    headers = {"Authorization": f"token {TOKEN.read_text().strip()}", "Content-Type": "application/json", "Accept": "application/jupyterhub-pagination+json"}
    connection = http.client.HTTPConnection(*HUB, timeout=SECONDS)
    try:
        connection.request(method, f"/hub/api{path}", None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error) or type(error).__name__
    finally:
        connection.close()


def main() -> int:
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for line in sys.stdin:
            print(json.dumps(list(pool.map(ask, *zip(*json.loads(line), strict=True)))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
