"""Run by itself, for Keras must be told its backend before it is imported: trains a model and saves it.

python supported_keras.py iris|gru TRAINING.npz MODEL.keras|MODEL.h5
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers


def iris(x: np.ndarray) -> keras.Model:
    """4 - 10 - 3, the scaling within."""
    scale = layers.Normalization(axis=-1)
    scale.adapt(x)
    dense = layers.Dense(10, activation="relu")
    return keras.Sequential([keras.Input((4,)), scale, dense, layers.Dense(3, activation="softmax")])


def gru(x: np.ndarray) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((x.shape[1],), dtype="int32"),
            layers.Embedding(40, 24),
            layers.GRU(32, return_sequences=True),
            layers.GRU(32),
            layers.Dense(4, activation="softmax"),
        ]
    )


def main(name: str, samples: Path, path: Path) -> None:
    keras.utils.set_random_seed(3)
    with np.load(samples) as given:
        x, y = given["x"], given["y"]
    model = {"iris": iris, "gru": gru}[name](x)
    rate, epochs = {"iris": (0.03, 60), "gru": (0.01, 14)}[name]
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=32 if name == "iris" else 128, epochs=epochs, verbose=0)
    model.save(path)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
