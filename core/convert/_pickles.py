"""Look into a pickle without running it: which tensors it holds, which classes and functions it names.

Python's unpickler calls whatever the file names. Here only its instructions are read, with `pickletools`, and
followed on a stack of stand-ins: nothing is imported, nothing is called and nothing of the file runs; what
would have been called is written down. Source: the description of the instructions in pickletools.py.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from core.convert._archives import damaged
from core.graph.labels import clean

LIMIT_BYTES = 128 << 20
"""Of a pickle itself; its tensors lie beside it."""
MOST_INSTRUCTIONS = 20_000_000
_LEGACY_HEAD = 3
"""Pickles before the object in files of PyTorch before 1.6: a number, a version, facts of the system."""
_DEEPEST = 40

_STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_TENSORS = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
_PARAMETER = "torch._utils._rebuild_parameter"
_AROUND = (_PARAMETER, "torch.jit._pickle.restore_type_tag")
"""Calls that hand on what they are given first."""
HARMLESS = frozenset(
    {
        "collections.OrderedDict",
        "collections.defaultdict",
        "__builtin__.dict",
        "__builtin__.set",
        "builtins.dict",
        "builtins.set",
        "builtins.int",
        "builtins.list",
        *_TENSORS,
        _PARAMETER,
        "torch._tensor._rebuild_from_type_v2",
        "torch.Size",
        "torch.device",
        "torch.Tensor",
        "torch.nn.parameter.Parameter",
        "torch._C._nn.Parameter",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
        "_codecs.encode",
        *(f"torch.{name}" for name in _STORAGES),
    }
)
"""Names that files of plain weights use."""


class Tensor(NamedTuple):
    name: str
    shape: tuple[int, ...]
    dtype: str


class Contents(NamedTuple):
    tensors: tuple[Tensor, ...]
    """In the order of the file, with the path that leads to each: 'layer1.0.weight'."""
    names: tuple[str, ...]
    """Classes and functions that the file names, but for the harmless ones."""
    is_mapping: bool
    """The whole is a dictionary, as a file of weights is; not an object of some class."""


@dataclass(frozen=True)
class _Name:
    """A class or function that the file names."""

    whole: str


@dataclass
class _Made:
    """What calling `maker` would make: its arguments, and what is put into it afterwards."""

    maker: object
    arguments: object
    state: object = None
    items: list[tuple[object, object]] = field(default_factory=list)


@dataclass(frozen=True)
class _Elsewhere:
    """Something that lies beside the pickle: a tensor's numbers."""

    key: object


def read_pickle(path: Path, ending: str = "data.pkl") -> Contents:
    """What a pickle in a PyTorch archive, or the file itself, holds. Raises OpenError if it is damaged.

    joblib puts bare numbers between the instructions: what it names up to the first is told.
    """
    names: dict[str, None] = {}
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                entry = next(one for one in archive.infolist() if one.filename.endswith(ending))
                if entry.file_size > LIMIT_BYTES:
                    raise ValueError("its list of contents is too large")
                with archive.open(entry) as file:
                    return _contents(io.BytesIO(file.read(LIMIT_BYTES + 1)), names)
        with path.open("rb") as stream:
            return _contents(stream, names)
    except Exception as error:  # a pickle can be wrong in any way
        if any(name.startswith("joblib.") for name in names):
            return Contents((), tuple(clean(name) for name in names), False)
        raise damaged(path, error) from error


def _contents(file: Any, names: dict[str, None]) -> Contents:
    found: object = None
    for _ in range(_LEGACY_HEAD + 1):
        found = _followed(file, names)
        keys = [key for key, _ in found.items] if isinstance(found, _Made) else []
        if not (isinstance(found, int) or "little_endian" in keys):
            break
    tensors: list[Tensor] = []
    _collect(found, "", tensors, 0)
    unknown = tuple(clean(name) for name in names if name not in HARMLESS)
    maker = found.maker if isinstance(found, _Made) else None
    mapping = maker is dict or maker == _Name("collections.OrderedDict")
    return Contents(tuple(tensors), unknown, mapping)


# ---------------------------------------------------------------- the instructions

_MARK = object()


def _followed(file: Any, names: dict[str, None]) -> object:
    """The object that one pickle describes, of stand-ins. `names` gets what it names."""
    stack: list[Any] = []
    memo: dict[int, object] = {}
    argument: Any
    for count, (code, argument, _) in enumerate(pickletools.genops(file)):
        if count > MOST_INSTRUCTIONS:
            raise ValueError("its list of contents is too large")
        name = code.name
        if name == "STOP":
            break
        if name in ("PROTO", "FRAME", "NEXT_BUFFER", "READONLY_BUFFER"):
            continue
        if name == "MARK":
            stack.append(_MARK)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "POP":
            stack.pop()
        elif name == "POP_MARK":
            _above_mark(stack)
        elif name == "DUP":
            stack.append(stack[-1])
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _CONTAINERS:
            stack.append(_Made(_CONTAINERS[name], ()))
        elif name in _FROM_MARK:
            _from_mark(stack, name)
        elif name in _FILLING:
            _fill(stack, name)
        elif name.startswith("TUPLE"):
            width = int(name[5:])
            stack[-width:] = [tuple(stack[-width:])]
        elif name in _CALLS:
            _call(stack, name, argument, names)
        elif name.endswith("PERSID"):
            stack.append(_Elsewhere(argument if name == "PERSID" else stack.pop()))
        elif argument is not None:
            stack.append(argument)
        else:
            raise ValueError(f"unknown instruction {name}")
    return stack.pop()


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_CONTAINERS = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_SET": set}
_FROM_MARK = {"LIST", "DICT", "TUPLE", "FROZENSET"}
_FILLING = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"}
_CALLS = {
    "GLOBAL",
    "STACK_GLOBAL",
    "INST",
    "OBJ",
    "REDUCE",
    "NEWOBJ",
    "NEWOBJ_EX",
    "BUILD",
    "EXT1",
    "EXT2",
    "EXT4",
}


def _above_mark(stack: list[Any]) -> list[Any]:
    """Take everything above the last mark, and the mark."""
    place = len(stack) - 1
    while stack[place] is not _MARK:
        place -= 1
        if place < 0:
            raise ValueError("a mark is missing")
    found = stack[place + 1 :]
    del stack[place:]
    return found


def _from_mark(stack: list[Any], name: str) -> None:
    values = _above_mark(stack)
    if name == "TUPLE":
        stack.append(tuple(values))
    elif name == "DICT":
        stack.append(_Made(dict, (), None, list(zip(values[::2], values[1::2], strict=True))))
    else:
        stack.append(_Made(list, (), None, [(None, value) for value in values]))


def _fill(stack: list[Any], name: str) -> None:
    if name == "SETITEM":
        values = [stack.pop(-2), stack.pop()]
    else:
        values = [stack.pop()] if name == "APPEND" else _above_mark(stack)
    target = stack[-1]
    if not isinstance(target, _Made):
        return
    if name.startswith("SETITEM"):
        target.items += zip(values[::2], values[1::2], strict=True)
    else:
        target.items += ((None, value) for value in values)


def _call(stack: list[Any], name: str, argument: Any, names: dict[str, None]) -> None:
    """What Python would import, call or set up: written down as a stand-in."""
    if name == "GLOBAL":
        stack.append(_named(argument, names))
    elif name == "STACK_GLOBAL":
        inner = stack.pop()
        stack.append(_named(f"{stack.pop()} {inner}", names))
    elif name == "INST":
        arguments = tuple(_above_mark(stack))
        stack.append(_Made(_named(argument, names), arguments))
    elif name == "OBJ":
        maker, *rest = _above_mark(stack)
        stack.append(_Made(maker, tuple(rest)))
    elif name == "BUILD":
        state = stack.pop()
        if isinstance(stack[-1], _Made):
            stack[-1].state = state
    elif name.startswith("EXT"):
        stack.append(_named(f"copyreg extension_{argument}", names))
    else:
        if name == "NEWOBJ_EX":
            stack.pop()
        arguments = stack.pop()
        stack.append(_Made(stack.pop(), arguments))


def _named(place: str, names: dict[str, None]) -> _Name:
    """`place`: module and name, with a blank between them."""
    whole = place.replace(" ", ".", 1)
    names[whole] = None
    return _Name(whole)


# ---------------------------------------------------------------- what it holds


def _collect(value: object, name: str, tensors: list[Tensor], depth: int) -> None:
    """Find the tensors, in the order of the file."""
    if depth > _DEEPEST or len(tensors) > 1_000_000:
        return
    if isinstance(value, tuple):
        for index, inner in enumerate(value):
            _collect(inner, _below(name, index), tensors, depth + 1)
    if not isinstance(value, _Made):
        return
    whole = value.maker.whole if isinstance(value.maker, _Name) else ""
    arguments = value.arguments if isinstance(value.arguments, tuple) else ()
    if whole in _TENSORS:
        tensor = _tensor(name, arguments)
        if tensor is not None:
            tensors.append(tensor)
        return
    if whole in _AROUND:
        _collect(arguments[0] if arguments else None, name, tensors, depth + 1)
        return
    _collect(value.state, name, tensors, depth + 1)
    for index, (key, inner) in enumerate(value.items):
        _collect(inner, _below(name, index if key is None else key), tensors, depth + 1)


def _tensor(name: str, arguments: tuple[object, ...]) -> Tensor | None:
    """From what it would be made of: where its numbers lie, their offset, and its sizes."""
    if len(arguments) < 3:
        return None
    storage, _, size = arguments[:3]
    if isinstance(size, _Made) and isinstance(size.arguments, tuple) and size.arguments:
        size = size.arguments[0]  # torch.Size of a tuple
    if not isinstance(size, tuple) or not all(type(dim) is int for dim in size):
        return None
    key = storage.key if isinstance(storage, _Elsewhere) else None
    kind = key[1] if isinstance(key, tuple) and len(key) > 1 else None
    dtype = _STORAGES.get(kind.whole.rpartition(".")[2], "") if isinstance(kind, _Name) else ""
    return Tensor(clean(name, 120), size, dtype or "float32")


def _below(name: str, key: object) -> str:
    # a module keeps what it is made of in these
    if key in ("_parameters", "_buffers", "_modules", "state_dict", "model_state_dict"):
        return name
    shown = str(key) if isinstance(key, str | int) else "?"
    return f"{name}.{shown}" if name else shown
