"""Next token right: share of the tokens that the model would have guessed."""

from __future__ import annotations

from core.evaluate.answers import Subject
from core.evaluate.metrics import METRICS
from core.evaluate.ratio import PlacesRight
from core.values import Described, text


class NextToken(PlacesRight):
    name = "next_token"

    def rank(self, subject: Subject) -> int | None:
        return 10 if subject.task == "language" else None


METRICS.add(
    Described(
        name="next_token",
        label=text("Next token right"),
        help=text("Share of the tokens that the model would have guessed."),
    ),
    NextToken(),
)
