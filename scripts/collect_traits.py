# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print which traits the classes of a hub have, as JSON; run by the Python whose packages are asked: a hub image's, or that of `make traits`.

Each class has its ``package``, its ``module``, its ``bases`` (nearest first), the ``traits`` that these do not have in the same form, those of theirs that it
is ``without``, and old names: ``renamed`` mean the same as the new ones, ``replaced`` do not.
The form of a value is a word (bool, int, float, str, null, size: bytes such as 1G, code: what only Python can say, any) or a list: int or float with bounds,
``or`` with forms, ``one of`` with values, ``caseless`` with words, ``list``, ``set`` or ``dict`` with the forms of what is in them; a list that may not be
empty has the least number of elements, too.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import math
import pkgutil
import typing as t

import traitlets
from traitlets.config import Configurable

# A distribution -> the modules that have its classes; a package stands for all modules in it.
MODULES = {
    "jupyterhub": ["jupyterhub.app", "jupyterhub.authenticators", "jupyterhub.spawner", "jupyterhub.proxy"],
    "oauthenticator": ["oauthenticator"],
    "jupyterhub-ldapauthenticator": ["ldapauthenticator"],
    "jupyterhub-ltiauthenticator": ["ltiauthenticator", "ltiauthenticator.lti11", "ltiauthenticator.lti13"],
    "jupyterhub-nativeauthenticator": ["nativeauthenticator"],
    "jupyterhub-firstuseauthenticator": ["firstuseauthenticator"],
    "jupyterhub-tmpauthenticator": ["tmpauthenticator"],
    "dockerspawner": ["dockerspawner"],
    "jupyterhub-kubespawner": ["kubespawner"],
}
# What a user's server or another command configures, not the hub.
ELSEWHERE = ("jupyterhub.singleuser.", "jupyterhub.services.")
NOT_THE_HUB = {"NewToken", "UpgradeDB", "LoggingConfigurable", "SingletonConfigurable"}
# What a validator of the class narrows further; a hub does not start with another text.
NARROWER: dict[tuple[str, str], t.Any] = {
    ("JupyterHub", "subdomain_hook"): ["or", ["one of", "idna", "legacy"], "code"],
    ("Spawner", "options_from_form"): ["or", ["one of", "simple", "passthrough"], "code"],
}

Form = t.Any


def load(name: str) -> None:
    """Import a module, and those in it where it is a package; one for which a further package is missing is not there."""
    module = importlib.import_module(name)
    for part in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if part.name not in ("tests", "__main__"):
            try:
                importlib.import_module(f"{name}.{part.name}")
            except ModuleNotFoundError as exc:
                if exc.name and exc.name.partition(".")[0] == name.partition(".")[0]:
                    raise


def subclasses(cls: t.Any) -> t.Iterator[t.Any]:
    for heir in cls.__subclasses__():
        yield heir
        yield from subclasses(heir)


def form(trait: t.Any) -> Form:
    """Return the form of a trait's values; null is one of them where the trait takes None."""
    if not trait.allow_none or isinstance(trait, traitlets.Any):
        return bare(trait)
    inner = bare(trait)
    return ["or", *(inner[1:] if inner[0] == "or" else [inner]), "null"]


def forms(cls: t.Any) -> dict[str, Form]:
    """Return the traits of a class and their forms."""
    found = {}
    for name, trait in cls.class_traits(config=True).items():
        found[name] = next((NARROWER[base.__name__, name] for base in cls.__mro__ if (base.__name__, name) in NARROWER), form(trait))
    return found


def bare(trait: t.Any) -> Form:
    kinds = {kind.__name__ for kind in type(trait).__mro__}
    if "Union" in kinds:
        inner = list(map(form, trait.trait_types))
        return "any" if "any" in inner else ["or", *inner]
    if "ByteSpecification" in kinds:
        return "size"
    if "Command" in kinds:
        return ["or", "str", container(trait, kinds)]
    if "UnicodeOrFalse" in kinds:
        return ["or", "str", ["one of", False]]
    if "Bool" in kinds:
        return "bool"
    if kinds & {"Int", "Float"}:
        name = "int" if "Int" in kinds else "float"
        bounds = [limit if limit is None or math.isfinite(limit) else None for limit in (trait.min, trait.max)]
        return [name, *bounds] if any(limit is not None for limit in bounds) else name
    if "CUnicode" in kinds:
        return ["or", "str", "float"]
    if kinds & {"Unicode", "EntryPointType"}:
        return "str"
    if "Enum" in kinds:
        return ["caseless" if "CaselessStrEnum" in kinds else "one of", *trait.values]
    if "UseEnum" in kinds:
        return ["one of", *(name for member in trait.enum_class for name in (member.name, member.value))]
    return container(trait, kinds)


def container(trait: t.Any, kinds: set[str]) -> Form:
    if "Dict" in kinds:
        inner = [form(part) if part is not None else "any" for part in (trait._key_trait, trait._value_trait)]
        return ["dict", *inner] if inner != ["any", "any"] else "dict"
    for kind in ("Set", "List"):
        if kind in kinds:
            element = form(trait._trait) if trait._trait is not None else "any"
            least = [trait._minlen] if trait._minlen else []
            return [kind.lower(), element, *least] if least or element != "any" else kind.lower()
    if "Tuple" in kinds:
        return "list"
    return "any" if type(trait).__name__ == "Any" else "code"


def aliases(cls: t.Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return the old names of a class that mean the same as the new ones, and those that do not: tables of Authenticator, OAuthenticator and the spawners."""
    renamed: dict[str, str] = {}
    replaced: dict[str, str] = {}
    for table in ("_deprecated_aliases", "_deprecated_oauth_aliases", "_deprecated_traits"):
        named = vars(cls).get(table, {})
        for old, (new, _version, *same) in named.items():
            if new in named or new in cls.class_traits(config=True):
                (renamed if not same or same[0] else replaced)[old] = new
    return renamed, replaced


def collect() -> dict[str, t.Any]:
    """Return versions and classes of what is installed here."""
    installed = {name.lower(): version for item in importlib.metadata.distributions() if (name := item.metadata["Name"]) and (version := item.version)}
    packages = {name: installed[name] for name in MODULES if name in installed}
    for name in packages:
        for module in MODULES[name]:
            load(module)
    owners = {module.partition(".")[0]: name for name in packages for module in MODULES[name]}
    found = {cls.__name__: cls for cls in subclasses(Configurable) if not cls.__module__.startswith(ELSEWHERE) and cls.__name__ not in NOT_THE_HUB}
    found = {name: found[name] for name in sorted(found) if found[name].class_traits(config=True) or found[name].__subclasses__()}
    everything: dict[str, dict[str, Form]] = {name: forms(cls) for name, cls in found.items()}
    classes: dict[str, t.Any] = {}
    for name, cls in found.items():
        bases = [base.__name__ for base in cls.__mro__[1:] if base in found.values()]
        inherited: dict[str, Form] = {key: value for base in reversed(bases) for key, value in everything[base].items()}
        own = {key: value for key, value in sorted(everything[name].items()) if key not in inherited or inherited[key] != value}
        without = sorted(set(inherited) - set(everything[name]))
        renamed, replaced = aliases(cls)
        entry = {"package": owners.get(cls.__module__.partition(".")[0], ""), "module": cls.__module__, "bases": bases, "traits": own}
        entry |= {"without": without, "renamed": renamed, "replaced": replaced}
        classes[name] = {key: value for key, value in entry.items() if value}
    return {"packages": packages, "classes": classes}


if __name__ == "__main__":
    print(json.dumps(collect()))
