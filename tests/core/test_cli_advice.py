"""Advice on the command line: the same rules, told from what a project has measured."""

from __future__ import annotations

import json
from pathlib import Path

import networks
import numpy as np
import pytest

from core.cli import main


def test_advice_is_printed_with_its_evidence_and_its_plan_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = networks.written(networks.cnn(), tmp_path)
    assert main(["advise", str(path), "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("1. Choose samples")
    np.savez(tmp_path / "data.npz", x=networks.pictures(300))
    out = tmp_path / "plan.json"
    common = ["advise", str(path), "--quiet", "--data", str(tmp_path / "data.npz"), "--json"]
    settings = ["--weight-bits", "3", "--activation-bits", "8", "--calibration-count", "20"]
    assert main([*common, *settings, "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["name"] == "hardly_any_data"
    assert json.loads(out.read_text())["defaults"]["weight_bits"] == 8
