"""Load a Keras model on its torch backend, for torch's exporter. Runs in the converting process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import torch

from core.convert._archives import read_json
from core.convert._gru_before import gru_reset_before, register
from core.convert._torch_onnx import OPSET, Loaded
from core.convert.kinds.keras_model import check_config, input_size, is_hdf5
from core.errors import OpenError
from core.formats.safety import shown
from core.graph.labels import clean
from core.values import InputSize, text


class _Network(torch.nn.Module):
    """The model as one whose inputs come one after another."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)


def load(path: Path) -> tuple[Loaded, tuple[InputSize, ...]]:
    """Return the model and what goes in. Raises OpenError if Keras cannot read it, or it was never built."""
    import keras

    _fuse_recurrent_layers()
    register(OPSET)
    hdf5 = is_hdf5(path)
    if hdf5:
        check_config(_config(path), path)
    # Keras tells the kinds apart by the ending, which may be any
    alias = Path(os.environ["KERAS_HOME"]) / ("model.h5" if hdf5 else "model.keras")
    alias.symlink_to(path)
    try:
        model = keras.models.load_model(str(alias), compile=False, safe_mode=True)
    except Exception as error:  # Keras raises all kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise OpenError(
            text("Keras cannot read '{name}'.", name=shown(path)),
            text("It says: {reason}", reason=clean(reason, 300)),
            text(
                "In Python, load it with Keras and write it with model.export('model.onnx', format='onnx')."
            ),
        ) from error
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise OpenError(
            text("'{name}' does not say what goes into the network.", name=shown(path)),
            text("It was saved before it had seen any input."),
            text("Where it was made, call it on a sample once and save it again."),
        )
    sizes = tuple(input_size(tuple(one.shape), str(one.dtype)) for one in inputs)
    names = tuple(_plain(one.name, place) for place, one in enumerate(inputs))
    open_dims = tuple(
        tuple(dim for dim, size in enumerate(one.shape) if dim and size is None) for one in inputs
    )
    return Loaded(_Network(model).eval(), names, export_first=True, open_dims=open_dims), sizes


def written_by(path: Path) -> str:
    """Keras and its version, as the file says; empty if it does not."""
    if is_hdf5(path):
        import h5py

        with h5py.File(path, "r") as file:
            version = file.attrs.get("keras_version", "")
    else:
        version = read_json(path, "metadata.json").get("keras_version", "")
    version = version.decode(errors="replace") if isinstance(version, bytes) else str(version)
    return f"Keras {clean(version, 40)}" if version else ""


def _plain(name: str, place: int) -> str:
    kept = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in name)
    return kept or f"input_{place}"


def _config(path: Path) -> Any:
    import h5py

    with h5py.File(path, "r") as file:
        return json.loads(file.attrs["model_config"])


# ---------------------------------------------------------------- recurrent layers


def _fuse_recurrent_layers() -> None:
    """LSTM and GRU as the one operator that they are. Keras's own loop would write every step as nodes."""
    from keras.src import backend

    backend.lstm, backend.gru = _lstm, _gru
    for name in ("bidirectional_lstm", "bidirectional_gru"):
        if hasattr(backend, name):
            setattr(backend, name, _not_at_once)


def _not_at_once(*_: Any, **__: Any) -> Any:
    raise NotImplementedError


def _usual(mask: Any, activation: Any, recurrent_activation: Any) -> bool:
    return (
        mask is None
        and getattr(activation, "__name__", "") == "tanh"
        and getattr(recurrent_activation, "__name__", "") == "sigmoid"
    )


def _value(variable: Any) -> torch.Tensor:
    from keras.src.backend import convert_to_tensor

    return convert_to_tensor(variable)


def _lstm(
    inputs: Any,
    initial_state_h: Any,
    initial_state_c: Any,
    mask: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    activation: Any,
    recurrent_activation: Any,
    return_sequences: bool = False,
    go_backwards: bool = False,
    unroll: bool = False,
    batch_first: bool = True,
) -> Any:
    """Keras's contract: the last output, all outputs, the states. Both order the gates i, f, c, o."""
    if not _usual(mask, activation, recurrent_activation) or not batch_first:
        raise NotImplementedError
    weights = [_value(kernel).t(), _value(recurrent_kernel).t()]
    if bias is not None:
        weights += [_value(bias), torch.zeros_like(_value(bias))]
    x = torch.flip(inputs, [1]) if go_backwards else inputs
    states = (initial_state_h.unsqueeze(0), initial_state_c.unsqueeze(0))
    outputs, h, c = torch.lstm(x, states, weights, bias is not None, 1, 0.0, False, False, True)
    return h[0], outputs if return_sequences else h[0][:, None], [h[0], c[0]]


def _gru(
    inputs: Any,
    initial_state: Any,
    mask: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    activation: Any,
    recurrent_activation: Any,
    return_sequences: bool = False,
    go_backwards: bool = False,
    unroll: bool = False,
    reset_after: bool = True,
    batch_first: bool = True,
) -> Any:
    """As `_lstm`. Keras orders the gates z, r, h, torch r, z, n; only `reset_after` is torch's formula."""
    if not _usual(mask, activation, recurrent_activation) or not batch_first:
        raise NotImplementedError
    x = torch.flip(inputs, [1]) if go_backwards else inputs
    if not reset_after:
        w, r = _value(kernel).t(), _value(recurrent_kernel).t()
        both = _value(bias) if bias is not None else torch.zeros(w.shape[0])
        outputs = gru_reset_before(x, initial_state, w, r, both)
        h = outputs[:, -1]
        return h, outputs if return_sequences else h[:, None], [h]
    weights = [_reordered(_value(kernel)).t(), _reordered(_value(recurrent_kernel)).t()]
    if bias is not None:
        both = _value(bias)
        weights += [_reordered(both[:1])[0], _reordered(both[1:])[0]]
    outputs, h = torch.gru(
        x, initial_state.unsqueeze(0), weights, bias is not None, 1, 0.0, False, False, True
    )
    return h[0], outputs if return_sequences else h[0][:, None], [h[0]]


def _reordered(columns: torch.Tensor) -> torch.Tensor:
    z, r, h = columns.chunk(3, dim=1)
    return torch.cat([r, z, h], dim=1)
