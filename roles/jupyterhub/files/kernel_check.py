# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a cell in a new kernel of a user's server, as a browser would: through edge and proxy, over the kernel's websocket.

The input is one JSON object: ``url`` of the server as this container reaches it, ``host`` that people type, ``token``, ``code``, ``seconds``. The output is
another: ``answer``, what the cell printed, and ``kernel``, the seconds it took; or ``problem``, in one sentence.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import typing as t
import urllib.parse
import uuid

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClosedError, WebSocketError, websocket_connect

Order = t.Mapping[str, t.Any]


class Failed(Exception):
    """Something on the way did not go as it should; the text is a sentence."""


def request(order: Order, path: str, **options: t.Any) -> HTTPRequest:
    """Return a request to the server. It goes from container to container: the certificate is for the name that people type, who have their own look at it."""
    headers = {"Authorization": f"token {order['token']}", "Host": order["host"]}
    return HTTPRequest(order["url"] + path, headers=headers, validate_cert=False, connect_timeout=order["seconds"], request_timeout=order["seconds"], **options)


def execute_request(code: str, session: str) -> dict[str, t.Any]:
    """Return a message of the kernel protocol that runs code."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": session, "username": "", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
    return {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}


async def answer_of(order: Order, kernel: str) -> str:
    """Return what the cell prints."""
    session = uuid.uuid4().hex
    socket = await websocket_connect(request({**order, "url": "ws" + order["url"].removeprefix("http")}, f"api/kernels/{kernel}/channels?session_id={session}"))
    message = execute_request(order["code"], session)
    await socket.write_message(json.dumps(message))
    said = []
    while (text := await socket.read_message()) is not None:
        answer = json.loads(text)
        if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        kind, content = answer["header"]["msg_type"], answer["content"]
        if kind == "stream":
            said.append(content["text"])
        if kind == "error":
            raise Failed(f"the kernel answers {content['ename']}: {content['evalue']}")
        if kind == "status" and content["execution_state"] == "idle":
            socket.close()
            return "".join(said).strip()
    raise Failed("the server closed the kernel's websocket")


async def run(order: Order) -> dict[str, t.Any]:
    """Start a kernel, ask it, end it."""
    started = time.monotonic()
    client = AsyncHTTPClient()
    made = await client.fetch(request(order, "api/kernels", method="POST", body=json.dumps({"name": "python3"})))
    kernel = urllib.parse.quote(json.loads(made.body)["id"])
    answer = await answer_of(order, kernel)
    seconds = time.monotonic() - started
    await client.fetch(request(order, f"api/kernels/{kernel}", method="DELETE"))
    return {"answer": answer, "kernel": seconds}


async def limited(order: Order) -> dict[str, t.Any]:
    """Run all of it, or say in one sentence what went wrong."""
    try:
        return await asyncio.wait_for(run(order), order["seconds"])
    except TimeoutError:
        return {"problem": f"no answer within {order['seconds']} seconds"}
    except HTTPClientError as error:
        return {"problem": f"the way to it answers {error.code} {error.message}"}
    except (Failed, OSError, WebSocketError, WebSocketClosedError) as error:
        return {"problem": f"{error or type(error).__name__}"}


def main() -> int:
    print(json.dumps(asyncio.run(limited(json.load(sys.stdin)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
