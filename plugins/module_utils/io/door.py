# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all modules do in the same way: open the door, call one function, say in one sentence what went wrong."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ..core.schema import DescriptionError

Libraries = t.Mapping[str, t.Any]
"""What a module needs besides Python -> the ImportError of what is not there, else None."""


def open_door(module: AnsibleModule, function: t.Callable[[AnsibleModule], dict[str, t.Any]], libraries: Libraries | None = None) -> None:
    """Run a module's function and leave with what it returns. What the user did wrong is never a traceback.

    It imports little, since every import is paid again at each run of each module.
    """
    for name, error in (libraries or {}).items():
        if error:
            module.fail_json(msg=missing_required_lib(name), exception=str(error))
    try:
        result = function(module)
    except DescriptionError as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg=f"{exc.filename or module._name} cannot be read or written: {exc.strerror or exc}; check who owns it and whether the disk is full")
    module.exit_json(**result)
