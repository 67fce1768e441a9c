"""Files of other frameworks that must never hurt a user: rows 20 to 24 of the list of bad inputs."""

from __future__ import annotations

import json
import os
import pickle
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from foreign_files import network, pictures, question, refused, save_program, save_script
from safetensors.torch import save_file

from core.errors import OpenError, UnsafeFileError, UnsupportedModelError


class Payload:
    """What a hostile pickle does: a command the moment it is loaded."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple:
        return os.system, (f"touch '{self._marker}'",)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that hostile code would leave."""
    return tmp_path / "marker"


# ---------------------------------------------------------------- 20: pickles


def test_the_payload_is_no_dud(tmp_path: Path, marker: Path) -> None:
    pickle.loads(pickle.dumps(Payload(marker)))
    assert marker.exists()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_row_20_pickle_that_carries_code(tmp_path: Path, cache: Path, marker: Path, protocol: int) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({"weight": torch.zeros(2).numpy(), "x": Payload(marker)}, protocol))
    refused(path, cache, "blocked", "system", "nothing of it has run", kind=UnsafeFileError)
    assert not marker.exists()


def test_row_20_weights_with_code_among_them(tmp_path: Path, cache: Path, marker: Path) -> None:
    torch.save({**network().state_dict(), "zz": Payload(marker)}, tmp_path / "w.pt")
    refused(tmp_path / "w.pt", cache, "blocked", "system", kind=UnsafeFileError, trusted=True)
    assert not marker.exists(), "not even when trusted: it is no kind of file that is ever run"


def test_row_20_damaged_and_endless_pickles(tmp_path: Path, cache: Path) -> None:
    for content in (
        b"\x80\x02}",
        b"\x80\x04" + b"(" * 5000,
        b"\x80\x02" + b"\x8b\xff\xff\xff\x7f" + b"x" * 50,
    ):
        path = tmp_path / "bad.pt"
        path.write_bytes(content)
        refused(path, cache, "damaged", kind=OpenError)


def test_row_20_scikit_learn_is_refused_kindly(tmp_path: Path, cache: Path) -> None:
    from sklearn.neural_network import MLPClassifier

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(MLPClassifier()))
    refused(path, cache, "scikit-learn", "skl2onnx", kind=UnsupportedModelError)


# ---------------------------------------------------------------- 21: programs


@pytest.mark.parametrize("kind", ["pt2", "old-pt2", "script"])
def test_row_21_program_asks_first_and_nothing_ran(
    tmp_path: Path, cache: Path, marker: Path, kind: str
) -> None:
    """Real programs with a payload put where torch would unpickle it."""
    path = tmp_path / "net.pt2"
    if kind == "script":
        save_script(network(), path)
    else:
        save_program(network(), path, pictures(2))
    poisoned = tmp_path / "evil.bin"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(poisoned, "w") as target:
        for entry in source.infolist():
            content, name = source.read(entry), entry.filename
            if name.endswith(("sample_inputs/model.pt", ".debug_pkl")):
                content = pickle.dumps(Payload(marker))
            if kind == "old-pt2" and name.endswith("models/model.json"):
                name = "serialized_exported_program.json"
            target.writestr(name, content)
    asked = question(poisoned, cache)
    assert asked.runs_code
    refused(poisoned, cache, "--trust", kind=OpenError, inputs=asked.inputs)
    assert not marker.exists()


def test_row_21_program_whose_text_is_wrong(tmp_path: Path, cache: Path) -> None:
    for content in ("{", "[]", '{"graph_module": {}}', "[" * 100_000):
        path = tmp_path / "bad.pt2"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("bad/archive_format", "pt2")
            archive.writestr("bad/models/model.json", content)
        refused(path, cache, "damaged", kind=OpenError)


# ---------------------------------------------------------------- 22, 23: modules and weights


class Whole(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = torch.nn.Linear(4, 2)


@pytest.mark.parametrize("new", [True, False])
def test_row_22_whole_module_explains_and_offers_the_route(tmp_path: Path, cache: Path, new: bool) -> None:
    torch.save(Whole(), tmp_path / "m.pt", _use_new_zipfile_serialization=new)
    refused(
        tmp_path / "m.pt",
        cache,
        "Whole",
        "torch.export.save",
        "state_dict",
        kind=UnsafeFileError,
        trusted=True,
    )


def test_row_23_weights_without_an_architecture(tmp_path: Path, cache: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "w.pt")
    asked = question(tmp_path / "w.pt", cache)
    assert "weights without an architecture" in str(asked.what)
    refused(tmp_path / "w.pt", cache, "weights without an architecture", "--architecture", kind=OpenError,
            trusted=True)  # fmt: skip


def test_row_23_pickled_values_that_are_no_weights(tmp_path: Path, cache: Path) -> None:
    torch.save({"epoch": 3, "loss": [0.1, 0.2]}, tmp_path / "w.pt")
    refused(tmp_path / "w.pt", cache, "no weights", kind=OpenError)


# ---------------------------------------------------------------- 24: safetensors


def tensors(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
    return path


def entry(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "size", "says"),
    [
        (b"{not json", 0, "damaged"),
        (b"{" + b'"a":{' * 200_000, 0, "damaged"),
        ({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, 12, "overlaps"),
        ({"a": entry(0, 8, [2]), "b": entry(12, 20, [2])}, 20, "hole before the tensor 'b'"),
        ({"a": entry(4, 12, [2])}, 12, "hole before the tensor 'a'"),
        ({"a": entry(0, 8, [2])}, 12, "the file holds"),
        ({"a": entry(0, 8, [2])}, 4, "the file holds"),
        ({"a": entry(0, 8, [3])}, 8, "'a' needs 12 bytes"),
        ({"a": entry(0, 8, [2**40, 2**40])}, 8, "'a' needs"),
        ({"a": entry(0, -8, [2])}, 8, "'a' wrongly"),
        ({"a": entry(0, 8, [-2])}, 8, "'a' wrongly"),
        ({"a": entry(0, 8, [2.0])}, 8, "'a' wrongly"),
        ({"a": entry(0, 8, [2], "F8")}, 8, "'a' wrongly"),
        ({"a": [1, 2]}, 8, "'a' wrongly"),
        ({"a": {"dtype": "F32"}}, 8, "'a' wrongly"),
        (b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
         b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8, "'a' stands twice"),
    ],
)  # fmt: skip
def test_row_24_safetensors_with_a_bad_header(
    tmp_path: Path, cache: Path, header: object, size: int, says: str
) -> None:
    refused(tensors(tmp_path / "w.safetensors", header, bytes(size)), cache, says, kind=OpenError)


def test_row_24_safetensors_that_breaks_off(tmp_path: Path, cache: Path) -> None:
    save_file(network().state_dict(), tmp_path / "w.safetensors")
    whole = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(whole[:200])
    refused(tmp_path / "w.safetensors", cache, "breaks off", kind=OpenError)
    (tmp_path / "w.safetensors").write_bytes(whole[:-1])
    refused(tmp_path / "w.safetensors", cache, "the file holds", kind=OpenError)
    refused(tensors(tmp_path / "w.safetensors", b"{}", length=2**62), cache, "header claims", kind=OpenError)


def test_row_24_a_million_tensors(tmp_path: Path, cache: Path) -> None:
    header = {f"t{index}": entry(0, 0, [0]) for index in range(1_000_000)}
    path = tensors(tmp_path / "w.safetensors", header)
    started = time.process_time()
    refused(path, cache, "1000000 tensors", kind=UnsupportedModelError)
    assert time.process_time() - started < 10


def test_row_24_harmless_safetensors_are_asked_about(tmp_path: Path, cache: Path) -> None:
    header = {"__metadata__": {"format": "pt"}, "fc.weight": entry(0, 24, [2, 3]), "e": entry(24, 24, [0, 3])}
    path = tensors(tmp_path / "w.safetensors", header, np.zeros(6, np.float32).tobytes())
    assert question(path, cache).inputs[0].shape == (1, 3)
