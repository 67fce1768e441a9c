"""Models of other frameworks on the command line: exit codes, what is asked for, what is written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from foreign_files import agree, network, pictures, save_script

from core.cli import main

# reading a program back, torch warns of its own deprecations
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:FutureWarning")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    save_script(network(), tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_convert_wants_trust_then_writes_onnx_and_a_program(
    script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "net.onnx"
    assert main(["convert", str(script), "--out", str(out), "--quiet"]) == 2
    told = capsys.readouterr().err
    assert "--trust" in told and "nothing of it has run" in told and not out.exists()
    sized = ["--trust", "--input", "1x3x12x12"]
    assert main(["convert", str(script), *sized, "--out", str(out)]) == 0
    assert "differ by at most" in capsys.readouterr().err
    agree(out, network(), pictures(3))
    back = tmp_path / "back.pt2"
    assert main(["convert", str(out), "--out", str(back), "--quiet"]) == 0
    assert "written and verified" in capsys.readouterr().out
    with torch.no_grad():
        got = torch.export.load(back).module()(pictures(4))
        torch.testing.assert_close(got, network()(pictures(4)), atol=1e-5, rtol=0)
    # once converted, every command takes it without a word
    assert main(["info", str(script), "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [layer["op"] for layer in told["layers"]] == ["Conv", "Conv", "Gemm"]
    # by the file that the person has, not by what the exporter wrote of itself
    sha256 = hashlib.sha256(script.read_bytes()).hexdigest()
    assert (told["name"], told["origin"]["sha256"]) == ("net.pt", sha256)
    assert "TorchScript" in told["producer"]
    assert main(["info", str(script), "--quiet"]) == 0
    assert f"from    net.pt ({told['producer']})  SHA-256 {sha256}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--trust", "--input", "big"], "'big' is no size"),
        (["--architecture", "net.py"], "names no class"),
    ],
)
def test_what_was_given_wrongly_is_named(
    script: Path, given: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(script), *given, "--quiet"]) == 2
    assert says in capsys.readouterr().err


def test_weights_with_their_class(tmp_path: Path, capsys: pytest.CaptureFixture[str], code: Path) -> None:
    torch.save(network("Net", 4).state_dict(), tmp_path / "w.pt")
    assert main(["info", str(tmp_path / "w.pt"), "--quiet"]) == 2
    assert "--architecture" in capsys.readouterr().err
    said = ["--trust", "--input", "1x3x12x12", "--architecture", f"{code}:Net(classes=4)"]
    assert main(["convert", str(tmp_path / "w.pt"), *said, "--out", str(tmp_path / "w.onnx"), "--quiet"]) == 0
    agree(tmp_path / "w.onnx", network("Net", 4), pictures(2))
