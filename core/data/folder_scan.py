"""List the pictures of a folder: classes, files and sizes, in an order that every machine shares."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.data.pictures import SUFFIXES
from core.errors import DataError
from core.values import Text, text

_IGNORED = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir"})

TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")


def ignored(name: str) -> bool:
    """Files and folders that systems leave behind."""
    return name.startswith(".") or name in _IGNORED


@dataclass
class Listing:
    """Pictures below a folder. names are relative, with '/', sorted within each class.

    class_of holds each picture's class index, or is empty for a folder without classes.
    """

    root: Path
    class_names: tuple[str, ...] = ()
    names: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    class_of: list[int] = field(default_factory=list)
    skipped: list[Text] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)

    def sha256(self) -> str:
        """Over names and sizes: says whether the data changed."""
        lines = (f"{name}\0{size}\n" for name, size in zip(self.names, self.sizes, strict=True))
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def subfolders(root: Path) -> list[str]:
    """Names of the folders directly inside, sorted by code point, which no locale changes."""
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not ignored(entry.name))


def train_and_test(folders: list[str]) -> tuple[str, str] | None:
    """The two of these names that mean samples to train on and to test on; None if they lack."""
    by_name = {name.lower(): name for name in folders}
    train = next((by_name[name] for name in TRAIN if name in by_name), None)
    test = next((by_name[name] for name in TEST if name in by_name), None)
    return None if train is None or test is None else (train, test)


def has_pictures(root: Path) -> bool:
    """Whether a picture lies directly inside."""
    with os.scandir(root) as entries:
        return any(os.path.splitext(entry.name)[1].lower() in SUFFIXES for entry in entries)


def scan(root: Path, check: Callable[[], None]) -> Listing:
    """List a folder with a subfolder for each class, or a flat folder of pictures without classes.

    check is called now and then and may raise Cancelled. Raises DataError if a folder can't be read.
    """
    listing = Listing(root)
    try:
        folders = subfolders(root)
        if not folders:
            _walk(root, "", listing, None, {_identity(root)}, check)
            return listing
        listing.class_names = tuple(folders)
        for index, name in enumerate(folders):
            _walk(root / name, name + "/", listing, index, {_identity(root)}, check)
        _report_loose(root, listing)
    except OSError as error:
        raise unreadable(root, error) from error
    return listing


def scan_flat(root: Path, check: Callable[[], None]) -> Listing:
    """List the pictures directly inside a folder, without classes. Raises DataError if it can't be read."""
    listing = Listing(root)
    try:
        _walk(root, "", listing, None, {_identity(root)}, check, deep=False)
    except OSError as error:
        raise unreadable(root, error) from error
    return listing


def unreadable(root: Path, error: OSError) -> DataError:
    """Return the error for a folder that the system refuses to list."""
    return DataError(
        text("The folder '{path}' cannot be read.", path=str(root)),
        text("The system says: {reason}.", reason=error.strerror or str(error)),
        text("Check that the folder is there and that you may read it."),
    )


def _identity(folder: Path) -> str:
    return os.path.realpath(folder)


def _walk(
    folder: Path,
    prefix: str,
    listing: Listing,
    class_index: int | None,
    above: set[str],
    check: Callable[[], None],
    deep: bool = True,
) -> None:
    """Add the pictures of a folder and, for classes, of the folders below it."""
    check()
    here = _identity(folder)
    if class_index is not None:
        if here in above:
            listing.loops.append(prefix.rstrip("/"))
            return
        above = above | {here}
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if ignored(entry.name):
            continue
        name = prefix + entry.name
        try:
            status = entry.stat()
        except OSError:
            listing.skipped.append(text("{name}: it cannot be read", name=name))
            continue
        if stat.S_ISDIR(status.st_mode):
            if deep:
                _walk(Path(entry.path), name + "/", listing, class_index, above, check)
        elif os.path.splitext(entry.name)[1].lower() not in SUFFIXES:
            listing.skipped.append(text("{name}: its name is not that of a picture", name=name))
        elif not stat.S_ISREG(status.st_mode):
            # a pipe or device would make the reader wait forever
            listing.skipped.append(text("{name}: it is not an ordinary file", name=name))
        else:
            listing.names.append(name)
            listing.sizes.append(status.st_size)
            if class_index is not None:
                listing.class_of.append(class_index)


def _report_loose(root: Path, listing: Listing) -> None:
    with os.scandir(root) as entries:
        loose = sorted(entry.name for entry in entries if entry.is_file() and not ignored(entry.name))
    listing.skipped += [text("{name}: it lies beside the class folders", name=name) for name in loose]
