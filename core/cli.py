"""The command line: the same jobs as the window, for scripts.

    secateur [FILE]                      open the window
    secateur info | convert | data | evaluate | scores | analyze | plan | blame | advise | compress |
             benchmark | project | report ...

Exit codes: 0 done and verified, 1 failed, 2 bad input, 130 interrupted. Results go to standard output,
progress and errors (one line each) to standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec

from core import __version__
from core import messages as m
from core.cli_advice import add_advise_command
from core.cli_analysis import add_analysis_options, analysed, readable
from core.cli_blame import add_blame_command
from core.cli_convert import (
    add_convert_command,
    add_foreign_options,
    as_onnx,
    origin_lines,
    with_origin,
)
from core.cli_data import add_data_command, add_data_options, settle
from core.cli_goal import add_goal_options
from core.cli_output import card_lines, points_into, print_json, print_outcome, shape_text, write
from core.cli_plan import plan_command, plan_for
from core.cli_report import add_report_command, hand_over
from core.cli_scores import add_scores_command
from core.console import Console, human_bytes
from core.context import Context
from core.errors import (
    Cancelled,
    DataError,
    OpenError,
    PlanError,
    ProjectReadError,
    SecateurError,
)
from core.language import LANGUAGES
from core.method_options import add_method_options
from core.options import add_plan_options, data_spec
from core.values import (
    Benchmark,
    Layer,
    ModelInfo,
    Outcome,
    Result,
    RunPoint,
    text,
)

COMMANDS = (
    "info",
    "data",
    "evaluate",
    "scores",
    "analyze",
    "plan",
    "blame",
    "advise",
    "compress",
    "benchmark",
    "project",
    "convert",
    "report",
)
BAD_INPUT = (OpenError, DataError, PlanError, ProjectReadError)


def main(argv: list[str] | None = None) -> int:
    """Entry point of the command `secateur`."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["--version"]:
        print(f"secateur {__version__}")
        return 0
    if not arguments or (arguments[0] not in COMMANDS and arguments[0] not in ("-h", "--help")):
        return _open_window(arguments)
    options = _parser().parse_args(arguments)
    console = Console(quiet=options.quiet)
    context = Context(on_progress=console.progress, on_partial=console.partial, on_whole=console.whole)
    try:
        if hasattr(options, "model"):
            options.model = as_onnx(options, context, console)
        settle(options, context, console)
        return options.command(options, context, console)
    except Cancelled:
        console.end()
        return 130
    except KeyboardInterrupt:
        context.cancel()
        console.end()
        print("secateur: stopped", file=sys.stderr)
        return 130
    except SecateurError as error:
        console.end()
        print(f"secateur: {error.one_line()}", file=sys.stderr)
        return 2 if isinstance(error, BAD_INPUT) else 1
    except BrokenPipeError:
        # whoever read our output has seen enough; keep Python from complaining when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        console.end()
        print("secateur: There is not enough memory for this step. Use fewer samples.", file=sys.stderr)
        return 1


def _open_window(arguments: list[str]) -> int:
    """Start the window in this process's place; `core` itself knows nothing of Qt."""
    command = [sys.executable, "-m", "gui.app", *arguments]
    os.execv(sys.executable, command)


# ---------------------------------------------------------------- commands


def info_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    from core.formats import open_model

    info = with_origin(open_model(options.model, context).info)
    console.end()
    if options.json:
        print_json(info_as_json(info))
        return 0
    print(f"{info.name}  ONNX opset {info.opset}  {human_bytes(info.size_bytes)}  {info.params:,} parameters")
    for line in origin_lines(info):
        print(f"  {line}")
    for tensor in (*info.inputs, *info.outputs):
        role = "input" if tensor in info.inputs else "output"
        print(f"  {role:6} {tensor.name}  {tensor.dtype}  {shape_text(tensor.shape)}")
    for line in card_lines(info.card):
        print(f"  {line}")
    for sentence in (*info.why_not, *info.warnings):
        print(f"  note: {sentence}")
    print(f"{'layer':40} {'kind':20} {'shape':22} {'params':>12} {'MACs':>14}  notes")
    for layer in info.layers:
        macs = f"{layer.macs:,}" if layer.macs is not None else "unknown"
        notes = " ".join(str(reason) for reason in (*layer.why_not, *layer.warnings))
        shape = "×".join(map(str, layer.shape))
        print(
            f"{layer.label[:40]:40} {layer.kind[:20]:20} {shape:22} {layer.params:>12,} {macs:>14}  {notes}"
        )
    return 0


def info_as_json(info: ModelInfo) -> dict[str, object]:
    """The stable form of `secateur info --json`."""
    document = msgspec.to_builtins(info)
    document.pop("type", None)
    document["layers"] = [_layer_as_json(layer) for layer in info.layers]
    document["why_not"] = [str(reason) for reason in info.why_not]
    document["warnings"] = [str(reason) for reason in info.warnings]
    return document


def _layer_as_json(layer: Layer) -> dict[str, object]:
    document = msgspec.to_builtins(layer)
    document["why_not"] = [str(reason) for reason in layer.why_not]
    document["warnings"] = [str(reason) for reason in layer.warnings]
    return document


def evaluate_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    from core import jobs
    from core.report import outcome_json
    from core.workspace import Workspace

    # nothing is calibrated here: every sample may judge
    data = msgspec.structs.replace(data_spec(options), calibration_count=0)
    request = m.Evaluate(model=options.model, data=data, reference=options.reference, latency=options.latency)
    outcome = jobs.perform(request, Workspace(), context)
    assert isinstance(outcome, Outcome)
    console.end()
    if options.json:
        print_json(outcome_json(outcome))
    else:
        print_outcome(Path(options.model).name, outcome)
    return 0


def analyze_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    from core import jobs
    from core.cli_project import make_project
    from core.workspace import Workspace

    make_project(options.project)
    request = m.Analyze(
        model=options.model,
        data=data_spec(options),
        samples=options.samples,
        project=options.project,
        **analysed(options),
    )
    analysis = jobs.perform(request, Workspace(), context)
    console.end()
    write(Path(options.out), msgspec.json.format(msgspec.json.encode(readable(analysis)), indent=2))
    print(f"analysis written to {options.out}")
    return 0


def compress_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    from core import jobs
    from core.cli_project import make_project, take_snapshot
    from core.workspace import Workspace

    destination = Path(options.out)
    if destination.suffix.lower() != ".onnx":
        raise PlanError(
            text("'{name}' does not end in .onnx.", name=destination.name),
            text("Secateur writes ONNX files."),
            text("Give --out a name that ends in .onnx."),
        )
    make_project(options.project)
    workspace = Workspace()
    request = m.Compress(
        model=options.model,
        data=data_spec(options),
        plan=plan_for(options, workspace, context),
        project=options.project,
        judge_steps=options.each_layer,
        step_samples=options.samples,
    )
    points: list[RunPoint] = []
    result = jobs.perform(request, workspace, context.keeping(points_into(points)))
    assert isinstance(result, Result)
    exported = hand_over(request, result, points, options, workspace, context)
    if options.project:
        take_snapshot(options.project, options.snapshot or destination.name, result, exported)
    console.end()
    print_outcome("before", result.before)
    print_outcome("after", result.after)
    for note in result.notes:
        print(f"note: {note}")
    for warning in exported.warnings:
        if warning not in result.notes:
            print(f"warning: {warning}")
    print(f"written and verified: {exported.path}")
    for path in options.report:
        print(f"report: {path}")
    return 0


def project_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    from core.cli_project import project_json, project_lines
    from core.project import Project

    project = Project(options.project, create=False, read_only=True, thorough=True)
    try:
        if options.json:
            print_json(project_json(project))
        else:
            for line in project_lines(project):
                print(line)
    finally:
        project.close()
    return 0


def benchmark_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    from core import jobs
    from core.workspace import Workspace

    request = m.RunBenchmark(
        models=(options.model, *options.other), batch=options.batch, threads=options.threads
    )
    benchmark = jobs.perform(request, Workspace(), context)
    assert isinstance(benchmark, Benchmark)
    console.end()
    if options.json:
        print_json(msgspec.to_builtins(benchmark))
        return 0
    for row in benchmark.rows:
        latency = row.latency
        print(
            f"{row.path}: {latency.median_ms:.3f} ms (5-95 %: {latency.low_ms:.3f}-{latency.high_ms:.3f}), "
            f"{latency.threads} threads, batch {latency.batch}, {human_bytes(row.size_bytes)}, "
            f"{row.ratio:.2f}x the speed of the first"
        )
    return 0


# ---------------------------------------------------------------- options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="secateur",
        description="Makes neural networks smaller and faster. Without a command it opens the window.",
    )
    parser.add_argument("--version", action="version", version=f"secateur {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--quiet", action="store_true", help="no progress")
    common.add_argument("model", metavar="MODEL", help="an ONNX file, or one of PyTorch or Keras")
    add_foreign_options(common)
    data = argparse.ArgumentParser(add_help=False)
    add_data_options(data)
    project = argparse.ArgumentParser(add_help=False)
    project.add_argument(
        "--project", metavar="FILE", help="keep everything that is found here and reuse it; made if missing"
    )

    info = commands.add_parser("info", parents=[common], help="layers, shapes and costs")
    info.add_argument("--json", action="store_true")
    info.set_defaults(command=info_command)

    add_data_command(commands, [common, data])

    evaluate = commands.add_parser("evaluate", parents=[common, data], help="accuracy, size and latency")
    evaluate.add_argument("--reference", metavar="MODEL", help="compare with this model's answers")
    evaluate.add_argument("--no-latency", dest="latency", action="store_false")
    evaluate.add_argument("--json", action="store_true")
    evaluate.set_defaults(command=evaluate_command)

    analyze = commands.add_parser(
        "analyze", parents=[common, data, project], help="what each layer can spare"
    )
    analyze.add_argument(
        "--samples", type=_positive, default=512, metavar="N", help="judging samples a point"
    )
    add_analysis_options(analyze)
    analyze.add_argument("--out", required=True, metavar="A.json")
    analyze.set_defaults(command=analyze_command)

    compress = commands.add_parser("compress", parents=[common, data, project], help="compress and export")
    add_plan_options(compress)
    compress.add_argument(
        "--samples", type=_positive, default=500, metavar="N", help="for the steps' accuracy"
    )
    compress.add_argument("--each-layer", action="store_true", help="measure the accuracy after each layer")
    compress.add_argument("--out", required=True, metavar="OUT.onnx")
    compress.add_argument(
        "--report",
        metavar="R.html|R.json",
        action="append",
        default=[],
        help="the account of it: a page for people (.html) or JSON; may be given more than once",
    )
    compress.add_argument("--language", choices=sorted(LANGUAGES), default="en", help="of a page")
    compress.add_argument(
        "--snapshot", metavar="NAME", help="under which --project keeps plan and figures; else that of --out"
    )
    compress.set_defaults(command=compress_command)

    add_goal_options(compress)
    add_method_options(compress)
    add_scores_command(commands, common)

    plans = commands.add_parser(
        "plan", parents=[common, data, project], help="the curve of best plans, and the best for a goal"
    )
    plans.add_argument("--samples", type=_positive, default=512, metavar="N", help="judging samples a point")
    plans.add_argument("--pareto", metavar="P.json", help="write the curve of best plans here")
    plans.add_argument("--out", metavar="PLAN.json", help="write the plan for the goal here")
    add_goal_options(plans)
    plans.set_defaults(command=plan_command)

    add_blame_command(commands, [common, data, project])
    add_advise_command(commands, [common, project])
    add_report_command(commands)

    benchmark = commands.add_parser("benchmark", parents=[common], help="latency, in turns")
    benchmark.add_argument("other", nargs="*", metavar="OTHER")
    benchmark.add_argument("--batch", type=_positive, default=1)
    benchmark.add_argument("--threads", type=_positive)
    benchmark.add_argument("--json", action="store_true")
    benchmark.set_defaults(command=benchmark_command)

    add_convert_command(commands, common)
    show = commands.add_parser("project", help="what is in a project file")
    show.add_argument("project", metavar="FILE")
    show.add_argument("--json", action="store_true")
    show.set_defaults(command=project_command, quiet=True)
    return parser


def _positive(argument: str) -> int:
    value = int(argument)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
