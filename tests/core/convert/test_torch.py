"""PyTorch's kinds of files to ONNX: answers held against the network itself, on inputs of the test's own."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from foreign_files import (
    SIZES,
    agree,
    converted,
    network,
    pictures,
    question,
    refused,
    save_program,
    save_script,
    texts,
)
from safetensors.torch import save_file

from core.context import Context
from core.convert import conversion
from core.convert.architecture import networks
from core.convert.conversion import origin_of, resolve
from core.errors import OpenError
from core.formats import open_model
from core.values import InputSize, Recipe, sizes_line, sizes_of


def test_program_says_itself_what_goes_in_and_answers_alike(tmp_path: Path, cache: Path) -> None:
    net = network()
    save_program(net, tmp_path / "net.pt2", pictures(2), moving=True)
    asked = question(tmp_path / "net.pt2", cache)
    assert (asked.runs_code, asked.asks_inputs, asked.needs_architecture) == (True, False, False)
    assert asked.inputs == SIZES
    model = converted(tmp_path / "net.pt2", cache, trusted=True)
    for count in (1, 5):
        agree(model, net, pictures(count))
    origin = origin_of(model, cache)
    assert origin is not None and origin.difference < 1e-5 and origin.samples == 5
    assert not origin.fixed_batch and origin.name == "net.pt2"
    assert origin.frameworks == origin.written_by == f"PyTorch {torch.__version__}"
    kinds = [layer.op for layer in open_model(model, Context()).info.layers]
    assert kinds == ["Conv", "Conv", "Gemm"]


def test_program_for_a_fixed_number_of_samples_keeps_it(tmp_path: Path, cache: Path) -> None:
    net = network()
    save_program(net, tmp_path / "net.pt2", pictures(2), decomposed=True)
    model = converted(tmp_path / "net.pt2", cache, trusted=True)
    agree(model, net, pictures(2))
    origin = origin_of(model, cache)
    assert origin is not None and origin.fixed_batch
    (size,) = onnx.load(model).graph.input[0].type.tensor_type.shape.dim[:1]
    assert size.dim_value == 2


def test_script_with_its_sizes(tmp_path: Path, cache: Path) -> None:
    net = network()
    save_script(net, tmp_path / "net.pt")
    asked = question(tmp_path / "net.pt", cache)
    assert asked.runs_code and asked.asks_inputs
    assert asked.inputs == (InputSize((1, 3, 224, 224)),), "three channels, as its first weight says"
    model = converted(tmp_path / "net.pt", cache, trusted=True, inputs=SIZES)
    agree(model, net, pictures(4))


def test_guess_that_does_not_fit_is_corrected_by_trying(tmp_path: Path, cache: Path, code: Path) -> None:
    """Pictures of 224 × 224 do not fit the dense layer; of the usual sizes none does either but one."""
    net = network("Net", 5, 6)
    net.dense = torch.nn.Linear(6 * 16 * 16, 5)
    save_script(net, tmp_path / "net.pt")
    model = converted(tmp_path / "net.pt", cache, trusted=True)
    origin = origin_of(model, cache)
    assert origin is not None and origin.recipe.inputs == (InputSize((1, 3, 32, 32)),)
    line = refused_sizes(tmp_path / "net.pt", cache)
    assert "1×3×12×12" in line and "It takes 1×3×32×32" in line


def refused_sizes(path: Path, cache: Path) -> str:
    with pytest.raises(OpenError) as caught:
        converted(path, cache, trusted=True, inputs=SIZES)
    return caught.value.one_line()


class TwoHeads(torch.nn.Module):
    """Hands its answers out in a dict, one of them under the name of what goes in."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Conv2d(3, 4, 3)
        self.where, self.what = torch.nn.Linear(4, 2), torch.nn.Linear(4, 5)

    def forward(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        found = self.body(picture).relu().mean((2, 3))
        return {"where": self.where(found), "picture": found, "a class": self.what(found)}


def test_traced_script_that_answers_with_a_dict_keeps_its_keys(tmp_path: Path, cache: Path) -> None:
    torch.manual_seed(0)
    net = TwoHeads().eval()
    save_script(net, tmp_path / "net.pt", pictures(1))
    model = converted(tmp_path / "net.pt", cache, trusted=True, inputs=SIZES)
    names = [output.name for output in onnx.load(model).graph.output]
    assert names == ["where", "output_picture", "a class"]
    for count in (1, 4):
        agree(model, net, pictures(count))


@pytest.mark.parametrize("kind", ["plain", "checkpoint", "old", "safetensors"])
def test_weights_with_the_class_that_they_belong_to(
    tmp_path: Path, cache: Path, code: Path, kind: str
) -> None:
    net = network("Net", 4)
    weights = net.state_dict()
    path = tmp_path / "weights.bin"
    if kind == "safetensors":
        save_file(weights, path)
    elif kind == "checkpoint":
        wrapped = {f"module.{name}": value for name, value in weights.items()}
        torch.save({"epoch": 3, "state_dict": wrapped}, path)
    else:
        torch.save(weights, path, _use_new_zipfile_serialization=kind == "plain")
    asked = question(path, cache)
    assert asked.needs_architecture and asked.runs_code and asked.asks_inputs
    model = converted(
        path, cache, trusted=True, inputs=SIZES, architecture=str(code), network="Net(4, width=6)"
    )
    agree(model, net, pictures(3))


def test_several_inputs_and_named_outputs(tmp_path: Path, cache: Path, code: Path) -> None:
    net = network("Tagger")
    torch.save(net.state_dict(), tmp_path / "tagger.pth")
    said = {"trusted": True, "architecture": str(code), "network": "Tagger"}
    assert question(tmp_path / "tagger.pth", cache).inputs == (InputSize((1, 16), "int64"),)
    one = said | {"inputs": sizes_of("1x9:int64")}
    refused(tmp_path / "tagger.pth", cache, "takes 2 inputs: ids, mask", "Sizes of 1", kind=OpenError, **one)
    sizes = sizes_of("1x9:int64; 1x9")
    model = converted(tmp_path / "tagger.pth", cache, inputs=sizes, **said)
    agree(model, net, *texts(4))
    agree(model, net, *texts(2, length=14))
    graph = onnx.load(model).graph
    assert [one.name for one in graph.output] == ["logits", "states"]
    assert "LSTM" in [node.op_type for node in graph.node], "in one piece"


def test_weights_of_another_network_say_what_does_not_fit(tmp_path: Path, cache: Path, code: Path) -> None:
    weights = network().state_dict()
    del weights["norm.running_var"]
    torch.save(weights | {"extra": torch.zeros(2)}, tmp_path / "w.pt")
    said = {"trusted": True, "architecture": str(code), "network": "Net"}
    refused(tmp_path / "w.pt", cache, "- norm.running_var", "+ extra", kind=OpenError, **said)
    said["network"] = "Nett"
    refused(tmp_path / "w.pt", cache, "no class 'Nett'", "Net, Block", kind=OpenError, **said)


def test_converted_once_nothing_of_it_runs_again(
    tmp_path: Path, cache: Path, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(network().state_dict(), tmp_path / "w.pt")
    said = {"trusted": True, "inputs": SIZES, "architecture": str(code), "network": "Net"}
    model = converted(tmp_path / "w.pt", cache, **said)
    ran = []
    monkeypatch.setattr(conversion, "run", lambda *_: ran.append(1))
    assert converted(tmp_path / "w.pt", cache, **said) == model
    assert resolve(str(tmp_path / "w.pt"), None, cache, Context()) == model, "without a question"
    code.write_text(code.read_text() + "\n# changed\n")
    assert question(tmp_path / "w.pt", cache).needs_architecture, "the code is another now"
    assert not ran


def test_networks_of_a_file_are_read_without_running_it(tmp_path: Path, code: Path) -> None:
    code.write_text(code.read_text() + f"\nopen({str(tmp_path / 'marker')!r}, 'w')\ndef build(): pass\n")
    assert networks(str(code)).names == ("Tagger", "Net", "Block", "build")
    assert not (tmp_path / "marker").exists()
    found = networks(str(code), (InputSize((1, 384)),))
    assert found.inputs == {"Tagger": ("ids", "mask"), "Net": ("x",), "Block": ("x",)}
    tokens = InputSize((1, 16), "int64")
    assert found.sizes["Tagger"] == (tokens, tokens), "the name says more than the weights' order"
    assert found.sizes["Net"] == (InputSize((1, 384)),)
    code.write_text("class (")
    with pytest.raises(OpenError, match="no Python file"):
        networks(str(code))


@pytest.mark.parametrize(
    ("line", "sizes"),
    [
        ("1×3×224×224", (InputSize((1, 3, 224, 224)),)),
        ("1, 3, 8, 8", (InputSize((1, 3, 8, 8)),)),
        ("(2x5:int64); 2*5*7", (InputSize((2, 5), "int64"), InputSize((2, 5, 7)))),
    ],
)
def test_sizes_as_people_write_them(line: str, sizes: tuple[InputSize, ...]) -> None:
    line = line.replace("(2x5:int64)", "2x5:int64")
    assert sizes_of(line) == sizes
    assert sizes_of(sizes_line(sizes)) == sizes


@pytest.mark.parametrize("line", ["", "1x", "1x0", "-1x3", "1x3:complex64", "1;;2", "ax3", "1x99999999999"])
def test_what_is_no_size(line: str) -> None:
    if line == "1x":
        assert sizes_of(line) == (InputSize((1,)),)
    else:
        assert sizes_of(line) is None


def test_recipe_without_trust_runs_nothing(tmp_path: Path, cache: Path) -> None:
    save_program(network(), tmp_path / "net.pt2", pictures(2))
    refused(tmp_path / "net.pt2", cache, "--trust", "nothing of it has run", kind=OpenError, inputs=SIZES)
    assert Recipe().trusted is False
