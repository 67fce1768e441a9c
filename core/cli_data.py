"""The command 'data' and the options that say which samples: what was found, and whether it bears out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import get_args

import msgspec

from core import messages as m
from core.cli_output import print_json
from core.console import Console, describe
from core.context import Context
from core.options import data_spec, label_order_json, preprocess_json
from core.values import DataCheck, DataInfo, Task

AUTO = "auto"
SHOWN_SCORES = 8


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """What `data_spec` reads."""
    parser.add_argument(
        "--data",
        required=True,
        metavar="D",
        help="a folder of pictures (by class, with masks or a table), of .wav or of .npz requests; "
        ".csv, .parquet, .npz, .npy, COCO .json; or 'random'",
    )
    parser.add_argument("--calibration-data", metavar="D", help="separate samples for calibration")
    parser.add_argument(
        "--preprocess",
        metavar="P",
        help="JSON object or file; guessed without it; 'auto': the usual ones are tried on labelled samples "
        "and one that is clearly better than the guess is taken",
    )
    parser.add_argument("--label-column", metavar="NAME", help="of a table")
    parser.add_argument(
        "--label-order",
        metavar="O",
        help="for each class of the data the model's output that stands for it, such as 2,0,1; "
        "'auto': looked for, and taken if it is clearly better",
    )
    parser.add_argument(
        "--task", choices=get_args(Task), help="what the answers are judged as; guessed without it"
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most N judging samples")
    parser.add_argument(
        "--calibration-count", type=_positive, default=256, metavar="N", help="samples that only calibrate"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides which samples do what")


def settle(options: argparse.Namespace, context: Context, console: Console) -> None:
    """Put what is found by trying in the place of 'auto', and say so. Raises as opening data does."""
    wanted = [name for name in ("preprocess", "label_order") if getattr(options, name, None) == AUTO]
    if not wanted:
        return
    for name in wanted:
        setattr(options, name, None)
    check, _ = _checked(options, context)
    console.end()
    if "preprocess" in wanted:
        chosen = check.proposed.preprocess if check.proposed is not None else check.spec.preprocess
        if chosen is not None:
            options.preprocess = preprocess_json(chosen)
        for line in _score_lines(check)[:2]:
            console.say(line)
    if "label_order" in wanted and check.order is not None:
        options.label_order = label_order_json(check.order.order)
        console.say(_order_line(check))


def data_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    """What was found in the data and guessed; for labelled samples what the model makes of it."""
    check, info = _checked(options, context)
    console.end()
    if options.json:
        document = msgspec.to_builtins(check)
        found = msgspec.to_builtins(info)
        found.pop("preview_png")
        for name in ("guessed", "warnings", "skipped"):
            found[name] = [str(sentence) for sentence in getattr(info, name)]
        for entry in (*document["scores"], *([document["proposed"]] if check.proposed else [])):
            entry["name"] = str(msgspec.convert(entry["name"], type=type(check.scores[0].name)))
        print_json({"data": found, "check": document})
        return 0
    counts = f"{info.calibration_count:,} to calibrate, {info.judge_count:,} to judge"
    print(f"{info.kind}, {info.task}: {info.sample_count:,} samples, {counts}")
    if info.class_names:
        print("classes: " + ", ".join(info.class_names[:20]) + (", …" if len(info.class_names) > 20 else ""))
    for sentence in info.guessed:
        print(f"  {sentence}")
    for sentence in info.warnings:
        print(f"  warning: {sentence}")
    for row in info.preview_rows:
        print("  | " + " | ".join(row[:12]))
    for line in _score_lines(check):
        print(line)
    if check.proposed is not None:
        print(f"better: --preprocess '{preprocess_json(check.proposed.preprocess)}' (or --preprocess auto)")
    if check.order is not None:
        print(_order_line(check))
        order = label_order_json(check.order.order)
        print(f"better: --label-order {order if len(order) < 200 else AUTO}")
    return 0


def _checked(options: argparse.Namespace, context: Context) -> tuple[DataCheck, DataInfo]:
    from core import jobs
    from core.workspace import Workspace

    workspace = Workspace()
    spec = data_spec(options)
    info = workspace.data(options.model, spec, context).info
    check = jobs.perform(m.CheckData(model=options.model, data=spec), workspace, context)
    assert isinstance(check, DataCheck)
    return check, info


def _score_lines(check: DataCheck) -> list[str]:
    """'CIFAR-10 mean and std gives accuracy 86.7 % …', the best first, the one in force marked."""
    lines = []
    for place, score in enumerate(check.scores):
        if place < SHOWN_SCORES or score.current:
            mark = "  (as it is prepared now)" if score.current else ""
            lines.append(f"{score.name} gives {describe(score.accuracy)}{mark}")
    return lines


def _order_line(check: DataCheck) -> str:
    order = check.order
    assert order is not None
    moved = ", ".join(f"'{name}' is output '{output}'" for name, output in order.moved)
    return (
        f"the classes are in another order than the model's outputs: {moved} …: "
        f"{describe(order.after)} instead of {describe(order.before)}"
    )


def add_data_command(
    commands: argparse._SubParsersAction, parents: Sequence[argparse.ArgumentParser]
) -> None:
    data = commands.add_parser(
        "data", parents=list(parents), help="what is in the data, and whether the guesses fit the model"
    )
    data.add_argument("--json", action="store_true")
    data.set_defaults(command=data_command)


def _positive(argument: str) -> int:
    value = int(argument)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
