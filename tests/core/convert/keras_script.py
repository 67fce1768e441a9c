"""Run by itself, for Keras must be told its backend before it is imported: saves models into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers


def iris() -> keras.Model:
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(10, activation="relu"), layers.Dense(3, activation="softmax")]
    )


def pictures() -> keras.Model:
    x = image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(6, 1)(x)
    return keras.Model(image, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def recurrent() -> keras.Model:
    return keras.Sequential(
        [keras.Input((12, 5)), layers.LSTM(8, return_sequences=True), layers.GRU(6), layers.Dense(3)]
    )


def tokens() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((10,), dtype="int32"),
            layers.Embedding(40, 8),
            layers.LSTM(4, go_backwards=True, return_sequences=True),
            # the reset gate before the product: ONNX has it, torch has not
            layers.GRU(5, reset_after=False, return_sequences=True, bias_initializer="random_normal"),
            layers.GRU(3, reset_after=False, go_backwards=True, use_bias=False),
            layers.Dense(3),
        ]
    )


def attention() -> keras.Model:
    words = keras.Input((10, 8))
    x = layers.LayerNormalization()(words + layers.MultiHeadAttention(2, 4)(words, words))
    x = layers.Conv1D(8, 3, padding="same", activation="gelu")(x)
    return keras.Model(words, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


def anysize() -> keras.Model:
    image = keras.Input((None, None, 3))
    return keras.Model(image, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image)))


class Doubled(layers.Layer):
    def call(self, x: object) -> object:
        return x * 2


def main(folder: Path) -> None:
    random = np.random.default_rng(5)
    for make in (iris, pictures, recurrent, tokens, attention, anysize):
        keras.utils.set_random_seed(3)
        model = make()
        name = make.__name__
        for ending in ("keras", "h5"):
            model.save(folder / f"{name}.{ending}")
        if name != "anysize":
            shape = (5, *model.inputs[0].shape[1:])
            x = random.normal(size=shape).astype(np.float32)
            if name == "tokens":
                x = random.integers(0, 40, shape).astype(np.int32)
            np.savez(folder / f"{name}.npz", x=x, y=model.predict(x, verbose=0))
    marker = folder / "marker"
    # the path as a literal in its code: that is all of a lambda that a file keeps
    function = eval(f"lambda x: (open({str(marker)!r}, 'a').write('x'), x)[1]")
    for ending in ("keras", "h5"):
        model = keras.Sequential([keras.Input((4,)), layers.Lambda(function, output_shape=(4,))])
        model.save(folder / f"lambda.{ending}")
    model.predict(np.zeros((1, 4)), verbose=0)
    assert marker.exists(), "the payload is no dud"
    marker.unlink()
    keras.Sequential([keras.Input((4,)), Doubled()]).save(folder / "custom.keras")
    iris().save_weights(folder / "only.weights.h5")
    with h5py.File(folder / "other.h5", "w") as file:
        file["array"] = np.zeros(3)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
