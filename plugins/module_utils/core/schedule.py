# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs renew_certs.yml regularly: an entry for cron, or a service and a timer of systemd."""

from __future__ import annotations

import shlex
import typing as t

from . import certbot
from .description import Certbot, Hub

CRON = """\
# Written by Ansible (vdsg.jupyterhub): looks after the certificate of the JupyterHub {name}. Silent unless it renewed or failed.
{time} {user} {command}
"""

SERVICE = """\
# Written by Ansible (vdsg.jupyterhub).
[Unit]
Description=Look after the certificate of the JupyterHub {name}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={user}
ExecStart=/bin/sh -c {command}
"""

TIMER = """\
# Written by Ansible (vdsg.jupyterhub).
[Unit]
Description=Look after the certificate of the JupyterHub {name}

[Timer]
OnCalendar={time}
Persistent=true

[Install]
WantedBy=timers.target
"""


class Run(t.NamedTuple):
    """How this run of Ansible was started: the same words start a renewal."""

    executable: str
    inventories: tuple[str, ...]
    host: str
    config: str
    collections: str


def command(settings: Certbot, run: Run) -> str:
    """Return the command, for a shell."""
    if settings.schedule_command:
        return settings.schedule_command
    # Ansible wants UTF-8, and cron sets no locale.
    variables = {"LC_ALL": "C.UTF-8", "ANSIBLE_STDOUT_CALLBACK": "vdsg.jupyterhub.cron"}
    variables |= {"ANSIBLE_CONFIG": run.config, "ANSIBLE_COLLECTIONS_PATH": run.collections}
    words = [run.executable, "vdsg.jupyterhub.renew_certs", "--limit", run.host]
    words += [word for inventory in run.inventories for word in ("--inventory", inventory)]
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in variables.items() if value), *map(shlex.quote, words)])


def name(hub: Hub) -> str:
    """Return what the entry, the service and the timer are called."""
    return f"jupyterhub-{hub.name}-certificate"


def files(hub: Hub, settings: Certbot, run: Run) -> dict[str, str]:
    """Return the files to install; their names need no suffix for cron, which would not read one with a dot."""
    time, text = certbot.schedule_time(hub, settings), command(settings, run)
    if settings.schedule == "cron":
        # An unescaped percent sign ends a command of cron.
        return {f"/etc/cron.d/{name(hub)}": CRON.format(name=hub.name, time=time, user=settings.schedule_user, command=text.replace("%", "\\%"))}
    if settings.schedule == "systemd":
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") + '"'
        return {
            f"/etc/systemd/system/{name(hub)}.service": SERVICE.format(name=hub.name, user=settings.schedule_user, command=quoted),
            f"/etc/systemd/system/{name(hub)}.timer": TIMER.format(name=hub.name, time=time),
        }
    return {}
