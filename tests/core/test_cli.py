"""The command line as a script meets it: exit codes, what is printed, what is written."""

import contextlib
import io
import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import resources
from core.cli import main

PREPROCESS = '{"mean": [0], "std": [255], "layout": "NCHW", "color": "GRAY"}'


@pytest.fixture(scope="module")
def compressed(tmp_path_factory):
    """OUT.onnx, R.json and what was printed, of the sample at 50 % zeros and 8 bits; nobody changes it."""
    folder = tmp_path_factory.mktemp("compressed")
    out, report = folder / "输出 out.onnx", folder / "r.json"
    model, data = (str(resources.sample_path(name)) for name in ("digits_resnet.onnx", "digits/test"))
    command = ["compress", model, "--data", data, "--limit", "200", "--quiet"]
    settings = ["--sparsity", "0.5", "--weight-bits", "8", "--activation-bits", "8"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([*command, *settings, "--out", str(out), "--report", str(report)]) == 0
    return out, json.loads(report.read_text()), printed.getvalue()


def test_info_lists_the_layers_as_json(digits_resnet, capsys):
    assert main(["info", str(digits_resnet), "--json", "--quiet"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    stored = {tensor.name: tensor for tensor in onnx.load(digits_resnet).graph.initializer}
    for layer in layers:
        assert {"id", "op", "shape", "params", "macs", "bytes", "prunable", "quantizable", "why_not"} <= set(
            layer
        )
        assert layer["shape"] == list(stored[layer["weights"][0]].dims)
    assert len(layers) == 16


def test_the_report_holds_before_after_and_every_layer_as_in_the_file(compressed):
    out, report, printed = compressed
    assert str(out) in printed
    assert report["after"]["bytes"] == out.stat().st_size < report["before"]["bytes"]
    for side in (report["before"], report["after"]):
        assert side["metric"] == "top1"
        assert side["count"] == 200
        low, high = side["interval"]
        assert low <= side["accuracy"] <= high
        assert side["zipped_bytes"] > 0
        assert side["latency"]["median_ms"] > 0
    # counted in the file by plain onnx: the convolutions' integer weights
    integers = [
        numpy_helper.to_array(tensor)
        for tensor in onnx.load(out).graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4
    ]
    assert len(integers) == 15
    for layer in report["layers"]:
        assert layer["weight_bits"] == 8
        assert layer["sparsity"] >= 0.5
    counted = sorted(round(float((weights == 0).mean()), 6) for weights in integers)
    reported = sorted(round(layer["sparsity"], 6) for layer in report["layers"] if layer["op"] == "Conv")
    assert counted == reported


def test_the_exported_file_runs_in_plain_onnxruntime(compressed):
    session = onnxruntime.InferenceSession(str(compressed[0]))
    feed = {session.get_inputs()[0].name: np.zeros((1, 1, 16, 16), np.float32)}
    assert session.run(None, feed)[0].shape == (1, 10)


def test_a_plan_file_sets_layers_one_by_one(digits_resnet, digits, tmp_path, capsys):
    assert main(["info", str(digits_resnet), "--json", "--quiet"]) == 0
    first = json.loads(capsys.readouterr().out)["layers"][0]["id"]
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"defaults": {"weight_bits": 8}, "exceptions": {first: {"keep": True}}}))
    report = tmp_path / "r.json"
    command = ["compress", str(digits_resnet), "--data", str(digits), "--plan", str(plan), "--limit", "50"]
    assert main([*command, "--quiet", "--out", str(tmp_path / "o.onnx"), "--report", str(report)]) == 0
    bits = {layer["id"]: layer["weight_bits"] for layer in json.loads(report.read_text())["layers"]}
    assert bits.pop(first) == 32
    assert set(bits.values()) == {8}


def test_a_preset_is_a_plan_with_a_name(digits_resnet, digits, tmp_path, capsys):
    out, report = tmp_path / "o.onnx", tmp_path / "r.json"
    command = ["compress", str(digits_resnet), "--data", str(digits), "--limit", "100", "--quiet"]
    assert main([*command, "--preset", "fastest", "--out", str(out), "--report", str(report)]) == 0
    account = json.loads(report.read_text())
    weights = [t for t in onnx.load(out).graph.initializer if t.data_type == onnx.TensorProto.INT8]
    kept = sum(int(np.prod(t.dims)) for t in weights if len(t.dims) == 4)
    stored = sum(int(np.prod(t.dims)) for t in onnx.load(digits_resnet).graph.initializer if len(t.dims) == 4)
    assert kept < 0.7 * stored
    assert account["after"]["accuracy"] > account["before"]["accuracy"] - 10


def test_evaluate_judges_every_sample(digits_resnet, digits, capsys):
    command = ["evaluate", str(digits_resnet), "--data", str(digits), "--preprocess", PREPROCESS]
    assert main([*command, "--no-latency", "--json", "--quiet"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["count"] == sum(1 for _ in digits.rglob("*.png"))
    assert outcome["accuracy"] > 95


def test_analyze_writes_points_for_every_layer(digits_resnet, digits, tmp_path):
    out = tmp_path / "a.json"
    command = ["analyze", str(digits_resnet), "--data", str(digits), "--limit", "50", "--samples", "50"]
    assert main([*command, "--quiet", "--project", str(tmp_path / "p.secateur"), "--out", str(out)]) == 0
    analysis = json.loads(out.read_text())
    assert len({point["layer_id"] for point in analysis["points"]}) == 16
    assert all(point["measurement"]["count"] == 50 for point in analysis["points"])
    assert {time["layer_id"] for time in analysis["timings"]["layers"]}


def test_analyze_tries_what_it_is_told_to(digits_resnet, digits, tmp_path, capsys):
    out = tmp_path / "a.json"
    command = ["analyze", str(digits_resnet), "--data", str(digits), "--limit", "50", "--samples", "50"]
    command += ["--quiet", "--project", str(tmp_path / "p.secateur"), "--out", str(out)]
    tried = ["--sparsities", "0.5", "--weight-bits", "--patterns", "2:4", "1:4", "--layers", "block2.conv1"]
    assert main([*command, *tried]) == 0
    points = json.loads(out.read_text())["points"]
    assert {(point["layer_id"], point["sparsity"], point.get("pattern")) for point in points} == {
        ("block2.conv1", 0.5, None), ("block2.conv1", 0.0, "2:4"), ("block2.conv1", 0.0, "1:4")
    }  # fmt: skip
    assert main([*command, "--patterns", "4:2"]) != 0
    assert "is no pattern" in capsys.readouterr().err
    assert main([*command, "--sparsities", "50"]) != 0
    assert "is no share" in capsys.readouterr().err


def test_a_project_keeps_references_run_and_snapshot_and_prints_them(digits_resnet, digits, tmp_path, capsys):
    project = tmp_path / "项目.secateur"
    command = ["compress", str(digits_resnet), "--data", str(digits), "--limit", "50", "--quiet"]
    settings = ["--project", str(project), "--weight-bits", "8"]
    for name in ([], ["--snapshot", "八位 eight bits"]):
        assert main([*command, *settings, *name, "--out", str(tmp_path / "smaller.onnx")]) == 0
    capsys.readouterr()
    assert main(["project", str(project), "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)
    assert [model["path"] for model in kept["models"]] == [str(digits_resnet)]
    assert kept["data"]["spec"]["path"] == str(digits)
    assert [run["state"] for run in kept["runs"]] == ["done", "done"]
    assert [snapshot["label"] for snapshot in kept["snapshots"]] == ["smaller.onnx", "八位 eight bits"]
    assert all(snapshot["measured"] for snapshot in kept["snapshots"])
    assert kept["snapshots"][0]["outcome"]["bytes"] == (tmp_path / "smaller.onnx").stat().st_size
    assert kept["snapshots"][0]["plan"]["defaults"]["weight_bits"] == 8
    assert main(["project", str(project)]) == 0
    printed = capsys.readouterr().out
    for word in (str(project), str(digits_resnet), str(digits), "八位 eight bits: ", "on 50", "done: "):
        assert word in printed


def test_benchmark_times_files_in_turns(digits_resnet, digits_mobilenet, capsys):
    assert main(["benchmark", str(digits_resnet), str(digits_mobilenet), "--json", "--quiet"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["path"] for row in rows] == [str(digits_resnet), str(digits_mobilenet)]
    assert rows[0]["ratio"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["info", "nothing.onnx"], "nothing.onnx"),
        (["compress", "{model}", "--data", "nowhere", "--out", "{out}"], "nowhere"),
        (["compress", "{model}", "--data", "{data}", "--weight-bits", "9", "--out", "{out}"], "9 bits"),
        (["compress", "{model}", "--data", "{data}", "--plan", "{model}", "--out", "{out}"], "not a plan"),
        (["compress", "{model}", "--data", "{data}", "--out", "o.txt"], ".onnx"),
        (["compress", "{model}", "--data", "{data}", "--preset", "best", "--out", "{out}"], "no preset"),
        (["evaluate", "{model}", "--data", "{data}", "--preprocess", '{"std": [0]}'], "std"),
        (["project", "nothing.secateur"], "nothing.secateur"),
        (["project", "{model}"], "not a Secateur project"),
        (
            ["compress", "{model}", "--data", "{data}", "--project", "{model}", "--out", "{out}"],
            "not a Secateur project",
        ),
    ],
)
def test_bad_input_is_one_line_and_code_two(digits_resnet, digits, tmp_path, capsys, arguments, says):
    out = tmp_path / "o.onnx"
    filled = [
        argument.replace("{model}", str(digits_resnet))
        .replace("{data}", str(digits))
        .replace("{out}", str(out))
        for argument in arguments
    ]
    quiet = [] if filled[0] == "project" else ["--quiet"]
    assert main([*filled, *quiet]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1
    assert says in printed.err
    assert not out.exists()


def test_a_failed_compression_leaves_the_destination_as_it_was(digits_resnet, digits, tmp_path, capsys):
    out = tmp_path / "o.onnx"
    out.write_bytes(b"precious")
    command = ["compress", str(digits_resnet), "--data", str(digits), "--weight-bits", "9", "--quiet"]
    assert main([*command, "--out", str(out)]) == 2
    assert out.read_bytes() == b"precious"


def test_progress_is_plain_lines_where_there_is_no_terminal(digits_resnet):
    command = [sys.executable, "-m", "core.cli", "info", str(digits_resnet)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "\r" not in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stderr.strip()


# ---------------------------------------------------------------- scores and the steps' parameters


def test_scores_are_printed_for_each_layer(digits_resnet, digits, capsys):
    command = ["scores", str(digits_resnet), "--quiet"]
    assert main([*command, "--score", "l2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Squared magnitude" in lines[0] and len(lines) == 3 + 16
    assert main([*command, "--score", "activation", "--data", str(digits), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["score"] == "activation" and document["unit"]
    stored = {tensor.name: tensor for tensor in onnx.load(digits_resnet).graph.initializer}
    for layer in document["layers"]:
        assert layer["least"] <= layer["median"] <= layer["largest"]
        assert layer["weights"] in [numpy_helper.to_array(tensor).size for tensor in stored.values()]
        assert layer["channels"] and layer["note"] is None


def test_a_score_without_what_it_needs_is_bad_input(digits_resnet, capsys):
    assert main(["scores", str(digits_resnet), "--score", "taylor", "--quiet"]) == 2
    assert "choose data first" in capsys.readouterr().err
    assert main(["scores", str(digits_resnet), "--layer", "nowhere", "--quiet"]) == 2
    assert "no layer 'nowhere'" in capsys.readouterr().err


def test_pruning_by_a_score_over_the_network_in_rounds(digits_resnet, digits, tmp_path, capsys):
    out, report = tmp_path / "out.onnx", tmp_path / "r.json"
    command = ["compress", str(digits_resnet), "--data", str(digits), "--limit", "100", "--quiet"]
    settings = ["--sparsity", "0.5", "--score", "activation", "--scope", "network", "--rounds", "2"]
    extra = ["--set", "compensate.on=off", "--out", str(out), "--report", str(report)]
    assert main([*command, *settings, *extra]) == 0
    shares = {layer["id"]: layer["sparsity"] for layer in json.loads(report.read_text())["layers"]}
    assert len({round(share, 2) for share in shares.values()}) > 3  # one limit, other shares
    weights = {t.name: numpy_helper.to_array(t) for t in onnx.load(out).graph.initializer if len(t.dims) > 1}
    zeros = sum(np.count_nonzero(array == 0) for array in weights.values())
    assert zeros / sum(array.size for array in weights.values()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("prune_weights.score=nonsense", "cannot be 'nonsense'"),
        ("prune_weights.rounds=many", "cannot be 'many'"),
        ("prune_weights.rounds=999", "cannot be '999'"),
        ("prune_weights.colour=red", "has no parameter 'colour'"),
        ("nothing.at=all", "no step 'nothing'"),
        ("prune_weights.rounds", "does not say what is set"),
        ("compensate.on=perhaps", "cannot be 'perhaps'"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_possible(setting, sentence, digits_resnet, digits, capsys):
    command = ["compress", str(digits_resnet), "--data", str(digits), "--out", "x.onnx", "--quiet"]
    assert main([*command, "--set", setting]) == 2
    assert sentence in capsys.readouterr().err
