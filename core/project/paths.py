"""Paths that a project file names: a stranger may have written them."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PurePosixPath

from core.values import Text, text

LONGEST_PATH = 32_767
_DEVICE = re.compile(r"^[\\/]{2}[.?][\\/]")
"""Windows' own name spaces, beside the file system."""
_NETWORK = re.compile(r"^[\\/]{2}([^\\/]+)[\\/]")


def hostile(path: str, relative: bool = False) -> Text | None:
    """Why this path must not even be looked at, or None.

    A path that leaves its folder is hostile where a relative one is asked for, a relative one elsewhere.
    """
    odd = text("It names a file as Secateur never does, so it may have been tampered with.")
    if not path or len(path) > LONGEST_PATH or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        return odd
    if _DEVICE.match(path):
        return text("It names a device instead of a file, so it may have been tampered with.")
    if relative:
        parts = PurePosixPath(path.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or re.match(r"^[A-Za-z]:", path):
            return text("It names a file outside of its folder, so it may have been tampered with.")
        return None
    if not (os.path.isabs(path) or re.match(r"^([A-Za-z]:)?[\\/]", path)):
        return odd
    try:
        mode = os.stat(path).st_mode if not network_host(path) else stat.S_IFREG
    except (OSError, ValueError):
        return None  # not there: another question
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return text("It names a device instead of a file, so it may have been tampered with.")
    return None


def network_host(path: str) -> str:
    """The computer that a path such as `\\\\host\\share\\x` leads to, lower case; empty: this one.

    Merely to look at such a path sends the person's name, and more, to that computer.
    """
    found = _NETWORK.match(path)
    return found[1].lower() if found else ""


def leads_elsewhere(path: str, project: Path) -> bool:
    """Whether `path` lies on a computer that the project itself does not lie on."""
    host = network_host(path)
    return bool(host) and host != network_host(str(project))
