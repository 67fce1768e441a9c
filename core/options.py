"""From the command line's options to values: which data, which plan."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from core.data.preprocess import parse_preprocess
from core.errors import DataError, PlanError
from core.method_options import with_parameters
from core.presets import PRESETS
from core.values import FLOAT_BITS, DataSpec, LayerPlan, Plan, Preprocess, text
from core.values.plan import GRANULARITIES

_OPTIONS = {"symmetric": "--asymmetric"}
"""Settings whose option has another name."""


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """What `plan_of` reads: --plan, --preset, or the settings of every layer, and --steps."""
    parser.add_argument("--plan", metavar="P.json", help="a plan, instead of the settings below")
    parser.add_argument("--preset", metavar="NAME", help="one of: " + ", ".join(p.name for p in PRESETS))
    parser.add_argument("--sparsity", type=float, metavar="S", help="share of zeros in every layer, 0 to 1")
    parser.add_argument(
        "--global",
        dest="spread",
        action="store_true",
        help="--sparsity counts for the network as a whole; below 8 bits a tenth of the weights may keep 8",
    )
    parser.add_argument("--weight-bits", type=int, metavar="B", help="32, 16 (float16), or 8 to 2")
    parser.add_argument(
        "--clusters", type=int, metavar="K", help="weights become one of K shared values a layer, 2 to 256"
    )
    parser.add_argument("--activation-bits", type=int, metavar="B", help="32, 16 or 8")
    parser.add_argument(
        "--granularity",
        choices=GRANULARITIES,
        help="what shares a scale: all of a weight, a channel, a block",
    )
    parser.add_argument("--block-size", type=int, metavar="N", help="weights of a block, 16 to 256 (32)")
    parser.add_argument(
        "--asymmetric", action="store_true", help="grids of weights with a zero point, for lopsided weights"
    )
    parser.add_argument(
        "--steps", metavar="A,B,C", help="the steps on the whole network in this order, instead of the plan's"
    )


def data_spec(options: argparse.Namespace) -> DataSpec:
    """From the options of `cli_data.add_data_options`. Raises DataError."""
    preprocess: Preprocess | None = parse_preprocess(options.preprocess) if options.preprocess else None
    return DataSpec(
        path=options.data,
        calibration_path=options.calibration_data,
        preprocess=preprocess,
        label_column=options.label_column,
        calibration_count=options.calibration_count,
        judge_count=options.limit,
        seed=options.seed,
        task=getattr(options, "task", None) or "",
        label_order=_label_order(getattr(options, "label_order", None)),
    )


def _label_order(words: str | None) -> tuple[int, ...]:
    """'2,0,1' -> (2, 0, 1). Raises DataError."""
    try:
        return tuple(int(part) for part in words.split(",")) if words else ()
    except ValueError as error:
        raise DataError(
            text("The order of the classes is '{words}'.", words=(words or "")[:100]),
            text("It is the model's output for each class of the data: whole numbers with commas between."),
            text("Write it like this: {example}", example="2,0,1"),
        ) from error


def label_order_json(order: tuple[int, ...]) -> str:
    """As `--label-order` takes it."""
    return ",".join(map(str, order))


def preprocess_json(preprocess: Preprocess) -> str:
    """As `--preprocess` takes it: what is left open is left out."""
    given = {name: value for name, value in msgspec.to_builtins(preprocess).items() if value}
    return msgspec.json.encode(given).decode()


def plan_of(options: argparse.Namespace) -> Plan:
    """From --plan, --preset or the settings, and --steps over all of them. Raises PlanError."""
    plan = with_parameters(_plan_of(options), options)
    if not options.steps:
        return plan
    order = tuple(name.strip() for name in options.steps.split(",") if name.strip())
    return msgspec.structs.replace(plan, order=order)


def _plan_of(options: argparse.Namespace) -> Plan:
    settings = {
        "sparsity": options.sparsity,
        "pattern": getattr(options, "pattern", None),
        "threshold": getattr(options, "threshold", None),
        "weight_bits": options.weight_bits,
        "clusters": options.clusters,
        "activation_bits": options.activation_bits,
        "granularity": options.granularity or ("block" if options.block_size is not None else None),
        "block_size": options.block_size,
        "symmetric": False if options.asymmetric else None,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    if options.clusters and options.weight_bits is not None:
        raise PlanError(
            text("--clusters and --weight-bits exclude each other."),
            text("The number of shared values says how many bits a weight takes."),
            text("Leave out one of the two."),
        )
    if options.plan:
        if given:
            raise PlanError(
                text(
                    "--plan and {option} exclude each other.",
                    option=_OPTIONS.get(next(iter(given)), "--" + next(iter(given)).replace("_", "-")),
                ),
                text("The plan already says what each layer gets."),
                text("Put the setting into the plan's defaults."),
            )
        try:
            return msgspec.json.decode(Path(options.plan).read_bytes(), type=Plan)
        except OSError as error:
            raise PlanError(
                text("The plan '{path}' cannot be read.", path=options.plan),
                text("{reason}", reason=error.strerror or str(error)),
                text("Check the path."),
            ) from error
        except msgspec.MsgspecError as error:
            raise PlanError(
                text("'{path}' is not a plan.", path=options.plan),
                text("{reason}", reason=str(error)),
                text("A plan looks like {example}.", example='{"defaults": {"weight_bits": 8}}'),
            ) from error
    if options.preset:
        preset = next((one for one in PRESETS if one.name == options.preset), None)
        if preset is None:
            raise PlanError(
                text("There is no preset '{name}'.", name=options.preset),
                next_step=text("Choose one of: {names}.", names=", ".join(one.name for one in PRESETS)),
            )
        layers = LayerPlan(**given).over(preset.defaults)
        return Plan(defaults=layers, methods=preset.methods, order=preset.order)
    if not given.keys() & {"sparsity", "pattern", "threshold", "weight_bits", "activation_bits", "clusters"}:
        given |= {"weight_bits": 8, "activation_bits": 8}
    defaults = {"sparsity": 0.0, "weight_bits": FLOAT_BITS, "activation_bits": FLOAT_BITS} | given
    methods: dict[str, dict[str, str | int | float | bool]] = (
        {"allocate": {"on": True}} if options.spread else {}
    )
    return Plan(defaults=LayerPlan(**defaults), methods=methods)
