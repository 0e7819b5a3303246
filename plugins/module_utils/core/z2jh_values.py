# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A values.yaml of zero-to-jupyterhub that is read key by key, so that in the end it is known which nobody has read."""

from __future__ import annotations

import difflib
import re
import typing as t

from .schema import DescriptionError, plain, type_name
from .z2jh_chart import ADVICE, CHART, ENDINGS, OLD, Key, Section

Path = tuple["str | int", ...]
T = t.TypeVar("T")

SECRET = re.compile(r"secret|passw|passphrase|token|credential|private|(^|_|-)(api_?)?keys?$|dsn$", re.IGNORECASE)
"""Names of what nobody else should read. A few too many are no harm: those are in a file, too."""

NO_SECRETS = re.compile(
    r"secret_?(key_?ref|name)|token_(url|expires.*|lifetime)|(server_)?token_scopes|image_?pull_?secrets?|.*_token_(path|file)|passwordless", re.IGNORECASE
)
"""Names that have such a word and hold no secret."""


class Unfit(ValueError):
    """A value is of another form than the chart, or what is here for it, takes. The text goes on after ``is not taken over: ``, and never shows the value."""


def secret_name(name: str) -> bool:
    """Whether what is called so is a secret."""
    return bool(SECRET.search(name)) and not NO_SECRETS.fullmatch(name)


def has_secret(value: t.Any) -> bool:
    """Whether something in a value is a secret by its name: a key of a dictionary, or the name of an environment variable as Kubernetes has them."""
    if isinstance(value, dict):
        if isinstance(value.get("name"), str) and isinstance(value.get("value"), str) and value["value"] and secret_name(value["name"]):
            return True
        return any((isinstance(item, str) and bool(item) and secret_name(str(key))) or has_secret(item) for key, item in value.items())
    return isinstance(value, list) and any(map(has_secret, value))


def split(path: str | Path) -> Path:
    return tuple(path.split(".")) if isinstance(path, str) else path


def dotted(path: Path) -> str:
    """Return a path as people write it: ``singleuser.profileList[0].display_name``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def leaves(value: t.Any, path: Path = ()) -> t.Iterator[Path]:
    """Yield where something is said; null and what is empty say nothing."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    elif value is not None:
        yield path


def known_keys(section: Section | None = None, path: Path = ()) -> t.Iterator[tuple[Path, Key]]:
    """Yield every key of the chart, or of a section."""
    for name, node in (CHART if section is None else section).items():
        if isinstance(node, Key):
            yield (*path, name), node
        else:
            yield from known_keys(node, (*path, name))


def default_of(path: str) -> t.Any:
    """Return what the chart has where nothing is said."""
    node: t.Any = CHART
    for part in path.split("."):
        node = node[part]
    return node.defaults[0]


# --- forms


def flag(value: t.Any) -> bool:
    if isinstance(value, bool):
        return value
    raise Unfit("it is neither true nor false")


def whole(value: t.Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise Unfit("it is not a whole number")


def count(value: t.Any) -> int:
    if (number := whole(value)) < 0:
        raise Unfit("it is less than 0")
    return number


def number(value: t.Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return value
    raise Unfit("it is not a number above 0")


def text(value: t.Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise Unfit("it is not a text")


def texts(value: t.Any) -> list[str]:
    if not isinstance(value, list):
        raise Unfit("it is not a list")
    return [text(item) for item in value]


def words(value: t.Any) -> list[str]:
    """A list of texts, or the one that it has."""
    return texts(value if isinstance(value, list) else [value])


def mapping(value: t.Any) -> dict[str, t.Any]:
    if isinstance(value, dict):
        return value
    raise Unfit("it is not a dictionary")


def mappings(value: t.Any) -> list[dict[str, t.Any]]:
    if isinstance(value, list):
        return [mapping(item) for item in value]
    raise Unfit("it is not a list")


def pairs(value: t.Any) -> dict[str, str]:
    return {key: text(item) for key, item in mapping(value).items()}


def names(value: t.Any) -> list[str]:
    """Names of objects: as texts, or as Kubernetes writes references to them."""
    if not isinstance(value, list):
        raise Unfit("it is not a list")
    return [text(item["name"] if isinstance(item, dict) and set(item) == {"name"} else item) for item in value]


def anything(value: t.Any) -> t.Any:
    return value


UNITS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMGT]?)(i?)B?")


def memory(value: t.Any) -> str:
    """An amount as JupyterHub has it (units are powers of 1024), or bytes."""
    return amount(value, 1024)


def capacity(value: t.Any) -> str:
    """An amount as Kubernetes has it: ``1Gi`` is 1024³, ``1G`` is 1000³."""
    return amount(value, 1000)


def amount(value: t.Any, base: int) -> str:
    """Return an amount as it is written here: a number and one of K, M, G, T, powers of 1024."""
    found = AMOUNT.fullmatch(text(value))
    if not found or not float(found[1]):
        raise Unfit("it is not an amount such as 512M or 2G")
    exact = float(found[1]) * (1024 if found[3] else base) ** UNITS[found[2]]
    for unit in "TGMK":
        size = 1024 ** UNITS[unit]
        if exact >= size and exact % size == 0:
            return f"{int(exact // size)}{unit}"
    # Never less than what was asked for.
    return f"{-int(-exact // 1024)}K"


# --- reading


class Values:
    """The values of one hub. Whatever is read is remembered; :meth:`rest` names what is left."""

    def __init__(self, values: t.Mapping[str, t.Any]) -> None:
        self.values: dict[str, t.Any] = plain(values)
        self.read: set[Path] = set()
        self.unused: dict[Path, str] = {}

    def at(self, path: str | Path) -> t.Any:
        """Return what is there without reading it; None where nothing is."""
        found: t.Any = self.values
        for part in split(path):
            if isinstance(found, dict):
                found = found.get(t.cast(str, part))
            elif isinstance(found, list) and isinstance(part, int) and part < len(found):
                found = found[part]
            else:
                return None
        return found

    def take(self, path: str | Path, form: t.Callable[[t.Any], T]) -> T | None:
        """Read a value in its form, or say why it is not taken over; None where nothing is."""
        value = self.at(path)
        if value is None:
            return None
        try:
            found = form(value)
        except Unfit as exc:
            self.leave(path, f"it is not taken over: {exc}; set what is meant by hand")
            return None
        self.mark(path)
        return found

    def keys(self, path: str | Path) -> list[str]:
        """Return the keys of a dictionary whose content is free."""
        value = self.at(path)
        if value is not None and not isinstance(value, dict):
            self.leave(path, "it is not taken over: it is not a dictionary; set what is meant by hand")
        return list(value) if isinstance(value, dict) else []

    def mark(self, path: str | Path) -> None:
        """Note that a value, or all below it, has been read."""
        self.read.add(split(path))

    def leave(self, path: str | Path, advice: str) -> None:
        """Note that a value is not taken over, and what to do about it."""
        if any(True for _leaf in leaves(self.at(path))) or self.at(path) == "":
            self.unused.setdefault(split(path), advice)

    def covered(self, path: Path) -> bool:
        return any(path[:length] in self.read or path[:length] in self.unused for length in range(1, len(path) + 1))

    def rest(self) -> None:
        """Say what to do about everything that nobody has read, unless it is what the chart has anyway."""
        self.rest_of(self.values, CHART, ())

    def rest_of(self, value: t.Any, node: Section | Key, path: Path) -> None:
        if isinstance(node, Key):
            left = [leaf for leaf in leaves(value, path) if not self.covered(leaf)]
            if not left or value in node.defaults:
                return
            # Content that is free and was read in part is named in part.
            whole_key = not any(read[: len(path)] == path for read in (*self.read, *self.unused))
            for leaf in [path] if whole_key else left:
                self.unused[leaf] = advice(leaf)
            return
        for key, item in value.items():
            if key in node:
                self.rest_of(item, node[key], (*path, key))
            elif not self.covered((*path, key)) and any(True for _leaf in leaves(item)):
                self.unused[(*path, key)] = unknown(key, node, path)


def advice(path: Path) -> str:
    """Return what to do about a key."""
    if path[-1] in ENDINGS and dotted(path) not in ADVICE:
        return ENDINGS[str(path[-1])]
    named = [part for part in path if isinstance(part, str)]
    for length in range(len(named), 0, -1):
        if found := ADVICE.get(".".join(named[:length])):
            return found
    return "there is nothing here for it; jupyterhub_config and jupyterhub_extra_config reach whatever JupyterHub and KubeSpawner can do"


def unknown(key: str, node: Section, path: Path) -> str:
    """Return what to do about a key that the chart does not have."""
    if old := OLD.get(dotted((*path, key))):
        return f"{old}, and versions 3 and 4 do not; take it away"
    close = difflib.get_close_matches(key, node, n=1, cutoff=0.5)
    if close:
        return f"the chart has no such key; did you mean {dotted((*path, close[0]))}?"
    elsewhere = next((found for found, _key in known_keys() if found[-1] == key), None)
    return (
        f"the chart has no such key; did you mean {dotted(elsewhere)}?" if elsewhere else "the chart has no such key, and ignores or refuses it; take it away"
    )


# --- what is no values.yaml


def checked(values: t.Any, below: str = "") -> dict[str, t.Any]:
    """Return the values of the chart; raise DescriptionError with one sentence for what is none."""
    if not isinstance(values, dict):
        said = "it is empty" if values is None else f"it is a {type_name(values)}, not a dictionary"
        raise DescriptionError(f"this is no values.yaml of zero-to-jupyterhub: {said}")
    for part in below.split(".") if below else ():
        values = values.get(part) if isinstance(values, dict) else None
    if not isinstance(values, dict):
        raise DescriptionError(f"values.yaml has no dictionary {below}; name the key under which the values of zero-to-jupyterhub are")
    if "sops" in values:
        raise DescriptionError("values.yaml is encrypted with sops; decrypt it first, and delete what you decrypted when the secrets are in the inventory")
    if not any(key in CHART for key in values):
        inner = [key for key, value in values.items() if isinstance(value, dict) and {"hub", "proxy", "singleuser"} & set(value)]
        hint = f"the values of a chart in which that is {inner[0]}: read those below {inner[0]}" if inner else "the values of another chart"
        first = f" (it has {', '.join(sorted(map(str, values))[:3])})" if values else ""
        raise DescriptionError(f"this is no values.yaml of zero-to-jupyterhub: none of its keys is one of that chart{first}; these are {hint}")
    if isinstance(values.get("auth"), dict) and values["auth"]:
        raise DescriptionError(
            "values.yaml has auth, which charts before 1.0 had; bring it to version 3 or 4 of the chart first, where hub.config says who may log in"
        )
    check_sections(plain(values), CHART, ())
    return values


def check_sections(value: t.Mapping[str, t.Any], section: Section, path: Path) -> None:
    """Raise for what is no section where the chart has one."""
    for name, node in section.items():
        item = value.get(name)
        if isinstance(node, Key) or item is None:
            continue
        if not isinstance(item, dict):
            raise DescriptionError(f"values.yaml: {dotted((*path, name))} must be a dictionary, not {type_name(item)}, as the chart has it")
        check_sections(item, node, (*path, name))


def merged(first: t.Any, second: t.Any) -> t.Any:
    """Return values as Helm merges files: dictionaries are merged, and all else is replaced."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{key: merged(first.get(key), value) for key, value in second.items()}}
    return second
