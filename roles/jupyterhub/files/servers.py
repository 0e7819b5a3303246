# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every start of a server goes through, with any spawner: the choice of a profile, shared folders, and limits for each person.

JupyterHub calls ``apply_user_options`` for the page and for the API alike, after ``group_overrides`` and before ``pre_spawn_hook`` (6.1.1, user.py).
A choice is a dictionary ``{"profile": name, option: choice, …}``, from the page and from the API alike.
"""

from __future__ import annotations

import html
import typing as t
from collections.abc import Collection, Mapping, Sequence

Profile = Mapping[str, t.Any]
"""``name``, ``description``, ``default``, ``settings`` (trait of the spawner -> value), and where they are needed: ``options``, each with ``name``, ``title``
and ``choices`` like profiles; ``users`` and ``groups`` who may have it."""


Folder = Mapping[str, t.Any]
"""``write_groups`` and ``read_groups`` who may, ``everybody`` what all others may (none, read, write), ``settings`` for those who may write and read."""


class Refused(ValueError):
    """This server is not started. The text is for its owner; ``reason`` is a word for the hub's metrics."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def may_have(profile: Profile, user: str, groups: Collection[str]) -> bool:
    """Whether somebody may have a profile; one that names nobody is everybody's."""
    if "users" not in profile:
        return True
    return user in profile["users"] or not set(groups).isdisjoint(profile["groups"])


def preferred(items: Sequence[Mapping[str, t.Any]]) -> Mapping[str, t.Any]:
    """Return the one that is chosen beforehand, of those that there are to choose from."""
    return next((item for item in items if item["default"]), items[0])


def named(items: Sequence[Mapping[str, t.Any]], name: object, what: str) -> Mapping[str, t.Any]:
    """Return the item of that name."""
    for item in items:
        if item["name"] == name:
            return item
    raise Refused(f"there is no {what} {name!r}; there are: {', '.join(item['name'] for item in items)}", 400, "unknown_choice")


def choose(profiles: Sequence[Profile], choice: Mapping[str, t.Any], user: str, groups: Collection[str]) -> list[Mapping[str, t.Any]]:
    """Return the settings of a choice in the order in which they are applied; raise Refused for one that cannot be."""
    open_to_user = [profile for profile in profiles if may_have(profile, user, groups)]
    if not open_to_user:
        raise Refused("no profile of this hub is open to you; ask its administrators", 403, "not_allowed")
    wanted = choice.get("profile")
    profile = preferred(open_to_user) if wanted is None else named(profiles, wanted, "profile")
    if not may_have(profile, user, groups):
        raise Refused(f"the profile {wanted!r} is not open to you; there are: {', '.join(item['name'] for item in open_to_user)}", 403, "not_allowed")
    options = profile.get("options", [])
    for key in choice:
        if key != "profile" and key not in [option["name"] for option in options]:
            raise Refused(f"the profile {profile['name']!r} has no option {key!r}", 400, "unknown_choice")
    found = [profile["settings"]]
    for option in options:
        value = choice.get(option["name"])
        found.append((preferred(option["choices"]) if value is None else named(option["choices"], value, option["name"]))["settings"])
    return found


def access(folder: Folder, groups: Collection[str]) -> str:
    """Return what somebody in these groups may do with a folder: none, read or write."""
    if not set(groups).isdisjoint(folder["write_groups"]):
        return "write"
    if folder["everybody"] == "none" and not set(groups).isdisjoint(folder["read_groups"]):
        return "read"
    return str(folder["everybody"])


def shared(folders: Sequence[Folder], groups: Collection[str]) -> list[Mapping[str, t.Any]]:
    """Return the settings of the folders that somebody sees."""
    return [folder["settings"][access(folder, groups)] for folder in folders if access(folder, groups) != "none"]


def form(profiles: Sequence[Profile], user: str, groups: Collection[str]) -> str:
    """Return the page of what somebody may choose as HTML; the hub puts it into a form."""
    open_to_user = [(index, profile) for index, profile in enumerate(profiles) if may_have(profile, user, groups)]
    if not open_to_user:
        return '<p class="alert alert-warning">No profile of this hub is open to you; ask its administrators.</p>'
    chosen = preferred([profile for _index, profile in open_to_user])
    rows = []
    for index, profile in open_to_user:
        checked = " checked" if profile is chosen else ""
        rows.append(
            f'<div class="form-check mb-3"><input class="form-check-input" type="radio" name="profile" id="profile-{index}" '
            f'value="{html.escape(profile["name"])}"{checked}>'
            f'<label class="form-check-label" for="profile-{index}"><strong>{html.escape(profile["name"])}</strong>'
            f"{line(profile)}</label>{''.join(select(index, option) for option in profile.get('options', []))}</div>"
        )
    return "\n".join(rows)


def line(item: Mapping[str, t.Any]) -> str:
    return f"<br>{html.escape(item['description'])}" if item["description"] else ""


def select(index: int, option: Mapping[str, t.Any]) -> str:
    """Return the choices of an option as HTML."""
    field, chosen = html.escape(field_name(index, option["name"])), preferred(option["choices"])
    choices = "".join(
        f'<option value="{html.escape(choice["name"])}"{" selected" if choice is chosen else ""}>'
        f"{html.escape(': '.join(filter(None, (choice['name'], choice['description']))))}</option>"
        for choice in option["choices"]
    )
    label = f'<label class="form-label mt-2 mb-0" for="{field}">{html.escape(option["title"])}</label>'
    return f'{label}<select class="form-select" name="{field}" id="{field}">{choices}</select>'


def field_name(index: int, option: str) -> str:
    """Return the name of a field of the page: each profile has fields of its own, and the browser sends all of them."""
    return f"option-{index}-{option}"


def from_form(profiles: Sequence[Profile], fields: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the choice that the fields of the page make, or those of an address such as ``/hub/spawn?opt-profile=NAME&opt-OPTION=CHOICE``."""
    sent = {name: values[0] for name, values in fields.items() if values}
    chosen = sent.get("profile")
    # The hub's own guard against forged requests is a field of the page, too.
    choice = {name: value for name, value in sent.items() if name != "_xsrf" and not name.startswith("option-")}
    for index, profile in enumerate(profiles):
        if profile["name"] == chosen:
            own = {option["name"]: field_name(index, option["name"]) for option in profile.get("options", [])}
            choice |= {name: sent[field] for name, field in own.items() if field in sent}
    return choice


# --- the door: from here on it is JupyterHub's


def configure(c: t.Any, profiles: Sequence[Profile] = (), max_running_per_user: int = 0, folders: Sequence[Folder] = (), gpus: int = 0) -> None:
    """Configure a hub."""

    def apply(spawner: t.Any, options: Mapping[str, t.Any]) -> None:
        try:
            check_running(spawner, max_running_per_user)
            for settings in choose(profiles, options, spawner.user.name, groups_of(spawner)) if profiles else ():
                change(spawner, settings)
            for settings in shared(folders, groups_of(spawner)):
                change(spawner, settings)
        except Refused as refused:
            raise as_exception(refused) from refused
        if gpus:
            explain(spawner)

    def page(spawner: t.Any) -> str:
        return form(profiles, spawner.user.name, groups_of(spawner))

    def read(fields: Mapping[str, Sequence[str]]) -> dict[str, str]:
        return from_form(profiles, fields)

    c.Spawner.apply_user_options = apply
    if profiles:
        c.Spawner.options_form = page
        c.Spawner.options_from_form = read


def groups_of(spawner: t.Any) -> set[str]:
    """Return the groups of a server's owner."""
    return {group.name for group in spawner.user.groups}


def check_running(spawner: t.Any, limit: int) -> None:
    """Refuse a server to somebody who has enough of them running."""
    others = [other for other in spawner.user.spawners.values() if other is not spawner and other.active]
    if limit and len(others) >= limit:
        raise Refused(f"you have {len(others)} servers running, and may have {limit}; stop one first", 429, "too_many_servers")


def change(spawner: t.Any, settings: Mapping[str, t.Any]) -> None:
    """Change traits of a spawner, which is new for every start; what is a dictionary is added to."""
    for trait, value in settings.items():
        if isinstance(value, dict):
            old = getattr(spawner, trait)
            # A variable is another one as a whole, whether it is a text or where a pod has it from.
            value = {**old, **value} if trait == "environment" else merged(old, value)
        setattr(spawner, trait, value)


def merged(old: Mapping[str, t.Any], new: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return both; where both have a dictionary, both of it."""
    return {**old, **{key: merged(old.get(key) or {}, value) if isinstance(value, dict) else value for key, value in new.items()}}


NO_GPU = "no GPU is free"
"""What the guard says when each is in a server (engine_guard.py, choose_gpus)."""


def no_gpu(explanation: str) -> Refused | None:
    """Return what a person is told whose server does not get its GPU; the guard or the engine has explained it."""
    if NO_GPU in explanation:
        return Refused("every GPU of this hub is in use; try again when somebody has stopped a server", 503, "no_gpu")
    if "could not select device driver" in explanation or "nvidia" in explanation:
        return Refused("the engine of this hub cannot give a GPU to a server; tell its administrators", 503, "no_gpu")
    return None


def explain(spawner: t.Any) -> None:
    """Have a spawner say in a sentence that there is no GPU, where the engine's client would say it in its own words (docker-py, APIError.explanation)."""

    def explaining(original: t.Any) -> t.Any:
        async def call() -> t.Any:
            try:
                return await original()
            except Exception as error:
                refused = no_gpu(str(getattr(error, "explanation", "") or ""))
                if refused is None:
                    raise
                raise as_exception(refused) from error

        return call

    for name in ("create_object", "start_object"):
        setattr(spawner, name, explaining(getattr(spawner, name)))


def as_exception(refused: Refused) -> Exception:
    """Return what the hub shows to people, answers through the API, and does not hold for a fault of its own."""
    from jupyterhub.spawner import SpawnException

    exception: t.Any = SpawnException(str(refused), reason=refused.reason, status_code=refused.status)
    exception.jupyterhub_message = str(refused)
    return t.cast(Exception, exception)
