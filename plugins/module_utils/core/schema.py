# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn plain data into frozen dataclasses, and say in one sentence what is wrong with it.

A topic of the description is a frozen dataclass whose fields are made by :func:`option`. The annotations are the types, the texts
are the documentation: the argument specs of the roles are generated from them, so that neither can drift.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import math
import types
import typing as t

MISSING = dataclasses.MISSING
T = t.TypeVar("T")

# Ansible's pylint wants dataclasses.field in the body of a class; here option() is what stands there.
make_field: t.Callable[..., t.Any] = vars(dataclasses)["field"]

TRUE = {"yes", "on", "1", "true", "y", "t"}
FALSE = {"no", "off", "0", "false", "n", "f"}


class DescriptionError(ValueError):
    """The description cannot be used. The text is one sentence for the user."""


def option(
    default: t.Any = MISSING,
    description: str = "",
    *,
    example: t.Any = None,
    secret: bool = False,
) -> t.Any:
    """Declare a field: its default, what it means, one example, and whether its value is a secret."""
    metadata = {"description": description, "example": example, "secret": secret}
    if default is MISSING:
        return make_field(metadata=metadata)
    if isinstance(default, dict):
        return make_field(default_factory=lambda: dict(default), metadata=metadata)
    return make_field(default=default, metadata=metadata)


def nearest(word: str, known: t.Iterable[str], prefix: str = "") -> str:
    """Return ``; did you mean X?`` for the known word that is closest to a wrong one, else all that is known; shown behind the prefix."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {prefix}{close[0]}?"
    return f"; known: {', '.join(prefix + word for word in words)}" if words else ""


def refuse_unknown(given: t.Iterable[str], known: t.Collection[str], prefix: str = "") -> None:
    """Raise for the first key that is not known, with the nearest word that is."""
    for key in sorted(set(given) - set(known)):
        raise DescriptionError(f"{prefix}{key} is not a known setting{nearest(key, known, prefix)}")


def shown(value: t.Any) -> str:
    """Return a short form of a value for an error message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def wrong_type(path: str, wanted: str, value: t.Any) -> DescriptionError:
    return DescriptionError(f"{path} must be {wanted}, not {type_name(value)} {shown(value)}")


def type_name(value: t.Any) -> str:
    """Return the name that Ansible's users know for the type of a value."""
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (dict, "dictionary"), (list, "list")):
        if isinstance(value, kind):
            return name
    return type(value).__name__


def plain(value: t.Any) -> t.Any:
    """Return the value made of nothing but Python's own dict, list, str, int, float, bool and None.

    Ansible hands over subclasses of them (tagged strings, lazy containers), which must not reach ``repr`` or a YAML writer.
    """
    if isinstance(value, collections.abc.Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    raise DescriptionError(f"a description is made of texts, numbers, booleans, lists and dictionaries, not of {type(value).__name__}")


def build(cls: type[T], data: t.Any, prefix: str) -> T:
    """Return an instance of a dataclass made from a mapping.

    ``prefix`` is what stands before a key in what the user typed (``jupyterhub_``, ``jupyterhub_spawner.``); every error begins with it.
    """
    if not isinstance(data, collections.abc.Mapping):
        raise wrong_type(prefix.rstrip("._"), "a dictionary", data)
    fields = {field.name: field for field in dataclasses.fields(t.cast(t.Any, cls))}
    for key, reason in getattr(cls, "REFUSED", {}).items():
        if key in data:
            raise DescriptionError(f"{prefix}{key} cannot be set: {reason}")
    refuse_unknown(map(str, data), fields, prefix)
    hints = hints_of(cls)
    values: dict[str, t.Any] = {}
    for name, field in fields.items():
        if name in data and data[name] is not None:
            values[name] = convert_field(field, hints[name], data[name], f"{prefix}{name}")
        elif dataclasses.is_dataclass(hints[name]):
            values[name] = build(t.cast(type, hints[name]), {}, f"{prefix}{name}.")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise DescriptionError(f"{prefix}{name} is required")
    return cls(**values)


def convert_field(field: dataclasses.Field[t.Any], hint: t.Any, value: t.Any, path: str) -> t.Any:
    """Return the value of a field in its type; what is wrong with a secret is said without it."""
    try:
        return convert(hint, value, path)
    except DescriptionError:
        if not field.metadata.get("secret"):
            raise
    raise DescriptionError(f"{path} is of another type than {'a dictionary of texts' if t.get_origin(hint) is dict else 'text'}; it is a secret and not shown")


_HINTS: dict[type, dict[str, t.Any]] = {}


def hints_of(cls: type) -> dict[str, t.Any]:
    """Return the resolved annotations of a dataclass; resolving them is slow enough to do it once."""
    if cls not in _HINTS:
        _HINTS[cls] = t.get_type_hints(cls)
    return _HINTS[cls]


def convert(hint: t.Any, value: t.Any, path: str) -> t.Any:
    """Return the value in the type of an annotation, or raise with the path, the wanted type and the value."""
    origin, args = t.get_origin(hint), t.get_args(hint)
    if hint is t.Any:
        return plain(value)
    if origin in (t.Union, types.UnionType):
        return convert(alternative(args, value), value, path)
    if origin is t.Literal:
        if value in args and isinstance(value, str):
            return str(value)
        raise DescriptionError(f"{path} is {shown(value)}, which is none of its choices{nearest(str(value), map(str, args))}")
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise wrong_type(path, "a list", value)
        return tuple(convert(args[0], item, f"{path}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, collections.abc.Mapping):
            raise wrong_type(path, "a dictionary", value)
        return {str(key): convert(args[1], item, f"{path}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return build(t.cast(type, hint), value, f"{path}.")
    return scalar(hint, value, path)


def alternative(hints: t.Iterable[t.Any], value: t.Any) -> t.Any:
    """Return the annotation that a value is meant for, of those that stand beside each other: a dictionary for a class, anything else for the other."""
    candidates = [hint for hint in hints if hint is not types.NoneType]
    mapping = isinstance(value, collections.abc.Mapping)
    return next((hint for hint in candidates if dataclasses.is_dataclass(hint) == mapping), candidates[0])


def scalar(kind: type, value: t.Any, path: str) -> t.Any:
    """Return a text, number or boolean; texts that say a number or a boolean are taken, as ``-e`` gives them."""
    if kind is str and isinstance(value, str):
        return plain(value)
    if kind is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in TRUE | FALSE:
            return str(value).lower() in TRUE
    if kind in (int, float) and not isinstance(value, bool) and isinstance(value, (int, float, str)):
        try:
            number = float(value)
            if math.isfinite(number) and (kind is float or number.is_integer()):
                return plain(value) if isinstance(value, kind) else kind(number)
        except (ValueError, OverflowError):
            pass
    wanted = {str: "a string", bool: "a boolean (true or false)", int: "a whole number", float: "a number"}[kind]
    raise wrong_type(path, wanted, value)
