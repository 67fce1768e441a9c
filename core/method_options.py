"""From the command line to the steps' parameters: every parameter that the window has a form for.

    --set prune_weights.score=taylor --set compensate.samples=128

`--score`, `--scope`, `--rounds` and `--most-changed` are short for the parameters of pruning.
"""

from __future__ import annotations

import argparse

import msgspec

from core.errors import PlanError
from core.values import Parameter, Plan, text

Value = str | int | float | bool

_SHORT = {
    "score": ("prune_weights.score", "prune_channels.score"),
    "scope": ("prune_weights.scope",),
    "rounds": ("prune_weights.rounds",),
    "most_changed": ("prune_weights.limit",),
}
"""Option -> the parameters that it sets."""


def add_method_options(parser: argparse.ArgumentParser) -> None:
    from core.importance import SCORES

    names = ", ".join(score.name for score in SCORES.descriptions())
    parser.add_argument(
        "--score", metavar="NAME", help=f"what weights and channels that go are chosen by; one of: {names}"
    )
    parser.add_argument(
        "--scope",
        choices=("layer", "network"),
        help="whether --sparsity is each layer's share or decided by one limit on the score over all layers",
    )
    parser.add_argument("--pattern", metavar="N:M", help="N of every M weights stay, such as 2:4 or 1:4")
    parser.add_argument(
        "--threshold", type=float, metavar="T", help="weights whose score is below T go (in the score's unit)"
    )
    parser.add_argument("--rounds", metavar="N", help="prune in N rounds, compensating after each")
    parser.add_argument(
        "--most-changed",
        metavar="P",
        help="stop the rounds when more than P %% of held-out answers differ from the original's",
    )
    parser.add_argument(
        "--set",
        dest="parameters",
        action="append",
        default=[],
        metavar="STEP.NAME=VALUE",
        help="any parameter of a step, as in the window's tab 'Method'; may be given several times",
    )


def with_parameters(plan: Plan, options: argparse.Namespace) -> Plan:
    """The plan with what the options say of the steps' parameters. Raises PlanError, naming what is known."""
    asked = [
        (name, str(value))
        for option, names in _SHORT.items()
        for name in names
        if (value := getattr(options, option, None)) is not None
    ]
    for word in getattr(options, "parameters", None) or ():
        name, found, value = word.partition("=")
        if not found:
            raise PlanError(
                text("'{word}' does not say what is set to what.", word=word),
                next_step=text("Write it as {example}.", example="prune_weights.score=taylor"),
            )
        asked.append((name.strip(), value.strip()))
    methods = {step: dict(settings) for step, settings in plan.methods.items()}
    for name, value in asked:
        step, _, parameter = name.partition(".")
        methods.setdefault(step, {})[parameter] = _value(_declared(step, parameter), name, value)
    return msgspec.structs.replace(plan, methods=methods)


def _declared(step: str, name: str) -> Parameter:
    from core.methods import METHODS

    steps = {described.name: described for described in METHODS.descriptions() if described.parameters}
    if step not in steps:
        raise PlanError(
            text("There is no step '{name}' with parameters.", name=step),
            next_step=text("Choose from: {names}.", names=", ".join(steps)),
        )
    for parameter in steps[step].parameters:
        if parameter.name == name:
            return parameter
    raise PlanError(
        text("The step '{step}' has no parameter '{name}'.", step=step, name=name),
        next_step=text("Choose from: {names}.", names=", ".join(one.name for one in steps[step].parameters)),
    )


def _value(parameter: Parameter, name: str, word: str) -> Value:
    if parameter.kind == "switch":
        words = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
        if word.lower() in words:
            return words[word.lower()]
        raise _impossible(name, word, "on, off")
    if parameter.kind == "choice":
        choices = [choice.name for choice in parameter.choices]
        if word in choices:
            return word
        raise _impossible(name, word, ", ".join(choices))
    low = -float("inf") if parameter.low is None else parameter.low
    high = float("inf") if parameter.high is None else parameter.high
    try:
        number = int(word) if parameter.kind == "integer" else float(word)
    except ValueError:
        raise _impossible(name, word, f"{low:g} ... {high:g}") from None
    if not low <= number <= high:
        raise _impossible(name, word, f"{low:g} ... {high:g}")
    return number


def _impossible(name: str, word: str, names: str) -> PlanError:
    return PlanError(
        text("'{name}' cannot be '{value}'.", name=name, value=word),
        next_step=text("Choose from: {names}.", names=names),
    )
