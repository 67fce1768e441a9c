"""Goals on the command line: how they are read, and that the file keeps to them."""

from __future__ import annotations

import json

import onnxruntime
import pytest

from core.cli import main
from core.cli_goal import bytes_of, milliseconds_of
from core.errors import PlanError


def test_sizes_and_times_as_people_write_them():
    assert bytes_of("5MB") == 5_000_000
    assert bytes_of(" 1.5 MiB") == 1_572_864
    assert bytes_of("900kB") == 900_000
    assert bytes_of("1234") == 1234
    assert milliseconds_of("3ms") == 3.0
    assert milliseconds_of("0.5s") == 500.0
    for wrong in ("five", "5 parsecs", ""):
        with pytest.raises(PlanError, match="no size"):
            bytes_of(wrong)
    with pytest.raises(PlanError, match="no time"):
        milliseconds_of("soon")


def test_a_file_for_a_goal_and_the_curve_it_lies_on(digits_resnet, digits, tmp_path, capsys):
    out, project, pareto = tmp_path / "o.onnx", tmp_path / "p.secateur", tmp_path / "p.json"
    common = [str(digits_resnet), "--data", str(digits), "--quiet", "--project", str(project)]
    assert main(["compress", *common, "--max-size", "60%", "--out", str(out)]) == 2
    assert "no size" in capsys.readouterr().err
    goal = int(0.3 * digits_resnet.stat().st_size)
    assert main(["compress", *common, "--max-size", str(goal), "--out", str(out)]) == 0
    assert "best plan" in capsys.readouterr().out
    assert out.stat().st_size <= goal
    onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])

    plan = tmp_path / "plan.json"
    goal_options = ["--max-loss", "2", "--target", "cpu"]
    command = ["plan", *common, "--pareto", str(pareto), "--out", str(plan), *goal_options]
    assert main(command) == 0
    found = json.loads(pareto.read_text())
    assert found["chosen"]["measured"]["loss"] <= 2
    sizes = [point["size_bytes"] for point in found["points"]]
    assert len(sizes) > 2 and sizes == sorted(sizes, reverse=True)
    assert json.loads(plan.read_text())["exceptions"]


def test_a_goal_and_a_preset_exclude_each_other(digits_resnet, digits, tmp_path, capsys):
    command = ["compress", str(digits_resnet), "--data", str(digits), "--quiet", "--preset", "quick"]
    assert main([*command, "--max-loss", "1", "--out", str(tmp_path / "o.onnx")]) == 2
    assert "exclude" in capsys.readouterr().err
