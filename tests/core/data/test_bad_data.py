"""Rows 25 to 32 of the list of bad inputs, each with files made here."""

import io
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from data_makers import AS_IT_IS, ROW, all_feeds, all_labels, class_folders, opened, save_picture, sentences
from PIL import Image

from core.errors import DataError
from core.values import Preprocess, TensorInfo


def refused(path: Path, *says: str, **how: object) -> DataError:
    """Open data that must be refused in words; the source stays as it was."""
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(DataError) as caught:
        opened(path, **how)
    line = caught.value.one_line()
    for word in says:
        assert word in line
    assert caught.value.next_step.template
    assert not path.is_file() or path.read_bytes() == before
    return caught.value


def npy_header(shape: tuple[int, ...], dtype: str = "<f4") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


# ---------------------------------------------------------------- 25 and 26: arrays


def test_row_25_npz_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    rows = 300 << 20
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w") as stream,
    ):
        stream.write(npy_header((rows // 8, 2)))
        block = bytes(10 << 20)
        for _ in range(30):
            stream.write(block)
    assert path.stat().st_size < 3_000_000
    refused(path, "unpack", "315 MB", inputs=ROW)


def test_row_25_npy_header_of_4_tb(tmp_path: Path) -> None:
    path = tmp_path / "huge.npy"
    path.write_bytes(npy_header((1 << 39, 2)) + bytes(64))
    refused(path, "4398046511104 bytes", "holds 64", inputs=ROW)


def test_row_25_npz_member_that_claims_4_tb(tmp_path: Path) -> None:
    path = tmp_path / "huge.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy_header((1 << 39, 2)) + bytes(64))
    refused(path, "4398046511104 bytes", inputs=ROW)


@pytest.mark.parametrize("shape", [(-1, 2), (1 << 62, 1 << 62)])
def test_row_25_impossible_dimensions(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "odd.npy"
    path.write_bytes(npy_header(shape) + bytes(64))
    refused(path, inputs=ROW)


def test_row_25_truncated_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((100, 2), np.float32))
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-8])
    refused(tmp_path / "x.npy", "says 800 bytes, the file holds 792", inputs=ROW)
    np.savez(tmp_path / "x.npz", x=np.zeros((100, 2), np.float32))
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "x.npz", "damaged or incomplete", inputs=ROW)


class Trap:
    """Unpickling it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("ending", ["npz", "npy"])
def test_row_26_object_arrays(tmp_path: Path, ending: str) -> None:
    trap = tmp_path / "sprung"
    path = tmp_path / f"objects.{ending}"
    values = np.array([Trap(trap), Trap(trap)], dtype=object)
    if ending == "npz":
        np.savez(path, x=values)
    else:
        np.save(path, values)
    refused(path, "Python objects", "never", inputs=ROW)
    assert not trap.exists()


def test_row_26_a_pickle_under_a_data_name(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    path = tmp_path / "data.npy"
    path.write_bytes(pickle.dumps(Trap(trap)))
    refused(path, "pickle", "numpy.savez", inputs=ROW)
    assert not trap.exists()


def test_row_26_structured_and_complex_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.zeros(3, dtype=[("a", "f4"), ("b", "i4")]))
    refused(tmp_path / "s.npy", "is of type", inputs=ROW)
    np.save(tmp_path / "c.npy", np.zeros((3, 2), dtype=complex))
    refused(tmp_path / "c.npy", "complex", inputs=ROW)


# ---------------------------------------------------------------- 27 to 29: pictures


def png_bomb(width: int, height: int) -> bytes:
    """A grey PNG that claims so many pixels; its few bytes of zeros never unpack."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
        + chunk(b"IEND", b"")
    )


def test_row_27_png_bomb(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 4, "b": 4})
    (tmp_path / "a" / "bomb.png").write_bytes(png_bomb(30_000, 30_000))
    info = opened(tmp_path).info
    assert info.skipped_count == 1
    assert "a/bomb.png" in str(info.skipped[0])
    assert "30000 × 30000" in str(info.skipped[0])
    assert info.calibration_count + info.judge_count == 8


def test_row_28_truncated_pictures_are_listed(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 4, "b": 4})
    for ending in ("jpg", "png"):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(noise).save(stream, "JPEG" if ending == "jpg" else "PNG")
        (tmp_path / "b" / f"cut.{ending}").write_bytes(stream.getvalue()[:1500])
    (tmp_path / "b" / "empty.jpg").write_bytes(b"")
    (tmp_path / "b" / "text.png").write_text("no picture")
    info = opened(tmp_path, preprocess=Preprocess(resize=(4, 4))).info
    assert info.skipped_count == 4
    said = sentences(info)
    for name in ("b/cut.jpg", "b/cut.png", "b/empty.jpg", "b/text.png"):
        assert name in said
    assert info.calibration_count + info.judge_count == 8


def test_row_28_odd_pictures_are_converted(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 2})
    odd = tmp_path / "b"
    odd.mkdir()
    grey = np.full((4, 4), 0x8000, dtype=np.uint16)
    Image.fromarray(grey).save(odd / "16bit.png")
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(odd / "cmyk.jpg", quality=100)
    frames = [Image.new("P", (4, 4), color) for color in (0, 1)]
    frames[0].putpalette([255, 0, 0, 0, 0, 255])
    frames[1].putpalette([255, 0, 0, 0, 0, 255])
    frames[0].save(odd / "moving.gif", save_all=True, append_images=frames[1:])
    Image.new("RGBA", (4, 4), (1, 2, 3, 128)).save(odd / "clear.png")
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([9, 8, 7])
    palette.save(odd / "palette.png", transparency=b"\x80")
    data = opened(tmp_path, preprocess=AS_IT_IS, calibration_count=0)
    values = {int(value[0, 1, 1]): value[:, 1, 1].tolist() for value in all_feeds(data)}
    assert values[128] == [128, 128, 128]  # 0x8000 of 16 bits is 0x80 of 8
    assert values[1] == [1, 2, 3]
    assert values[9] == [9, 8, 7]
    red = [value[:, 1, 1] for value in all_feeds(data) if value[0, 1, 1] > 200]
    assert len(red) == 2  # the animation's first frame and the CMYK picture
    assert all(value[1] < 30 and value[2] < 30 for value in red)
    said = sentences(data.info)
    for word in ("16 to 8 bits", "CMYK", "first frame", "transparen"):
        assert word in said
    assert data.info.skipped_count == 0


def test_row_28_exif_rotated(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 2})
    left_dark = np.zeros((4, 4, 3), dtype=np.uint8)
    left_dark[:, 2:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    (tmp_path / "b").mkdir()
    Image.fromarray(left_dark).save(tmp_path / "b" / "turned.png", exif=exif)
    data = opened(tmp_path, preprocess=AS_IT_IS, calibration_count=0)
    turned = next(value[0] for value in all_feeds(data) if value[0].max() > 200)
    assert turned.tolist() == [[0] * 4, [0] * 4, [255] * 4, [255] * 4]  # dark is now on top
    assert "EXIF" in sentences(data.info)


def test_row_28_exif_rotation_counts_for_the_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    for name in ("a", "b"):
        save_picture(tmp_path / name / "1.jpg", size=(6, 4), exif=exif)
    upright = TensorInfo(name="image", dtype="float32", shape=("N", 3, 6, 4))
    assert opened(tmp_path, inputs=upright, preprocess=AS_IT_IS).info.judge_count == 1


def test_row_29_one_class(tmp_path: Path) -> None:
    class_folders(tmp_path, {"cats": 4})
    info = opened(tmp_path).info
    assert info.task == "unlabelled"
    assert "Only one class, 'cats'" in sentences(info)


def test_row_29_an_empty_class(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 4, "b": 0, "c": 4})
    info = opened(tmp_path, classes=3).info
    assert info.class_names == ("a", "b", "c")
    assert "'b' has no pictures" in sentences(info)


def test_row_29_no_picture(tmp_path: Path) -> None:
    refused(tmp_path, str(tmp_path), "no pictures")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("x")
    refused(tmp_path, "no pictures")
    (tmp_path / "a" / "broken.png").write_bytes(b"\x89PNG")
    refused(tmp_path, "No picture", "a/broken.png")


def test_row_29_a_link_loop(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 4, "b": 4})
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    (tmp_path / "b" / "self").symlink_to(tmp_path / "b" / "self")
    info = opened(tmp_path).info
    assert "b/round" in sentences(info)
    assert "b/self" in sentences(info)
    assert info.sample_count == 8


def test_row_29_a_pipe_does_not_hang(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 4, "b": 4})
    os.mkfifo(tmp_path / "a" / "pipe.png")
    assert "a/pipe.png" in sentences(opened(tmp_path).info)
    os.mkfifo(tmp_path / "data.csv")
    refused(tmp_path / "data.csv", "neither a file nor a folder")


# ---------------------------------------------------------------- 30 and 31: tables


@pytest.mark.parametrize(
    ("encoding", "content", "shown"),
    [
        ("gbk", "长度,宽度,类别\n1.5,2,猫\n3,4,狗\n5,6,猫\n7,8,狗\n", "GBK"),
        ("utf-16", "长度,宽度,类别\n1.5,2,猫\n3,4,狗\n5,6,猫\n7,8,狗\n", "UTF-16"),
        ("utf-16-le", "a,b,species\n1.5,2,猫\n3,4,狗\n5,6,猫\n7,8,狗\n", "UTF-16"),
        ("utf-8-sig", "长度,宽度,类别\n1.5,2,猫\n3,4,狗\n5,6,猫\n7,8,狗\n", "UTF-8"),
        ("utf-8", "长度;宽度;类别\r\n1,5;2;猫\r\n3;4;狗\r\n5;6;猫\r\n7;8;狗\r\n", "Decimal comma"),
        ("utf-8", '长度\t宽度\t类别\n"1.5"\t2\t猫\n3\t4\t狗\n5\t6\t猫\n7\t8\t狗\n', "'\\t'"),
    ],
)
def test_row_30_csv_variants_are_detected(tmp_path: Path, encoding: str, content: str, shown: str) -> None:
    path = tmp_path / "表.csv"
    path.write_bytes(content.encode(encoding))
    data = opened(path, inputs=ROW, calibration_count=0)
    assert all_feeds(data).tolist() == [[1.5, 2], [3, 4], [5, 6], [7, 8]]
    assert data.info.class_names == ("狗", "猫")
    assert all_labels(data) == [1, 0, 1, 0]
    assert shown in sentences(data.info)
    assert len(data.info.preview_rows) == 4
    assert data.info.preview_rows[1][2] == "狗"


def test_row_30_an_open_quote_names_its_row(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    path.write_text('a,b,label\n1,2,x\n3,4,"y\n5,6,x\n7,8,y\n')
    refused(path, "Row 3", "quotation mark", inputs=ROW)


def test_row_30_ragged_rows_are_named(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a,b,label\n1,2,x\n3,4\n5,6,y\n\n7,8,x,9\n9,10,y\n")
    info = opened(path, inputs=ROW).info
    assert [str(one) for one in info.skipped] == [
        "Row 3: 2 cells instead of 3",
        "Row 6: 4 cells instead of 3",
    ]
    assert info.skipped_count == 2


def test_row_30_mostly_ragged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a,b,label\n" + "1,2,x\n" + "1,2,3,4\n1,2\n" * 3)
    refused(path, "Most rows", "Row 3", inputs=ROW)


def test_row_31_missing_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("a,b,label\n1,2,x\n3,4,\n5,6,NaN\n7,8,y\n9,9,y\n")
    info = opened(path, inputs=ROW).info
    assert "2 rows have no label in column 'label'" in sentences(info)
    assert info.class_names == ("x", "y")
    assert info.calibration_count + info.judge_count == 3


def test_row_31_no_label_at_all(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("a,b,label\n1,2,\n3,4,nan\n")
    refused(path, "label column 'label' is empty", inputs=ROW)


def test_row_31_text_in_a_column_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "text.csv"
    path.write_text("a,colour,label\n1,red,x\n2,blue,y\n3,red,x\n")
    refused(path, "'colour'", "'red' is not a number", inputs=ROW)


def test_row_31_fractions_as_classes(tmp_path: Path) -> None:
    path = tmp_path / "fractions.csv"
    path.write_text("a,b,label\n1,2,0.5\n3,4,1\n5,6,0\n")
    refused(path, "0.5", "tells 2 classes apart", inputs=ROW)


def test_row_31_100_000_columns(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    columns = 100_000
    header = ",".join(f"c{number}" for number in range(columns)) + ",label\n"
    path.write_text(header + "".join("1," * columns + f"{label}\n" for label in "xyxy"))
    error = refused(path, "100000 columns", "takes 2", "'label'", inputs=ROW)
    assert len(error.one_line()) < 500
    wide = TensorInfo(name="x", dtype="float32", shape=("N", columns))
    info = opened(path, inputs=wide).info
    assert len(info.columns) <= 50
    assert len(info.preview_rows[0]) <= 50


# ---------------------------------------------------------------- 32: data against model


def test_row_32_number_of_classes(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 2, "b": 2, "c": 2})
    refused(tmp_path, "3 classes (a, b, c)", "model answers 10", classes=10)


def test_row_32_preprocessed_shape(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 2, "b": 2})
    refused(tmp_path, "3 × 2 × 2", "3 × 4 × 4", preprocess=Preprocess(resize=2))
    refused(tmp_path, "1 × 4 × 4", "3 × 4 × 4", preprocess=Preprocess(color="GRAY"))
    refused(tmp_path, "4 × 4 × 3", "3 × 4 × 4", preprocess=Preprocess(layout="NHWC"))
    refused(tmp_path, "2 numbers", "3 channels", preprocess=Preprocess(mean=(1, 2)))


def test_row_32_one_picture_of_another_size(tmp_path: Path) -> None:
    class_folders(tmp_path, {"a": 2, "b": 2})
    save_picture(tmp_path / "b" / "wide.png", size=(5, 4))
    refused(tmp_path, "b/wide.png", "3 × 4 × 5", preprocess=AS_IT_IS)


def test_row_32_arrays_of_another_shape(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((9, 5), np.float32), y=np.arange(9) % 2)
    refused(tmp_path / "x.npz", "'x' is 5", "takes 2", inputs=ROW)


def test_row_32_labels_beyond_the_models_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((9, 2), np.float32), y=np.arange(9))
    refused(tmp_path / "x.npz", "9 classes", "model answers 2", inputs=ROW)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\x89PNG\r\n\x1a\n", "folder"),
        (b"PK\x05\x06" + bytes(18), "array"),
        (b"\x7fELF\x02\x01\x01\x00\x01\x02\x03", "neither a folder of pictures"),
        (b"PAR1\x15\x04", "CSV"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(content)
    refused(path, says)


@pytest.mark.parametrize("kind", ["", "images", "table", "arrays"])
def test_data_that_is_not_there(tmp_path: Path, kind: str) -> None:
    refused(tmp_path / "gone", "gone", kind=kind)


def test_an_unknown_kind_is_named(tmp_path: Path) -> None:
    refused(tmp_path, "'pictures'", "images", kind="pictures")
