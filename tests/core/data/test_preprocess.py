import numpy as np
import pytest
from data_makers import AS_IT_IS
from PIL import Image

from core.data.preprocess import (
    complete,
    normalise,
    picture_layout,
    resized_size,
    result_shape,
    to_pictures,
    to_pixels,
)
from core.data.preprocess_guess import guess
from core.errors import DataError
from core.values import Preprocess, TensorInfo

FLOAT = np.dtype(np.float32)
TWO_BY_TWO = np.array([[[0, 10, 20], [30, 40, 50]], [[60, 70, 80], [90, 100, 110]]], dtype=np.uint8)


def picture_input(*shape: int | str | None, dtype: str = "float32") -> TensorInfo:
    return TensorInfo(name="image", dtype=dtype, shape=shape)


def test_a_2_by_2_picture_by_hand() -> None:
    preprocess = Preprocess(mean=(10, 20, 30), std=(2, 5, 10), layout="NCHW", color="RGB")
    pixels = to_pixels(Image.fromarray(TWO_BY_TWO), preprocess)
    values = normalise(pixels[None], preprocess, FLOAT)
    assert values.shape == (1, 3, 2, 2)
    assert values.dtype == np.float32
    assert values[0, 0].tolist() == [[-5, 10], [25, 40]]  # red: (0, 30, 60, 90) − 10, over 2
    assert values[0, 1].tolist() == [[-2, 4], [10, 16]]  # green: (10, 40, 70, 100) − 20, over 5
    assert values[0, 2].tolist() == [[-1, 2], [5, 8]]  # blue: (20, 50, 80, 110) − 30, over 10


def test_mean_and_std_follow_the_colour_order() -> None:
    preprocess = Preprocess(mean=(20, 10, 0), std=(10, 10, 10), layout="NHWC", color="BGR")
    values = normalise(to_pixels(Image.fromarray(TWO_BY_TWO), preprocess)[None], preprocess, FLOAT)
    assert values[0, 0, 0].tolist() == [0, 0, 0]  # blue 20, green 10, red 0
    assert values[0, 1, 1].tolist() == [9, 9, 9]


def test_grey_has_one_channel() -> None:
    preprocess = Preprocess(layout="NCHW", color="GRAY")
    values = normalise(to_pixels(Image.new("RGB", (2, 3), (7, 7, 7)), preprocess)[None], preprocess, FLOAT)
    assert values.shape == (1, 1, 3, 2)
    assert values.tolist() == np.full((1, 1, 3, 2), 7.0).tolist()


def test_whole_number_inputs_get_the_pixels() -> None:
    preprocess = Preprocess(layout="NHWC", color="RGB")
    values = normalise(TWO_BY_TWO[None], preprocess, np.dtype(np.uint8))
    assert values.dtype == np.uint8
    assert values[0].tolist() == TWO_BY_TWO.tolist()


def test_resize_is_of_the_shorter_side_and_the_crop_is_central() -> None:
    assert resized_size((100, 50), 25) == (50, 25)
    assert resized_size((50, 100), 25) == (25, 50)
    assert resized_size((100, 50), (10, 20)) == (20, 10)  # (height, width) gives (width, height)
    columns = np.repeat(np.arange(6, dtype=np.uint8)[None], 4, axis=0)
    pixels = to_pixels(Image.fromarray(columns), Preprocess(crop=(2, 4), color="GRAY", layout="NCHW"))
    assert pixels[:, :, 0].tolist() == [[1, 2, 3, 4], [1, 2, 3, 4]]
    assert result_shape((640, 480), Preprocess(resize=256, crop=224, layout="NHWC", color="RGB")) == (
        224,
        224,
        3,
    )


def test_halving_averages_neighbours() -> None:
    # antialiased: each new pixel is a weighted mean, so a checkerboard of 0 and 100 turns to about 50
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 100).astype(np.uint8)
    pixels = to_pixels(Image.fromarray(board), Preprocess(resize=4, layout="NCHW", color="GRAY"))
    assert pixels.shape == (4, 4, 1)
    assert np.abs(pixels.astype(int) - 50).max() <= 2


def test_what_the_model_sees_can_be_undone_to_the_picture() -> None:
    preprocess = Preprocess(
        mean=(123.675, 116.28, 103.53), std=(58.4, 57.1, 57.4), layout="NCHW", color="BGR"
    )
    values = normalise(TWO_BY_TWO[None], preprocess, FLOAT)
    (picture,) = to_pictures(values, preprocess)
    assert np.asarray(picture).tolist() == TWO_BY_TWO.tolist()


def test_layout_is_where_the_channels_stand() -> None:
    assert picture_layout(("N", 3, 224, 224)) == "NCHW"
    assert picture_layout((None, 224, 224, 3)) == "NHWC"
    assert picture_layout(("N", 1, 28, 28)) == "NCHW"
    assert picture_layout(("N", 10)) == ""
    assert picture_layout(None) == ""


def test_guess_of_exact_size_resizes_nothing() -> None:
    preprocess, notes = guess(picture_input("N", 3, 32, 32), (32, 32))
    assert (preprocess.resize, preprocess.crop) == (None, None)
    assert (preprocess.layout, preprocess.color) == ("NCHW", "RGB")
    assert preprocess.mean == (123.675, 116.28, 103.53)
    assert any("guess" in str(note) for note in notes)


def test_guess_for_large_pictures_resizes_and_crops() -> None:
    preprocess, _ = guess(picture_input("N", 224, 224, 3), None)
    assert (preprocess.resize, preprocess.crop, preprocess.layout) == (256, 224, "NHWC")
    assert preprocess.mean == preprocess.std == (127.5, 127.5, 127.5)


def test_guess_for_an_oblong_input_stretches() -> None:
    preprocess, _ = guess(picture_input(1, 3, 48, 192), None)
    assert (preprocess.resize, preprocess.crop) == ((48, 192), None)


def test_guess_for_bytes_normalises_nothing() -> None:
    preprocess, _ = guess(picture_input("N", 96, 96, 3, dtype="uint8"), None)
    assert (preprocess.mean, preprocess.std) == ((), ())


def test_guess_for_any_size_is_224_or_what_the_pictures_have() -> None:
    assert guess(picture_input("N", 3, None, "w"), None)[0].crop == 224
    assert guess(picture_input("N", 3, None, "w"), (96, 64))[0].crop is None


def test_guess_refuses_inputs_that_take_no_pictures() -> None:
    with pytest.raises(DataError, match=r"'image' \(\? × 10\) does not take pictures"):
        guess(picture_input("N", 10), None)


def test_layout_and_colour_left_open_come_from_the_model() -> None:
    filled = complete(AS_IT_IS, picture_input("N", 8, 8, 1))
    assert (filled.layout, filled.color, filled.mean) == ("NHWC", "GRAY", (0.0,))
