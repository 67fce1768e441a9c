"""What a converting process gives up before it touches the file: network, other programs, writing elsewhere.

A person has said that they trust a file whose code runs here; this is the second line behind that answer, for
files that are worse than was thought. Linux does it in the kernel (seccomp, Landlock, limits), and nothing
that runs afterwards can take it back. Everywhere Python's audit hook refuses the same in Python code, which a
determined program can get around.

Sources: seccomp(2), landlock(7); numbers of system calls from linux/arch/{x86,arm64}.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY_SHARE = 0.8
"""Of the computer's memory, what a conversion may take."""
LEAST_MEMORY_BYTES = 2 << 30

_ALLOW = 0x7FFF0000
_EPERM = 0x00050000 | 1
_NEW_PRIVILEGES, _SECCOMP, _DEATH_SIGNAL = 38, 22, 1
_SIGKILL = 9

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_FOREIGN_CALLS = 0x40000000
"""x86's second table of system calls begins here: the same calls under other numbers."""

# socket, execve, execveat, ptrace, process_vm_writev, io_uring_setup
_REFUSED = {
    "x86_64": (0xC000003E, (41, 59, 322, 101, 311, 425)),
    "aarch64": (0xC00000B7, (198, 221, 281, 117, 271, 425)),
}

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
# write a file, remove folder and file, make all kinds of them
_WRITES = (1 << 1) | sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_WRITE_FILE = 1 << 1
_PATH_BENEATH = 1
_O_PATH = 0o10000000

_NETWORK_EVENTS = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
)
_PROGRAM_EVENTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile")
_CHANGE_EVENTS = (
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
)


def isolate(folder: Path) -> tuple[str, ...]:
    """Give up what a conversion does not need; only `folder` can be written to.

    Returns what the kernel saw to: 'memory', 'files', 'network'; fewer on an old kernel or another system.
    """
    done = []
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(_DEATH_SIGNAL, _SIGKILL, 0, 0, 0)
        library.prctl(_NEW_PRIVILEGES, 1, 0, 0, 0)
        for name, step in (
            ("memory", _limit_memory),
            ("files", lambda: _restrict_files(library, folder)),
            ("network", lambda: _refuse_calls(library)),
        ):
            if step():
                done.append(name)
    _refuse_in_python(folder)
    return tuple(done)


def _limit_memory() -> bool:
    import resource

    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = max(int(total * MEMORY_SHARE), LEAST_MEMORY_BYTES)
    # the data segment, not the address space: torch maps far more than it uses
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return True


def _restrict_files(library: Any, folder: Path) -> bool:
    """Landlock: nothing can be written, made or removed outside `folder`. False: the kernel has none."""
    version = library.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    handled = _WRITES | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    # from version 6 on also: no TCP, no abstract sockets, no signals to processes outside
    attributes = struct.pack("QQQ", handled, 0b11, 0b11) if version >= 6 else struct.pack("Q", handled)
    ruleset = library.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for path, access in ((folder, handled), (Path("/dev/null"), _WRITE_FILE)):
            beneath = os.open(path, _O_PATH)
            try:
                rule = struct.pack("=Qi", access, beneath)
                if library.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0):
                    return False
            finally:
                os.close(beneath)
        return library.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _refuse_calls(library: Any) -> bool:
    """seccomp: no sockets, no other programs, no looking into other processes."""
    known = _REFUSED.get(platform.machine())
    if known is None:
        return False
    architecture, numbers = known
    # each check jumps over the rest to the refusal at the end
    checks = [(_EQUAL, number) for number in numbers] + [(_AT_LEAST, _FOREIGN_CALLS)]
    program = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_EQUAL, 0, len(checks) + 2, architecture)]
    program.append((_LOAD, 0, 0, _NUMBER_AT))
    for index, (compare, number) in enumerate(checks):
        program.append((compare, len(checks) - index, 0, number))
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _EPERM)]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    whole = Program(len(program), ctypes.cast(buffer, ctypes.c_void_p))
    return library.prctl(_SECCOMP, 2, ctypes.byref(whole), 0, 0) == 0


def _refuse_in_python(folder: Path) -> None:
    allowed = os.path.realpath(folder)
    sys.addaudithook(_hook(allowed))


def _hook(allowed: str) -> Callable[[str, tuple[Any, ...]], None]:
    def inside(path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # a number of something that is open already
        real = os.path.realpath(os.fsdecode(path))
        return real == os.devnull or os.path.commonpath([real, allowed]) == allowed

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _NETWORK_EVENTS:
            raise PermissionError("a conversion has no network")
        if event in _PROGRAM_EVENTS:
            raise PermissionError("a conversion starts no programs")
        # what a symbolic link leads to is looked at when it is opened
        paths = arguments[1:2] if event == "os.symlink" else arguments[:2]
        if event in _CHANGE_EVENTS and not all(inside(path) for path in paths):
            raise PermissionError("a conversion writes only into its own folder")
        if event == "open" and _writes(arguments) and not inside(arguments[0]):
            raise PermissionError("a conversion writes only into its own folder")

    return hook


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
