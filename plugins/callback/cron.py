# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: cron
type: stdout
short_description: Say nothing unless something changed or failed
version_added: 0.1.0
author: [vdsg.jupyterhub contributors (@vdsg)]
description:
  - For playbooks that cron or a timer runs, whose output becomes a mail. Each task that changed something says one line, each that failed its message, on
    stderr. Nothing else is printed.
"""

EXAMPLES = r"""
# A line of /etc/cron.d:
# 17 4 * * * ansible ANSIBLE_STDOUT_CALLBACK=vdsg.jupyterhub.cron ansible-playbook vdsg.jupyterhub.renew_certs -i /etc/ansible/hubs
"""

import typing as t

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "vdsg.jupyterhub.cron"

    def v2_runner_on_ok(self, result: t.Any) -> None:
        if result.result.get("changed"):
            self._display.display(str(result.result.get("line") or f"{result.host.get_name()}: {result.task.get_name()}: changed"))

    def v2_runner_on_failed(self, result: t.Any, *_more: t.Any, **_options: t.Any) -> None:
        self._fail(result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._fail(result)

    def _fail(self, result: t.Any) -> None:
        self._display.display(f"{result.host.get_name()}: {result.task.get_name()}: {result.result.get('msg') or 'failed'}", stderr=True)
