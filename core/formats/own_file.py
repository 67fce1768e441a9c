"""Read an ONNX file that this program wrote, without the copies that protobuf makes of large weights."""

from __future__ import annotations

import mmap
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from core.formats.proto_checks import check_model
from core.formats.to_ir import to_ir
from core.formats.wire import MalformedError, split


def read_own(path: Path) -> ir.Model:
    """The model as it was saved, nothing normalised; its arrays are read-only and hold on to no file.

    Weights above 2 GiB stay where they lie, as of any file. Raises OSError, ValueError for a damaged file,
    SecateurError for one that somebody else put there.
    """
    with path.open("rb") as file:
        # not closed: it goes with the last who looks at it
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        parts = split(data)
        proto = onnx.ModelProto.FromString(parts.rest)
    except (DecodeError, MalformedError) as error:
        raise ValueError(f"{path.name} is damaged") from error
    return to_ir(proto, parts, data, path, check_model(proto, parts, path))
