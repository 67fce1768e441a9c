"""What every peer's script shares: its command line, and what a configuration costs. Needs numpy and onnx.

    bench/.venv-NAME/bin/python bench/peers/with_NAME.py --list
    bench/.venv-NAME/bin/python bench/peers/with_NAME.py --make CONFIGURATION --model M --images I.npy --out F

The images are (n, ...) float32, already as the network wants them. The last line printed is JSON: seconds
without imports, processor seconds, the highest resident memory in bytes, versions.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

Configuration = Callable[[Path, str, np.ndarray, Path], None]
"""Makes a file: the network, its input's name, the images, where to write."""

BATCH = 32


def main(configurations: dict[str, Configuration], *packages: str) -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--make", choices=configurations)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.list:
        print(json.dumps(list(configurations)))
        return
    import onnx

    initializers = {item.name for item in onnx.load(options.model).graph.initializer}
    inputs = [item.name for item in onnx.load(options.model).graph.input]
    (name,) = [item for item in inputs if item not in initializers]
    images = np.load(options.images)
    started, used = time.perf_counter(), time.process_time()
    configurations[options.make](options.model, name, images, options.out)
    # on a line of its own, whatever progress bar came before
    print()
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - started,
                "cpu": time.process_time() - used,
                "peak_bytes": peak_bytes(),
                "versions": {package: importlib.metadata.version(package) for package in packages},
            }
        )
    )


def peak_bytes() -> int:
    """The highest resident memory of this process so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def batches(images: np.ndarray, size: int = BATCH) -> Iterator[np.ndarray]:
    for start in range(0, len(images), size):
        yield images[start : start + size]


class Reader:
    """The images one batch at a time, as onnxruntime's quantisers and those built upon them ask for them."""

    def __init__(self, name: str, images: np.ndarray, size: int = BATCH) -> None:
        self._name, self._images, self._size = name, images, size
        self.rewind()

    def rewind(self) -> None:
        self._left = batches(self._images, self._size)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._left, None)
        return None if batch is None else {self._name: batch}

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        return ({self._name: batch} for batch in batches(self._images, self._size))

    def __len__(self) -> int:
        return -(-len(self._images) // self._size)
