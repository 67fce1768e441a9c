"""Files that are known not to be data for Secateur, each with what to do instead."""

from __future__ import annotations

from pathlib import Path

from core.errors import DataError
from core.values import Text, text

_BEGINNINGS: tuple[tuple[tuple[bytes, ...], Text, Text], ...] = (
    (
        (b"version https://git-lfs",),
        text("It is a Git LFS pointer: the data itself was not downloaded."),
        text("Run 'git lfs pull' in its repository."),
    ),
    (
        (b"<!doctype html", b"<html"),
        text("It is a web page, perhaps instead of a download that failed."),
        text("Download the data again."),
    ),
    (
        (b"\x89png", b"\xff\xd8\xff", b"gif8", b"bm6", b"ii*\0", b"mm\0*"),
        text("It is a single picture."),
        text("Choose the folder that holds the pictures."),
    ),
    (
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        text("It is a Python pickle, which could run a program when read."),
        text("Save the arrays with numpy.savez."),
    ),
    (
        (b"\x89hdf", b"obj\x01", b"arrow1"),
        text("It is a table or array file of a format that Secateur does not read."),
        text("Save it as CSV or with numpy.savez."),
    ),
    (
        (b"\x1f\x8b", b"bzh", b"\xfd7zxz", b"7z\xbc\xaf", b"rar!", b"\x28\xb5\x2f\xfd"),
        text("It is packed."),
        text("Unpack it first and choose what it holds."),
    ),
    ((b"%pdf",), text("It is a PDF document."), text("Choose the data itself.")),
)


def refuse_known(path: Path, head: bytes) -> None:
    """Raise DataError for an empty file or one of a known other kind."""
    what = text("'{name}' is not data that Secateur can read.", name=path.name)
    if not head.strip():
        raise DataError(what, text("It is empty."), text("Choose another file."))
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    for beginnings, why, next_step in _BEGINNINGS:
        if start.startswith(beginnings):
            raise DataError(what, why, next_step)
