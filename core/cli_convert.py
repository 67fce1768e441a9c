"""Files of other frameworks: every command takes them, `secateur convert` hands the ONNX file out."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec
import platformdirs

from core.console import Console
from core.context import Context
from core.convert.conversion import must_name_architecture, must_trust, origin_of, resolve
from core.convert.sizes import parsed
from core.convert.to_torch import ENDING, write_program
from core.errors import ExportError, PlanError
from core.evaluate.size import model_files
from core.files import PREFIX, move_into_place
from core.values import Foreign, ModelInfo, Recipe, text


def add_foreign_options(parser: argparse.ArgumentParser) -> None:
    """What `as_onnx` reads."""
    group = parser.add_argument_group("models of PyTorch and Keras")
    group.add_argument(
        "--trust", action="store_true", help="the code in the file, or in --architecture, may run"
    )
    group.add_argument(
        "--input",
        action="append",
        metavar="SIZE",
        help="size of an input, like 1x3x224x224 or 1x16:int64; once for each input; guessed without it",
    )
    group.add_argument(
        "--architecture",
        metavar="FILE.py:CLASS",
        help="the network that weights belong to, with arguments where it needs them: 'net.py:Net(10)'",
    )


def as_onnx(options: argparse.Namespace, context: Context, console: Console) -> str:
    """The path of an ONNX file for `options.model`, converted if need be; what came of it on standard error.

    Raises OpenError and its kinds if the file needs trust, an architecture or sizes that were not given.
    """
    cache_dir = platformdirs.user_cache_path("secateur")
    found = resolve(options.model, _recipe(options), cache_dir, context)
    if isinstance(found, Foreign):
        raise must_name_architecture(found) if found.needs_architecture else must_trust(found)
    origin = origin_of(found, cache_dir)
    if origin is not None and not options.quiet:
        console.end()
        print(str(origin.summary), file=sys.stderr)
    return str(found)


def with_origin(info: ModelInfo) -> ModelInfo:
    """A model that was converted goes by the file that the person has, and by the framework that made it."""
    origin = origin_of(info.path, platformdirs.user_cache_path("secateur"))
    if origin is None:
        return info
    return msgspec.structs.replace(info, origin=origin, name=origin.name, producer=str(origin.label))


def origin_lines(info: ModelInfo) -> list[str]:
    """What `secateur info` says of where a converted model comes from."""
    origin = info.origin
    if origin is None:
        return []
    made = [f"        {origin.made}"] if origin.made is not None else []
    return [f"from    {origin.name} ({origin.label})  SHA-256 {origin.sha256}", *made]


def _recipe(options: argparse.Namespace) -> Recipe | None:
    """None: nothing was said."""
    if not (options.trust or options.input or options.architecture):
        return None
    # a drive's letter has a colon too; arguments may have any
    file, separator, network = (options.architecture or "").partition(".py:")
    if options.architecture and not network:
        raise PlanError(
            text("'{given}' names no class.", given=options.architecture[:200]),
            text("Both the Python file and the class in it are needed."),
            text("Write it like net.py:Net or 'net.py:Net(10, width=32)'."),
        )
    return Recipe(
        trusted=options.trust,
        inputs=tuple(size for line in options.input or () for size in parsed(line)),
        architecture=str(Path(file + ".py").absolute()) if separator else "",
        network=network,
    )


def convert_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    """Hand out the ONNX file, with its external data if it has any; or a PyTorch program made of it."""
    source, destination = Path(options.model), Path(options.out)
    if destination.suffix.lower() == ENDING:
        written = write_program(source, destination, context)
        console.end()
        print(f"written and verified: {destination} (largest difference {written.difference:.2g})")
        for note in written.notes()[1:]:
            print(note)
        return 0
    if destination.suffix.lower() != ".onnx":
        raise PlanError(
            text("'{name}' does not end in .onnx.", name=destination.name),
            text("Secateur writes ONNX files, and PyTorch programs (.pt2)."),
            text("Give --out a name that ends in .onnx or .pt2."),
        )
    try:
        for file in reversed(model_files(source)):
            target = destination if file == source else destination.parent / file.name
            with (
                tempfile.NamedTemporaryFile(
                    prefix=PREFIX, suffix=".tmp", dir=target.parent, delete=False
                ) as made,
                file.open("rb") as reader,
            ):
                shutil.copyfileobj(reader, made)
            move_into_place(Path(made.name), target)
    except OSError as error:
        raise ExportError(
            text("'{name}' could not be written.", name=destination.name),
            text("The system says: {reason}", reason=error.strerror or str(error)),
            text("Choose another place, then export again."),
        ) from error
    console.end()
    print(f"written: {destination}")
    return 0


def add_convert_command(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    command = commands.add_parser(
        "convert", parents=[common], help="turn a model into an ONNX file, or into a PyTorch program"
    )
    command.add_argument("--out", required=True, metavar="OUT.onnx | OUT.pt2")
    command.set_defaults(command=convert_command)
