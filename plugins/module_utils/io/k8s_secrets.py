# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of a hub that a cluster keeps, or a directory of manifests: made once, kept, the same rules as on a host."""

from __future__ import annotations

import pathlib
import typing as t

from ..core import k8s
from .files import Change, read
from .secret_store import Store


class KeptStore(Store):
    """Secrets that were read from somewhere; ``place`` is that somewhere in words. Who reads them also writes them."""

    def __init__(self, place: str, kept: t.Mapping[str, str], now: float) -> None:
        super().__init__(place, now)
        self.kept = kept

    def current(self, name: str) -> str | None:
        return self.kept.get(name)

    def loose(self) -> list[str]:
        return []

    def save(self) -> None:
        raise NotImplementedError("the Secrets are applied with the other manifests")

    @property
    def values(self) -> dict[str, str]:
        """Return all that is to be kept; what the description has no need for now stays for the day when it has."""
        return {**self.kept, **self.wanted}


def read_directory(folder: str) -> dict[str, str]:
    """Return the secrets that are kept in the manifests of a directory."""
    found: dict[str, str] = {}
    for path in sorted(pathlib.Path(folder).glob(f"{k8s.SECRET_FILE}*.yaml")):
        found |= k8s.secrets_of_file(read(path) or "")
    return found


def stale(folder: str, wanted: t.Container[str]) -> list[Change]:
    """Return the removal of the manifests that we wrote into a directory and that are no longer wanted."""
    texts = {path.name: read(path) for path in sorted(pathlib.Path(folder).glob("*.yaml")) if path.name not in wanted}
    return [Change(name, text, None) for name, text in texts.items() if text and k8s.written_by_us(text)]
