"""The network that weights belong to: a Python file and a class, or a function, in it.

`networks` reads the file without running it; `make` runs it, in the converting process.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.convert.sizes import for_inputs
from core.errors import OpenError
from core.formats.safety import check_file, shown, unreadable
from core.graph.labels import clean
from core.values import InputSize, Networks, text

LIMIT_BYTES = 4 << 20
_CONTAINERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "ema")
"""Keys under which checkpoints keep the weights."""
_PREFIXES = ("module.", "model.", "_orig_mod.", "net.")
"""What wrappers put before each name."""


def networks(path: str, guess: Sequence[InputSize] = ()) -> Networks:
    """Names of the file's classes and functions that may make a network, and what goes in. Raises OpenError.

    `guess`: sizes of the inputs as the weights alone tell them.
    """
    source = Path(path)
    check_file(source)
    try:
        code = source.read_bytes()[: LIMIT_BYTES + 1]
    except OSError as error:
        raise unreadable(source, error) from error
    try:
        if len(code) > LIMIT_BYTES:
            raise ValueError("it is too large")
        tree = ast.parse(code)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise OpenError(
            text("'{name}' is no Python file that can be read.", name=shown(source)),
            text("It says: {reason}", reason=clean(str(error), 200)),
            text("Choose the .py file in which the class of the network is written."),
        ) from error
    modules: list[str] = []
    others: list[str] = []
    inputs: dict[str, tuple[str, ...]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            forward = forward_of(node)
            (others if forward is None else modules).append(node.name)
            if forward is not None:
                inputs[clean(node.name)] = tuple(clean(name) for name in required(forward))
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            others.append(node.name)
    # the whole network mostly stands after its parts
    return Networks(
        path=path,
        names=tuple(clean(name) for name in (*reversed(modules), *others)),
        inputs=inputs,
        sizes={name: for_inputs(guess, found) for name, found in inputs.items()} if guess else {},
    )


def forward_of(node: ast.ClassDef) -> ast.FunctionDef | None:
    """The method that computes; None if the class has none of its own."""
    found = (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "forward")
    return next(found, None)


def required(forward: ast.FunctionDef) -> list[str]:
    """Names of what it must be given, without itself."""
    every = [*forward.args.posonlyargs, *forward.args.args]
    return [one.arg for one in every[: len(every) - len(forward.args.defaults)]][1:]


def make(file: str, network: str) -> Any:
    """Run the file and make the network, in its state for answering. Raises OpenError."""
    call = _parsed(network)
    path = Path(file)
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("architecture_of_the_user", path)
    if spec is None or spec.loader is None:
        raise OpenError(
            text("'{name}' is no Python file that can be read.", name=shown(path)),
            next_step=text("Choose the .py file in which the class of the network is written."),
        )
    module = importlib.util.module_from_spec(spec)
    # classes look their own module up
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    name, arguments, named = call
    maker = getattr(module, name, None)
    if not callable(maker):
        raise OpenError(
            text("There is no class '{network}' in '{name}'.", network=clean(name), name=shown(path)),
            text("It defines {names}.", names=", ".join(networks(file).names[:10]) or "–"),
            text("Give one of these names."),
        )
    return maker(*arguments, **named).eval()


def _parsed(network: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Name and literal arguments of 'Net' or 'Net(10, width=32)'."""
    try:
        node = ast.parse(network.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return node.id, [], {}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            arguments = [ast.literal_eval(one) for one in node.args]
            named = {str(one.arg): ast.literal_eval(one.value) for one in node.keywords}
            return node.func.id, arguments, named
    except (ValueError, SyntaxError):
        pass
    raise OpenError(
        text("'{network}' is no name of a class.", network=clean(network, 100)),
        text("Only a name is understood, and plain values as its arguments."),
        text("Write it like Net or Net(10, width=32)."),
    )


def fill(module: Any, weights: Mapping[str, Any], name: str) -> None:
    """Put the weights into the network. Raises OpenError, naming what does not fit."""
    own = module.state_dict()
    wanted = set(own)
    for candidate in _candidates(weights):
        if set(candidate) == wanted:
            # of the same types they are taken as they are, not copied: large networks would be there twice
            same = all(value.dtype == own[name].dtype for name, value in candidate.items())
            try:
                module.load_state_dict(candidate, assign=same)
            except RuntimeError as error:
                raise _misfit(name, str(error).strip().splitlines()[-1]) from error
            return
    best = max(_candidates(weights), key=lambda one: len(set(one) & wanted))
    missing, unknown = sorted(wanted - set(best)), sorted(set(best) - wanted)
    raise _misfit(name, f"{_listed('-', missing)} {_listed('+', unknown)}".strip())


def _candidates(weights: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tensors as they are named, below the usual keys, and without the usual prefixes."""
    found = [dict(weights)]
    found += [dict(weights[key]) for key in _CONTAINERS if isinstance(weights.get(key), Mapping)]
    found = [tensors for one in found if (tensors := {k: v for k, v in one.items() if hasattr(v, "shape")})]
    for one in list(found):
        for prefix in _PREFIXES:
            if all(key.startswith(prefix) for key in one):
                found.append({key.removeprefix(prefix): value for key, value in one.items()})
    return found or [{}]


def _listed(sign: str, names: Sequence[str]) -> str:
    more = f" … ({len(names)})" if len(names) > 3 else ""
    return f"{sign} {', '.join(clean(name) for name in names[:3])}{more}" if names else ""


def _misfit(name: str, reason: str) -> OpenError:
    return OpenError(
        text("The weights in '{name}' are not those of this network.", name=name),
        text("What is missing (-) or not known to it (+): {reason}", reason=clean(reason, 300)),
        text("Choose the class, and its arguments, with which the weights were trained."),
    )


def parameters(module: Any) -> list[tuple[str, bool]]:
    """Names of what `forward` takes, each with whether it must be given."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = inspect.signature(module.forward).parameters.values()
    return [(one.name, one.default is one.empty) for one in found if one.kind in kinds]
