"""Model files that must never hurt a user: rows 1 to 8 of the list of bad inputs."""

from __future__ import annotations

import os
import socket
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from model_files import external, opened, refused, small, weights, written

from core.errors import UnsafeFileError, UnsupportedModelError

# ---------------------------------------------------------------- 1: no model at all


def test_row_01_empty_file(tmp_path: Path) -> None:
    refused(written(tmp_path, b""), "model.onnx", "empty", "Download or copy it again")


@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.9, 0.999])
def test_row_01_truncated(tmp_path: Path, part: float) -> None:
    whole = small(np.ones((400, 300), np.float32)).SerializeToString()
    refused(written(tmp_path, whole[: int(len(whole) * part)]), "not a valid ONNX file")


def test_row_01_html(tmp_path: Path) -> None:
    page = b"\n  <!DOCTYPE html><html><body>404 Not found</body></html>"
    refused(written(tmp_path, page), "not a valid ONNX file", "web page", "download button")


def test_row_01_text(tmp_path: Path) -> None:
    refused(written(tmp_path, b"Fehler: Zugriff verweigert\n"), "not a valid ONNX file", "text")


def test_row_01_noise(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(5000)
    refused(written(tmp_path, b"\xff" + noise), "not a valid ONNX file")
    refused(written(tmp_path, b"\x08\x08" + noise), "not a valid ONNX file")


def test_row_01_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.onnx", "no file 'nowhere.onnx'")


# ---------------------------------------------------------------- 2: Git-LFS


def test_row_02_lfs_pointer(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 102400\n"
    refused(written(tmp_path, pointer), "Git-LFS pointer", "git lfs pull")


# ---------------------------------------------------------------- 3: another kind of file


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return path


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("archive/data.pkl", "archive/byteorder"), "PyTorch file"),
        (("model/constants.pkl", "model/code/__torch__.py", "model/data.pkl"), "TorchScript"),
        (("net/archive_format", "net/models/model.json"), ".pt2"),
        (("metadata.json", "config.json", "model.weights.h5"), "Keras"),
        (("a.npy",), ".npz"),
        (("readme.txt",), "ZIP archive"),
    ],
)
def test_row_03_zip_of_another_kind(tmp_path: Path, names: tuple[str, ...], kind: str) -> None:
    refused(zipped(tmp_path / "model.onnx", *names), "not an ONNX file", kind, kind=UnsupportedModelError)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
        (b"\x80\x02}q\x00.", "pickle"),
        (b"\x80\x04\x95", "pickle"),
        (b"GGUF\x03\0\0\0", "GGUF"),
        (b"\x0a\0\0\0\0\0\0\0" + b'{"a":{}}  ', "safetensors"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\x93NUMPY\x01\0", "NumPy"),
    ],
)
def test_row_03_wrong_ending(tmp_path: Path, head: bytes, kind: str) -> None:
    refused(written(tmp_path, head + bytes(600)), "not an ONNX file", kind, kind=UnsupportedModelError)


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "file-in-it"])
def test_row_03_saved_model_of_tensorflow_names_the_way_to_onnx(tmp_path: Path, whole: bool) -> None:
    """Version 1, then a graph of 300 bytes: how TensorFlow's description of a model begins."""
    folder = tmp_path / "classifier"
    folder.mkdir()
    path = written(folder, b"\x08\x01\x12\xac\x02" + bytes(300), "saved_model.pb")
    refused(
        folder if whole else path, "SavedModel", "tf2onnx.convert --saved-model", kind=UnsupportedModelError
    )


def test_row_03_tensorflow_lite_names_the_way_to_onnx(tmp_path: Path) -> None:
    path = written(tmp_path, b"\x1c\0\0\0TFL3" + bytes(600), "model.tflite")
    refused(path, "TensorFlow Lite", "tf2onnx.convert --tflite", kind=UnsupportedModelError)


def test_row_03_onnx_under_another_ending_opens(tmp_path: Path) -> None:
    assert len(opened(written(tmp_path, small(), "network.bin")).info.layers) == 1


def test_row_03_fields_in_another_order_open(tmp_path: Path) -> None:
    model = small()
    graph = onnx.ModelProto()
    graph.graph.CopyFrom(model.graph)
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    assert (
        len(opened(written(tmp_path, graph.SerializeToString() + rest.SerializeToString())).info.layers) == 1
    )


# ---------------------------------------------------------------- 4: too large


def test_row_04_over_2_gib(tmp_path: Path) -> None:
    path = written(tmp_path, small())
    os.truncate(path, 2**31 + 5)
    line = refused(path, "larger than 2 GiB", str(2**31 + 5), "external data")
    assert "beside it" in line


# ---------------------------------------------------------------- 5 to 8: external data


def test_row_05_external_data_is_read(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    weights(tmp_path / "part" / "w.bin")
    model = opened(written(tmp_path, external("part/w.bin")))
    stored = model.model.graph.initializers["w"].const_value
    assert stored is not None
    np.testing.assert_array_equal(stored.numpy(), np.arange(12, dtype=np.float32).reshape(4, 3))
    # the size and the identity of the model are those of both files
    assert model.info.size_bytes == sum(file.stat().st_size for file in tmp_path.rglob("*.*"))
    other = model.info.sha256
    (tmp_path / "part" / "w.bin").write_bytes(bytes(48))
    assert opened(tmp_path / "model.onnx").info.sha256 != other


def test_row_05_external_data_missing(tmp_path: Path) -> None:
    refused(written(tmp_path, external()), "'weights.bin' is missing", "48", "there are 0")


def test_row_05_external_data_short(tmp_path: Path) -> None:
    weights(tmp_path / "weights.bin", 40)
    refused(written(tmp_path, external()), "'weights.bin' is too short", "40 bytes", "48 are needed")


def test_row_05_external_data_offset_behind_the_end(tmp_path: Path) -> None:
    weights(tmp_path / "weights.bin")
    refused(written(tmp_path, external(offset=1)), "too short", "48 bytes", "49 are needed")


def test_row_05_external_length_against_the_shape(tmp_path: Path) -> None:
    weights(tmp_path / "weights.bin")
    refused(written(tmp_path, external(length=44)), "'w'", "44", "48")


@pytest.mark.parametrize(
    "location",
    [
        "../weights.bin",
        "a/../../weights.bin",
        "/etc/passwd",
        "..\\weights.bin",
        "C:weights.bin",
        "C:/weights.bin",
        "\\\\server\\share\\w.bin",
        "file:///etc/passwd",
        "a\0b",
        "",
        ".",
    ],
)
def test_row_06_external_path_leads_outside(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    weights(tmp_path / "weights.bin")
    refused(written(folder, external(location)), "Refused", "'w'", kind=UnsafeFileError)


def test_row_06_external_data_without_a_path(tmp_path: Path) -> None:
    refused(written(tmp_path, external(None)), "Refused", "names no file", kind=UnsafeFileError)


def test_row_07_external_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").symlink_to(weights(tmp_path / "real.bin"))
    refused(written(tmp_path, external()), "symbolic link", kind=UnsafeFileError)


def test_row_07_external_folder_is_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    weights(tmp_path / "real" / "weights.bin")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    refused(written(tmp_path, external("link/weights.bin")), "symbolic link", kind=UnsafeFileError)


def test_row_07_external_hard_link(tmp_path: Path) -> None:
    os.link(weights(tmp_path / "real.bin"), tmp_path / "weights.bin")
    refused(written(tmp_path, external()), "hard link", kind=UnsafeFileError)


def test_row_07_external_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "weights.bin")
    refused(written(tmp_path, external()), "not an ordinary file", kind=UnsafeFileError)


def test_row_07_external_folder(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").mkdir()
    refused(written(tmp_path, external()), "not an ordinary file", kind=UnsafeFileError)


def test_row_07_external_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("weights.bin")
        refused(written(tmp_path, external()), "not an ordinary file", kind=UnsafeFileError)


def test_row_07_the_model_itself_is_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.onnx")
    refused(tmp_path / "model.onnx", "not an ordinary file", kind=UnsafeFileError)


def test_row_07_the_model_itself_is_a_device() -> None:
    refused(Path("/dev/zero"), "not an ordinary file", kind=UnsafeFileError)


def test_row_07_the_model_itself_is_a_folder(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder")


@pytest.mark.parametrize("location", ["*/_ORT_MEM_ADDR_/*", "_ORT_MEM_ADDR_"])
def test_row_08_memory_address(tmp_path: Path, location: str) -> None:
    model = external(location, offset=140_000_000_000, length=48)
    refused(written(tmp_path, model), "address in memory", kind=UnsafeFileError)


@pytest.mark.parametrize("number", ["-1", "-48", "9" * 19, "9" * 400, "abc", "0x10", "1e3", "1.5", " 4", "٣"])
@pytest.mark.parametrize("entry", ["offset", "length"])
def test_row_08_impossible_number(tmp_path: Path, entry: str, number: str) -> None:
    weights(tmp_path / "weights.bin")
    refused(written(tmp_path, external(**{entry: number})), "'w'", entry, kind=UnsafeFileError)
