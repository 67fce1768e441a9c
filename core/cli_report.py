"""The command 'report': the account of a run that a project remembers, as a page or as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core import messages as m
from core.cli_output import write
from core.console import Console
from core.context import Context
from core.errors import PlanError, ProjectReadError
from core.language import LANGUAGES
from core.project import Project
from core.values import Comparison, DataInfo, Exported, Measurement, Result, RunPoint, text

if TYPE_CHECKING:
    from core.workspace import Workspace


def hand_over(
    request: m.Compress,
    result: Result,
    points: Sequence[RunPoint],
    options: argparse.Namespace,
    workspace: Workspace,
    context: Context,
) -> Exported:
    """Write the result to --out, with the reports that were asked for. Raises as the jobs do."""
    from core import jobs
    from core.report import is_page
    from core.result_jobs import export_to

    reports = [Path(path) for path in options.report]
    if any(is_page(path) for path in reports) and request.data is not None:
        # a page shows the samples whose answer changed: they are found now, and kept for it
        jobs.perform(
            m.Compare(
                model=request.model,
                data=request.data,
                artefact=result.artefact,
                sha256=result.sha256,
                project=request.project,
            ),
            workspace,
            context,
        )
    export = m.Export(
        result=result,
        model=request.model,
        data=request.data,
        destination=options.out,
        language=options.language,
        points=tuple(points),
        project=request.project,
    )
    return export_to(export, reports, workspace, context)


def report_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    """Of the last finished run, or of the one named by its number. Raises SecateurError."""
    from core.recording import recorded_points
    from core.report import Account, Told, card_of, report_of
    from core.sources import model_changed
    from core.workspace import Workspace

    project = Project(options.project, create=False, read_only=True)
    try:
        runs = [run for run in project.runs.all() if run.result is not None]
        if options.run is not None:
            runs = [run for run in runs if run.id == options.run]
        model = project.references.model
        if not runs or model is None:
            raise PlanError(
                text("The project holds no such finished run."),
                text("Only what was carried out to its end can be told of."),
                text("See what is in it with: secateur project {path}", path=str(project.path)),
            )
        run = runs[-1]
        assert run.result is not None
        path = options.original or model.path
        opened = Workspace().opened(path, context)
        if opened.info.sha256 != run.model_sha256:
            raise model_changed(path)
        data = _data_of(project, run.data_sha256, run.result.after.primary)
        told = Told(
            points=tuple(value for value in run.partials if isinstance(value, RunPoint)),
            alone=recorded_points(project, opened.info, data) if data is not None else (),
            comparison=_compared(project, data, run.result),
            language=options.language,
        )
        account = Account(
            result=run.result,
            opened=opened,
            name=f"{opened.source.stem}-secateur.onnx",
            sha256=run.result.sha256,
            card=card_of(run.result, opened, data),
            layers=run.result.layers,
            data=data,
            told=told,
        )
        console.end()
        for out in options.out:
            write(Path(out), report_of(account, Path(out)))
            print(f"report: {out}")
    finally:
        project.close()
    return 0


def _data_of(project: Project, data_sha256: str, judged: Measurement | None) -> DataInfo | None:
    """What the project knows of the samples, without reading them; None if the run was on others."""
    try:
        known = project.references.data
    except ProjectReadError:
        return None
    if known is None or known.sha256 != data_sha256:
        return None
    return DataInfo(
        spec=known.spec,
        sha256=known.sha256,
        kind=known.spec.kind,
        task="unlabelled",
        sample_count=known.sample_count,
        calibration_count=known.spec.calibration_count,
        judge_count=judged.count if judged is not None else 0,
    )


def add_report_command(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("report", help="the account of a finished run, from its project")
    parser.add_argument("project", metavar="FILE")
    parser.add_argument("--run", type=int, metavar="N", help="its number in the project; else the last one")
    parser.add_argument("--original", metavar="MODEL", help="where the original lies now, if it was moved")
    parser.add_argument("--language", choices=sorted(LANGUAGES), default="en", help="of a page")
    parser.add_argument(
        "--out", required=True, action="append", metavar="R.html|R.json", help="may be given more than once"
    )
    parser.set_defaults(command=report_command, quiet=True)


def _compared(project: Project, data: DataInfo | None, result: Result) -> Comparison | None:
    """What the result changed, if that was looked at."""
    from core.compare import kept_comparison

    return kept_comparison(project, data, result.sha256) if data is not None else None
