#!/usr/bin/env bash
# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copy what git knows, or would know, of the work tree to $1: ansible-test follows no links and a build must not pack leftovers.
# The copy is a repository of its own, because ansible-test would ask the one around it, which ignores it.
set -euo pipefail
rm -rf "$1" && mkdir -p "$1"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
    tar --create --null --files-from=- | tar --extract --directory="$1"
git -C "$1" init --quiet && git -C "$1" add --all
