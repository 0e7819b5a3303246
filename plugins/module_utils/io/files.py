# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the host: read if there, written whole or not at all, removed when they are no longer wanted."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
import typing as t


def read(path: str | os.PathLike[str]) -> str | None:
    """Return the text of a file, or None where there is none."""
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def write(path: str | os.PathLike[str], text: str, mode: int) -> None:
    """Write a file whole or not at all: a reader sees the old text or the new one, also after a crash."""
    target = pathlib.Path(path)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        os.fchmod(descriptor, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def make_directory(path: str | os.PathLike[str], mode: int) -> None:
    """Make a directory and those above it; its own mode is set even if it was there."""
    pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    os.chmod(path, mode)


class Change(t.NamedTuple):
    """One file that differs from what is wanted; None where there is no file before or after."""

    path: str
    before: str | None
    after: str | None


def changes(root: str, wanted: t.Mapping[str, str], owned: t.Iterable[str]) -> list[Change]:
    """Return what would have to change below a root. What lies in ``owned`` directories and is not wanted is to go."""
    found = [Change(path, before, text) for path, text in wanted.items() if (before := read(os.path.join(root, path))) != text]
    for directory in owned:
        for path in sorted(pathlib.Path(root, directory).rglob("*")):
            name = str(path.relative_to(root))
            if path.is_file() and name not in wanted:
                found.append(Change(name, read(path), None))
    return found


def diff(found: t.Iterable[Change]) -> list[dict[str, str]]:
    """Return changes as Ansible shows them."""
    return [{"before": item.before or "", "after": item.after or "", "before_header": item.path, "after_header": item.path} for item in found]


def apply(root: str, found: t.Iterable[Change], mode: int, directory_mode: int) -> None:
    """Make the changes."""
    for change in found:
        path = pathlib.Path(root, change.path)
        if change.after is None:
            path.unlink(missing_ok=True)
        else:
            if not path.parent.is_dir():
                make_directory(path.parent, directory_mode)
            write(path, change.after, mode)
