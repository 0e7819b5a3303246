# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of a directory as groups of the hub, and admins by group: jupyterhub-ldapauthenticator 2.0 knows neither."""

from __future__ import annotations

import typing as t

from ldap3.utils.dn import parse_dn

Model = dict[str, t.Any]


def hook(admin_groups: list[str], manage_groups: bool) -> t.Callable[[t.Any, t.Any, Model], Model]:
    """Return what JupyterHub calls when somebody may log in; the authenticator has noted which of its allowed_groups that person is in."""

    def apply(authenticator: t.Any, _handler: t.Any, model: Model) -> Model:
        member = list((model["auth_state"] or {}).get("ldap_groups", []))
        if manage_groups:
            model["groups"] = sorted(name_of(group) for group in member)
        if admin_groups:
            # Not None: who has left such a group is no admin any more.
            model["admin"] = model["name"] in authenticator.admin_users or bool({*admin_groups} & {*member})
        return model

    return apply


def name_of(group: str) -> str:
    """Return what a group is called: the value of the first part of its distinguished name."""
    return str(parse_dn(group)[0][1])
