"""Both weights of a recurrent layer compensated: first W, then R, which also makes good what W broke."""

from __future__ import annotations

import numpy as np

from core.methods._factor import factorise
from core.methods._finished import finished
from core.methods._recurrent import RecurrentForm
from core.methods._wanted import wanted_of
from core.methods.compensate import compensated
from core.methods.hessian import Quadratic
from core.methods.resolve import Step
from core.methods.stored import SideBySide, StoredWeight


def recurrent_swept(
    aim: np.ndarray,
    quadratic: Quadratic,
    form: RecurrentForm,
    step: Step,
    plain: SideBySide,
    thorough: bool = True,
) -> SideBySide:
    """The weights as `step` wants them, near `aim` (groups, rows, inputs + hidden) in what the gates add up.

    With H the second moments of inputs and states together and D what W is off, R of least error is off by
    -D·H_xh·H_hh⁻¹: gates that read the inputs' past in the states can make up for the inputs' weights.
    """
    width = form.width
    mixed, among_states = quadratic.hessian[:, :width, width:], quadratic.hessian[:, width:, width:]
    parts: list[StoredWeight] = []
    goal, hessian = aim[:, :, :width], quadratic.hessian[:, :width, :width]
    for number in range(2):
        own = form.of_part(number)
        wanted = wanted_of(step, own, plain.parts[number], number)
        result, grid = compensated(goal, np.ascontiguousarray(hessian), wanted, thorough)
        parts.append(finished(result, grid, plain.parts[number], own, step))
        if number == 0:
            off = (own.matrices(parts[0].values()) - goal).astype(hessian.dtype)
            hessian = among_states
            made_good = factorise(np.ascontiguousarray(hessian)).solve(off @ mixed)
            goal = (aim[:, :, width:] - made_good).astype(aim.dtype)
    return SideBySide(tuple(parts))
