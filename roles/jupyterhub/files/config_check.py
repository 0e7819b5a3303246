# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load a hub's configuration in the hub's own image, and say what is wrong with it: no database is opened, nothing is started.

``jupyterhub --show-config`` cannot do that: it makes the database and the cookie secret. JSON in: ``files`` (path below ``root`` -> text), ``hidden`` (what
must not be repeated). JSON out: ``problems``, each with its ``kind``, what it is about, and a ``message``.
"""

from __future__ import annotations

import copy
import difflib
import json
import os
import pathlib
import signal
import sys
import traceback
import types
import typing as t

ROOT = "/etc/jupyterhub"
CONFIG = "jupyterhub_config.py"
SECONDS = 60

Problem = dict[str, t.Any]


class TooSlow(BaseException):
    """The configuration does not come to an end."""


def stop(_signal: int, _frame: types.FrameType | None) -> None:
    raise TooSlow


def write(root: str, files: t.Mapping[str, str]) -> None:
    """Write the files of the hub where it finds them; the directory is this container's own and in memory."""
    for name, text in files.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))


def failure(exc: BaseException, root: str) -> Problem:
    """Return what an exception says, and the line of the configuration that it came through."""
    lines = [frame.lineno for frame in traceback.extract_tb(exc.__traceback__) if frame.filename == os.path.join(root, CONFIG)]
    if isinstance(exc, SyntaxError):
        lines.append(exc.lineno)
    # What the world outside answers is not known in here: no network, no data.
    kind = "world" if isinstance(exc, OSError) else "load"
    message = f"it does not come to an end in {SECONDS} seconds" if isinstance(exc, TooSlow) else f"{type(exc).__name__}: {exc}"
    return {"kind": kind, "line": lines[-1] if lines else 0, "message": message}


def subclasses(cls: t.Any) -> t.Iterator[t.Any]:
    for heir in cls.__subclasses__():
        yield heir
        yield from subclasses(heir)


def plugins(app: t.Any, config: t.Any) -> tuple[dict[str, t.Any], list[Problem]]:
    """Return the classes that a configuration chooses, and those that cannot be had."""
    found, problems = {}, []
    for name in ("authenticator_class", "spawner_class", "proxy_class"):
        trait = type(app).class_traits()[name]
        try:
            found[name] = trait.validate(app, config.JupyterHub[name]) if name in config.JupyterHub else getattr(app, name)
        except Exception:
            message = f"a class that the image has, not {config.JupyterHub[name]!r}; a package of jupyterhub_images.hub_pip may bring it"
            problems.append({"kind": "value", "class": "JupyterHub", "trait": name, "message": message})
    return found, problems


def sections(config: t.Any, classes: t.Mapping[str, t.Any]) -> t.Iterator[Problem]:
    """Yield classes and traits that do not exist, and values that their traits do not take."""
    import traitlets

    for name, section in config.items():
        if name not in classes:
            close = difflib.get_close_matches(name, classes, n=1)
            yield from ({"kind": "class", "class": name, "trait": trait, "close": close, "message": ""} for trait in section)
            continue
        # A section is read by the class itself and by those that derive from it.
        known: dict[str, t.Any] = {}
        for cls in [*subclasses(classes[name]), classes[name]]:
            known |= cls.class_traits(config=True)
        for trait, value in section.items():
            about = {"class": name, "trait": trait}
            if trait not in known:
                if trait[:1].islower():
                    yield {"kind": "trait", **about, "close": difflib.get_close_matches(trait, known, n=1), "message": ""}
                continue
            try:
                # Where only additions to a value are said, there is no value yet.
                if type(value).__name__ != "LazyConfigValue":
                    known[trait]._validate(traitlets.HasTraits(), copy.deepcopy(value))
            except traitlets.TraitError:
                yield {"kind": "value", **about, "message": f"{known[trait].info()}, not {value!r}"}
            except Exception:
                continue  # A check that needs the whole object; see objects().


def objects(jupyterhub: t.Any, found: t.Mapping[str, t.Any], config: t.Any) -> t.Iterator[Problem]:
    """Yield what the hub and its authenticator say when they are made with this configuration; a spawner cannot be made without a user."""
    import traitlets

    for cls in filter(None, (jupyterhub, found.get("authenticator_class"))):
        try:
            cls(config=copy.deepcopy(config))
        except (traitlets.TraitError, ValueError) as exc:
            yield {"kind": "object", "class": cls.__name__, "message": str(exc)}
        except Exception:
            continue  # What cannot be made here for want of a database says nothing about its configuration.


def check(root: str) -> dict[str, t.Any]:
    """Return what is wrong with the configuration in a directory."""
    import jupyterhub
    from jupyterhub.app import JupyterHub
    from traitlets.config import Configurable
    from traitlets.config.loader import PyFileConfigLoader

    try:
        config = PyFileConfigLoader(CONFIG, path=root).load_config()
    except (Exception, SystemExit, TooSlow) as exc:
        return {"version": jupyterhub.__version__, "problems": [failure(exc, root)]}
    app = JupyterHub()
    found, problems = plugins(app, config)
    classes = {cls.__name__: cls for cls in subclasses(Configurable)}
    problems += sections(config, classes)
    # What is wrong with a value is said once, by the trait that it is for.
    return {"version": jupyterhub.__version__, "problems": problems or list(objects(JupyterHub, found, config))}


def without(text: str, hidden: t.Iterable[str]) -> str:
    """Return a text in which no secret is repeated, neither as it is nor as Python writes it down."""
    for secret in sorted({line for value in hidden for line in (value, *value.splitlines()) if len(line) >= 4}, key=len, reverse=True):
        for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]):
            text = text.replace(form, "…")
    return text


def main(root: str) -> int:
    given = json.load(sys.stdin)
    # What a configuration prints is not ours to pass on.
    out, sys.stdout = sys.stdout, sys.stderr
    write(root, given["files"])
    # The spawner of a swarm is a program beside the configuration.
    sys.path.insert(0, root)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        found = check(root)
    except (ImportError, AttributeError) as exc:
        found = {"version": "", "problems": [{"kind": "load", "line": 0, "message": f"{type(exc).__name__}: {exc}"}]}
    signal.alarm(0)
    for problem in found["problems"]:
        problem["message"] = without(problem["message"], given["hidden"])
    json.dump(found, out)
    return 0


if __name__ == "__main__":
    sys.exit(main(ROOT))
