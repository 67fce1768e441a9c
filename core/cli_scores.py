"""The command 'scores': how important each layer's weights and channels are, by one score."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np

from core.cli_output import print_json
from core.console import Console
from core.context import Context
from core.errors import PlanError
from core.options import data_spec
from core.values import Text, text

if TYPE_CHECKING:
    from core.scoring import Scoring


def scores_command(options: argparse.Namespace, context: Context, console: Console) -> int:
    """Prints a line for each layer; with --json all channel scores. Raises as measuring a score does."""
    from core.importance import SCORES
    from core.scoring import Scoring
    from core.workspace import Workspace

    workspace = Workspace()
    opened = workspace.opened(options.model, context)
    data = workspace.data(options.model, data_spec(options), context) if options.data else None
    known = {layer.id: layer for layer in opened.info.layers}
    for name in options.layer:
        if name not in known:
            raise PlanError(
                text("The model has no layer '{layer}'.", layer=name),
                next_step=text("'secateur info' lists the layers."),
            )
    scoring = Scoring(opened, data)
    layers = list(options.layer or known)
    scoring.measure(layers, options.score, context)
    console.end()
    rows = [_row(scoring, layer_id, options.score, options.seed) for layer_id in layers]
    described = next(each for each in SCORES.descriptions() if each.name == options.score)
    if options.json:
        print_json({"score": described.name, "unit": str(described.unit), "layers": rows})
        return 0
    print(f"{described.label}: {described.help}")
    print(f"in {described.unit}")
    print(f"{'layer':40} {'weights':>10} {'least':>11} {'median':>11} {'largest':>11} {'channels':>9}  notes")
    for row in rows:
        numbers = " ".join(f"{row[name]:>11.4g}" for name in ("least", "median", "largest"))
        channels = row["channels"]
        assert isinstance(channels, list)
        label = str(row["label"])[:40]
        print(f"{label:40} {row['weights']:>10,} {numbers} {len(channels):>9,}  {row['note'] or ''}")
    return 0


def _row(scoring: Scoring, layer_id: str, name: str, seed: int) -> dict[str, object]:
    from core.importance import SCORES
    from core.scoring import score_named

    scored = scoring.scored(layer_id, name, seed)
    score, reason = score_named(name), score_named(name).why_not(scored)
    if reason is not None:
        score = SCORES.get("magnitude")
    channels = score.channels(scored)
    arrays, _ = scoring.weights(layer_id, name, seed)
    values = np.concatenate([array.reshape(-1) for array in arrays])
    note: Text | None = reason or channels.note
    return {
        "id": layer_id,
        "label": scored.layer.label,
        "score": name if reason is None else "magnitude",
        "weights": int(values.size),
        "least": float(values.min(initial=np.inf)),
        "median": float(np.median(values)),
        "largest": float(values.max(initial=-np.inf)),
        "channels": [float(value) for value in channels.values],
        "note": None if note is None else str(note),
    }


def add_scores_command(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    from core.importance import SCORES

    names = ", ".join(score.name for score in SCORES.descriptions())
    scores = commands.add_parser("scores", parents=[common], help="how important weights and channels are")
    scores.add_argument("--score", default="magnitude", metavar="NAME", help=f"one of: {names}")
    scores.add_argument("--layer", action="append", default=[], metavar="ID", help="only this; repeatable")
    scores.add_argument("--data", metavar="D", help="samples, for the scores that look at them")
    scores.add_argument("--calibration-data", metavar="D", help="separate samples to look at")
    scores.add_argument("--preprocess", metavar="P", help="JSON object or file; guessed without it")
    scores.add_argument("--label-column", metavar="NAME", help="of a table")
    scores.add_argument("--calibration-count", type=int, default=256, metavar="N", help="samples to look at")
    scores.add_argument("--seed", type=int, default=0, help="of samples and of the score 'random'")
    scores.add_argument("--json", action="store_true", help="with the score of every channel")
    scores.set_defaults(command=scores_command, limit=None)
