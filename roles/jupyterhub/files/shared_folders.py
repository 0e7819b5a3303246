# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give directories of groups their owner, mode and default access list, or look whether they have them; run as root, in a container with their volumes.

A new file in such a directory belongs to its group (setgid), and the group may write it whatever the umask of who makes it (default access list, acl(5)).
"""

from __future__ import annotations

import errno
import json
import os
import stat
import struct
import sys

MODE = 0o2770
ACL = "system.posix_acl_default"
NOBODY = 0xFFFFFFFF


def access_list() -> bytes:
    """Return u::rwx g::rwx m::rwx o::--- as the kernel has it (linux/posix_acl_xattr.h): version 2, then tag, permissions and ID of each entry."""
    entries = ((0x01, 7), (0x04, 7), (0x10, 7), (0x20, 0))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, permissions, NOBODY) for tag, permissions in entries)


def has_list(path: str) -> bool:
    """Whether a directory has the default access list; one whose file system knows none cannot have it and need not."""
    try:
        return os.getxattr(path, ACL) == access_list()
    except OSError as error:
        return error.errno == errno.ENOTSUP


def is_good(path: str, gid: int) -> bool:
    found = os.stat(path)
    return (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, gid, MODE) and has_list(path)


def make_good(path: str, gid: int) -> None:
    os.chown(path, 0, gid)
    os.chmod(path, MODE)
    if not has_list(path):
        os.setxattr(path, ACL, access_list())


def main(arguments: list[str]) -> None:
    """``look|make GID DIRECTORY…``: print those that are not, or were not, as they should be, as a JSON list."""
    action, gid, *paths = arguments
    wrong = [path for path in paths if not is_good(path, int(gid))]
    if action == "make":
        for path in wrong:
            make_good(path, int(gid))
    print(json.dumps(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
