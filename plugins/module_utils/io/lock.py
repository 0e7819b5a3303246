# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t

from ..core.schema import DescriptionError
from . import files


@contextlib.contextmanager
def held(path: str, deadline: float, what: str) -> t.Iterator[None]:
    """Hold a lock; wait for the one who has it. It is the kernel's, so that none is left behind by a run that was killed."""
    files.make_directory(os.path.dirname(path), 0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as exc:
                if time.monotonic() > deadline:
                    holder = os.pread(descriptor, 100, 0).decode().strip() or "unknown"
                    raise DescriptionError(f"{what}, and has not come to its end (process {holder}); look what it waits for, or end it") from exc
                time.sleep(0.2)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
