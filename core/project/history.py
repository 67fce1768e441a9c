"""Every plan that was in force, in order: undo and redo survive the end of the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from core.project.coding import pack_plan, unpack_plan
from core.project.connection import Connection
from core.project.errors import explained
from core.project.records import PlanStep

LONGEST = 1000
"""Steps that are given back; older ones stay in the file."""


class Past(NamedTuple):
    """The steps of an undo stack, which of them is in force, and the place of the first."""

    steps: tuple[PlanStep, ...] = ()
    in_force: int = -1
    """Index into `steps`; -1 if there are none."""
    first: int = 0


class History:
    """The steps' places count from 0, the plan before the first edit; one of them is in force."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self) -> Past:
        """What undo and redo can reach."""
        # one statement: the window that edits may be another than the one that reads
        rows = self._connection.read(
            "SELECT place, plan, label, merge_key, made, (SELECT place FROM plan_in_force) FROM plan_step"
            " WHERE place IS NOT NULL ORDER BY place"
        )
        if not rows:
            return Past()
        with explained(self._connection.path):
            steps = tuple(_step(row[:-1]) for row in rows)
            places, force = [row[0] for row in rows], rows[0][-1]
            index = places.index(force) if force in places else len(steps) - 1
        # the place in force is always among those given back
        first = max(0, min(index, len(steps) - LONGEST))
        return Past(steps[first : first + LONGEST], index - first, places[first])

    def save(self, place: int, steps: Sequence[PlanStep], in_force: int, merged: bool = False) -> None:
        """From `place` on the undo stack holds `steps`, and nothing after them.

        What stood there before stays in the file without a place; with `merged` the first of `steps` takes
        the row of what it was merged into.
        """
        with self._connection.transaction() as connection:
            if merged and steps:
                first, *steps = steps
                connection.execute(
                    "UPDATE plan_step SET plan=?, label=?, merge_key=?, made=? WHERE place=?",
                    (pack_plan(first.plan), first.label, first.merge, first.made, place),
                )
                place += 1
            connection.execute("UPDATE plan_step SET place=NULL WHERE place>=?", (place,))
            connection.executemany(
                "INSERT INTO plan_step(place, plan, label, merge_key, made) VALUES (?, ?, ?, ?, ?)",
                [
                    (place + offset, pack_plan(step.plan), step.label, step.merge, step.made)
                    for offset, step in enumerate(steps)
                ],
            )
            connection.execute("INSERT OR REPLACE INTO plan_in_force(id, place) VALUES (1, ?)", (in_force,))

    @property
    def count(self) -> int:
        """How many plans were ever in force."""
        return int(self._connection.read("SELECT count(*) FROM plan_step")[0][0])


def _step(row: tuple[object, ...]) -> PlanStep:
    _, plan, label, merge, made = row
    values = {"plan": unpack_plan(plan), "label": label, "merge": merge, "made": made}
    return msgspec.convert(values, PlanStep)
