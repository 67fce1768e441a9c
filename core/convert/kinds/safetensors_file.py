"""Safetensors: a header of JSON and the tensors behind it. Data only; the architecture is asked for.

Read by ourselves after every place in the header was checked. Source: the format's description in
github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.convert._archives import damaged
from core.convert._pickles import Contents, Tensor
from core.convert.kinds import CONVERTERS
from core.convert.kinds.torch_weights import weights_alone
from core.convert.talk import Converted, Task
from core.errors import OpenError, UnsupportedModelError
from core.formats.safety import shown
from core.graph.labels import clean
from core.values import Described, Foreign, Text, text

HEADER_LIMIT_BYTES = 100_000_000
"""As in the format's own reader."""
MOST_TENSORS = 100_000
_METADATA = "__metadata__"
_TYPES = {
    "F64": ("float64", 8),
    "F32": ("float32", 4),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "I64": ("int64", 8),
    "I32": ("int32", 4),
    "I16": ("int16", 2),
    "I8": ("int8", 1),
    "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}


class Safetensors:
    def recognises(self, path: Path, head: bytes) -> bool:
        # a header of a terabyte is no header, unless the name insists
        length = int.from_bytes(head[:8], "little")
        return head[8:9] == b"{" and (2 <= length < 2**40 or path.suffix == ".safetensors")

    def examine(self, path: Path) -> Foreign:
        tensors = tuple(Tensor(clean(name, 120), shape, dtype) for name, shape, dtype, _ in read_header(path))
        return weights_alone(path, Contents(tensors, (), True))

    def convert(self, task: Task, stage: Callable[[Text], None]) -> Converted:
        import torch

        from core.convert._torch_weights import write_filled

        stage(text("Loading the weights"))
        path = Path(task.source)
        weights = {}
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            for name, shape, dtype, (begin, end) in read_header(path):
                # a copy: the file is closed again
                buffer = bytearray(whole[begin:end])
                flat = torch.frombuffer(buffer, dtype=getattr(torch, dtype)) if buffer else torch.empty(0)
                weights[name] = flat.reshape(shape)
        return write_filled(weights, task, stage)


def read_header(path: Path) -> list[tuple[str, tuple[int, ...], str, tuple[int, int]]]:
    """Name, shape, numpy's name of the type and place in the file of each tensor, in the order of the file.

    Raises OpenError unless the tensors fill the file without hole or overlap.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > HEADER_LIMIT_BYTES:
            raise _refused(path, text("Its header claims to be {size} bytes long.", size=length))
        if 8 + length > size:
            raise _refused(
                path, text("It breaks off within its header; most likely a download was incomplete.")
            )
        raw = file.read(length)
    try:
        header = json.loads(raw, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(header, dict):
        raise _refused(path, text("Its header is no list of tensors."))
    header.pop(_METADATA, None)
    if len(header) > MOST_TENSORS:
        raise UnsupportedModelError(
            text("'{name}' claims to hold {count} tensors.", name=shown(path), count=len(header)),
            text("Networks have some thousands at most; {limit} are the limit.", limit=MOST_TENSORS),
            text("Get the file from a source that you trust."),
        )
    found = [_entry(path, name, entry) for name, entry in header.items()]
    found.sort(key=lambda one: one[3])
    start = 8 + length
    expected = 0
    for name, _, _, (begin, end) in found:
        if begin != expected:
            what = text("There is a hole before the tensor '{tensor}'.", tensor=clean(name))
            overlap = text("The tensor '{tensor}' overlaps another.", tensor=clean(name))
            raise _refused(path, what if begin > expected else overlap)
        expected = end
    if start + expected != size:
        raise _refused(
            path,
            text(
                "Its tensors need {needed} bytes, the file holds {size}.", needed=start + expected, size=size
            ),
        )
    return [(name, shape, dtype, (start + begin, start + end)) for name, shape, dtype, (begin, end) in found]


def _entry(path: Path, name: str, entry: Any) -> tuple[str, tuple[int, ...], str, tuple[int, int]]:
    try:
        dtype, width = _TYPES[entry["dtype"]]
        shape = tuple(entry["shape"])
        begin, end = entry["data_offsets"]
        numbers = (*shape, begin, end)
        if not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise _refused(
            path, text("Its header describes the tensor '{tensor}' wrongly.", tensor=clean(name))
        ) from None
    needed = width
    for dim in shape:
        needed *= dim
    if end - begin != needed:
        raise _refused(
            path,
            text(
                "The tensor '{tensor}' needs {needed} bytes, the file holds {held}.",
                tensor=clean(name),
                needed=min(needed, 2**63),
                held=end - begin,
            ),
        )
    return name, shape, dtype, (begin, end)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"'{clean(twice)}' stands twice in its header")
    return found


def _refused(path: Path, why: Text) -> OpenError:
    return OpenError(
        text("'{name}' is no valid safetensors file.", name=shown(path)),
        why,
        text("Download it again, or get it from a source that you trust."),
    )


CONVERTERS.add(
    Described(
        name="safetensors",
        label=text("Safetensors (.safetensors)"),
        help=text("Weights alone; the network's class is asked for."),
    ),
    Safetensors(),
)
