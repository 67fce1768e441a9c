"""A compressed model says of itself what was done, when, and from which file."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import networks
import numpy as np
import onnx
import onnxruntime
import pytest
from runs import Data

from core import __version__
from core.cli import main
from core.compress import compress
from core.context import Context
from core.evaluate.judge import Judge
from core.export import export
from core.formats import open_model
from core.graph.opened import OpenedModel
from core.readback import card_bytes, read_card
from core.values import LayerPlan, ModelCard, Plan, card_in

PLAN = Plan(defaults=LayerPlan(weight_bits=8))
CARD = ModelCard(
    version="9", made="2026-01-01T00:00:00+00:00", source="a.onnx", source_sha256="ab", before=91.25
)


@pytest.fixture
def opened(tmp_path: Path) -> OpenedModel:
    return open_model(networks.written(networks.cnn(), tmp_path), Context())


def test_an_exported_file_says_where_it_comes_from(opened: OpenedModel, tmp_path: Path) -> None:
    samples = networks.pictures(40)
    names = ("a", "b", "c", "d")
    data = Data({opened.info.inputs[0].name: samples}, np.arange(40) % 4, "classification", names)
    judge = Judge(opened.source, data, Context())
    result = compress(opened, data, judge, PLAN, tmp_path / "work", None, Context())
    out = tmp_path / "out.onnx"
    export(result, out, opened, data, Context())

    card = read_card(out)
    assert card is not None
    assert card.version == __version__ and card.source == "model.onnx"
    assert card.source_sha256 == hashlib.sha256(opened.source.read_bytes()).hexdigest()
    assert card.source_bytes == opened.source.stat().st_size
    made = datetime.datetime.fromisoformat(card.made)
    assert abs((datetime.datetime.now(datetime.UTC) - made).total_seconds()) < 60
    assert '"weight_bits":8' in card.plan
    primary = result.after.primary
    assert primary is not None and (card.metric, card.samples) == ("top1", 40)
    assert card.after == pytest.approx(primary.value, abs=0.01)
    assert card.after_low == pytest.approx(primary.low, abs=0.01)

    # whatever runs the file can read it too, and it is still the network that was judged
    session = onnxruntime.InferenceSession(out)
    assert session.get_modelmeta().custom_metadata_map["secateur.source"] == "model.onnx"
    judged = onnxruntime.InferenceSession(result.artefact)
    feed = {session.get_inputs()[0].name: samples[:4]}
    np.testing.assert_array_equal(session.run(None, feed)[0], judged.run(None, feed)[0])

    # and Secateur knows it again, also through a second compression
    again = open_model(out, Context())
    assert again.info.card == card
    second = compress(again, None, None, Plan(defaults=LayerPlan(sparsity=0.5)), tmp_path, None, Context())
    export(second, tmp_path / "twice.onnx", again, None, Context())
    twice = read_card(tmp_path / "twice.onnx")
    assert twice is not None and twice.source == "out.onnx"
    assert twice.source_sha256 == hashlib.sha256(out.read_bytes()).hexdigest()


def test_the_command_line_shows_it(
    opened: OpenedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compress(opened, None, None, PLAN, tmp_path / "work", None, Context())
    export(result, tmp_path / "out.onnx", opened, None, Context())
    assert main(["info", str(tmp_path / "out.onnx")]) == 0
    shown = capsys.readouterr().out
    assert f"compressed by Secateur {__version__}" in shown and opened.info.sha256 in shown
    assert main(["info", str(opened.source)]) == 0
    assert "compressed by" not in capsys.readouterr().out


def test_a_card_behind_a_file_changes_nothing_else(opened: OpenedModel, tmp_path: Path) -> None:
    plain = opened.source.read_bytes()
    both = onnx.ModelProto.FromString(plain + card_bytes(CARD))
    del both.metadata_props[:]
    assert both == onnx.ModelProto.FromString(plain)


def test_numbers_come_back_from_text() -> None:
    assert CARD.entries()["secateur.before"] == "91.25"
    assert card_in(CARD.entries()) == CARD


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"author": "somebody"},
        {"secateur.version": "1"},
        {**CARD.entries(), "secateur.before": "<b>many</b>"},
    ],
)
def test_what_is_no_card_is_none(entries: dict[str, str]) -> None:
    assert card_in(entries) is None


def test_row_18_a_card_is_plain_text(opened: OpenedModel, tmp_path: Path) -> None:
    hostile = ModelCard(version="1", made="x", source="\u202egpj.<b>\x07", source_sha256="0")
    path = tmp_path / "hostile.onnx"
    path.write_bytes(opened.source.read_bytes() + card_bytes(hostile))
    card = open_model(path, Context()).info.card
    assert card is not None and card.source == "gpj.<b>"
