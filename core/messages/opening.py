"""Requests that open what is worked on: models, data, files of other frameworks."""

from __future__ import annotations

from typing import Literal

from core.messages.request import OnModel, Request
from core.values import DataSpec, InputSize, Recipe


class Describe(Request, frozen=True, kw_only=True, tag=True):
    """-> Catalogue."""


class OpenModel(Request, frozen=True, kw_only=True, tag=True):
    """-> ModelInfo; Graphs and GraphGroups as Partial. Or Foreign: ask, then send it with a recipe."""

    model: str
    recipe: Recipe | None = None
    """For a file of another framework, which is turned into ONNX first."""
    first: Literal["layers", "nodes"] = "layers"
    """The drawing that is looked at: a large graph takes a second for each."""


class ReadArchitecture(Request, frozen=True, kw_only=True, tag=True):
    """-> Networks: what a Python file defines. It is read, not run."""

    path: str
    guess: tuple[InputSize, ...] = ()
    """What goes in, as the weights alone say; the answer has it for each network."""


class LayOut(OnModel, frozen=True, kw_only=True, tag=True):
    """-> Graph with these groups closed. Answered beside a long job, at once."""

    detail: Literal["layers", "nodes"]
    closed: tuple[str, ...]
    """Ids of `GraphGroups`; a group inside another one needs no mention."""


class OpenData(Request, frozen=True, kw_only=True, tag=True):
    """-> DataInfo."""

    model: str
    data: DataSpec


class CheckData(Request, frozen=True, kw_only=True, tag=True):
    """-> DataCheck: whether the guesses about the data bear out when the model is run on labelled samples."""

    model: str
    data: DataSpec
