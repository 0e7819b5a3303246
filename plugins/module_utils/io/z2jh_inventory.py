# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of values are read, and an inventory is written beside which nothing of anybody's is lost."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import typing as t

from ..core.schema import DescriptionError
from ..core.z2jh_result import VARIABLES
from . import files

with contextlib.suppress(ImportError):  # the modules say so with missing_required_lib
    import yaml

SECRET_MODE, PUBLIC_MODE = 0o600, 0o644


def read(path: str) -> t.Any:
    """Return what a file of values holds, as Helm reads it: a date is a text there."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(pathlib.Path(path).read_bytes(), Loader)
    except yaml.MarkedYAMLError as exc:
        line = f"line {exc.problem_mark.line + 1}: " if exc.problem_mark else ""
        raise DescriptionError(f"{path} is no YAML: {line}{exc.problem or exc.context}") from exc
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        raise DescriptionError(f"{path} is no YAML: it has characters that no text has") from exc


def is_secret(path: str) -> bool:
    """Whether a file of an inventory is for its owner alone: all are that stand beside the variables."""
    return path.startswith(f"{VARIABLES}/") and not path.endswith(".yml")


def changes(root: str, inventory: t.Mapping[str, str], force: bool) -> list[files.Change]:
    """Return what is to be written; raise DescriptionError where that would change a file that is there, unless it may."""
    found = files.changes(root, inventory, ())
    there = [change.path for change in found if change.before is not None]
    if there and not force:
        raise DescriptionError(f"{os.path.join(root, there[0])} is there already and says something else; name another directory, or set force to replace it")
    return found


def open_to_others(root: str, inventory: t.Mapping[str, str]) -> list[str]:
    """Return the secret files that others may read."""
    paths = [path for path in inventory if is_secret(path) and os.path.exists(os.path.join(root, path))]
    return [path for path in paths if stat.S_IMODE(os.stat(os.path.join(root, path)).st_mode) & 0o077]


def write(root: str, found: t.Sequence[files.Change], too_open: t.Iterable[str]) -> None:
    """Write an inventory. Directories of secrets are their owner's alone."""
    files.make_directory(os.path.join(root, VARIABLES), 0o755)
    files.apply(root, [change for change in found if is_secret(change.path)], SECRET_MODE, 0o700)
    files.apply(root, [change for change in found if not is_secret(change.path)], PUBLIC_MODE, 0o755)
    for path in too_open:
        os.chmod(os.path.join(root, path), SECRET_MODE)
