"""What a sample of one's own has to be, told from the data: a picture, a sound, a row, tokens, arrays."""

from __future__ import annotations

import msgspec
import numpy as np

from core.data.csv_format import CsvFormat
from core.data.dataset import DataSet
from core.data.fit import batch_axis
from core.data.preview import are_pictures
from core.data.table_columns import Columns
from core.errors import DataError
from core.values import OwnField, OwnForm, TensorInfo

MOST_FIELDS = 4096
"""Rows of more numbers are not typed by anybody."""
SEEN_ROWS = 10_000
"""Of a table's, from which the columns' types and ranges are told."""
_EXAMPLE_TOKENS = 512


def row_form(columns: Columns, features: np.ndarray, form: CsvFormat) -> OwnForm | None:
    """The form of a table's rows; features: float32 (rows, columns) in the model's order."""
    seen = features[:SEEN_ROWS]
    if not len(seen) or seen.shape[1] > MOST_FIELDS:
        return None
    whole, low, high = (seen == np.round(seen)).all(axis=0), seen.min(axis=0), seen.max(axis=0)
    fields = tuple(
        OwnField(
            name=name[:200],
            whole=bool(whole[place]),
            low=float(low[place]),
            high=float(high[place]),
            example=_written(float(seen[0, place]), form.decimal_comma),
        )
        for place, name in enumerate(columns.features)
    )
    return OwnForm(
        kind="row",
        fields=fields,
        columns=tuple(name[:200] for name in columns.names),
        places=columns.feature_positions,
        delimiter=form.delimiter,
        decimal_comma=form.decimal_comma,
    )


def _written(value: float, decimal_comma: bool) -> str:
    """As short as it can be told apart in float32: 0.1 is no 0.10000000149."""
    shown = str(int(value)) if value == round(value) and abs(value) < 1e9 else str(np.float32(value))
    return shown.replace(".", ",") if decimal_comma else shown


def own_form(data: DataSet, inputs: tuple[TensorInfo, ...]) -> OwnForm | None:
    """The form of samples that are no rows of a table; None where nobody could type or choose one."""
    info = data.info
    if info.kind == "random" or not inputs:
        return None
    if len(inputs) == 1 and are_pictures(info.spec.preprocess):
        return OwnForm(kind="picture")
    if info.kind == "audio":
        return OwnForm(kind="sound")
    form = _token_form(data, inputs)
    if form is None and info.kind in ("requests", "arrays") and info.spec.preprocess is None:
        return OwnForm(kind="request")
    return form


def _token_form(data: DataSet, inputs: tuple[TensorInfo, ...]) -> OwnForm | None:
    """All inputs are whole numbers, one row of them for each sample, as token ids and their mask are."""
    rows = all(
        one.dtype.startswith(("int", "uint"))
        and one.shape is not None
        and len(one.shape) == 2
        and batch_axis(one, inputs) == 0
        for one in inputs
    )
    if not rows:
        return None
    try:
        sample = next(iter(data.batches("judge", 1, 1))).feeds
    except (StopIteration, DataError):
        return None
    fields = []
    for one in inputs:
        values = sample[one.name].reshape(-1)
        length = one.shape[1] if one.shape is not None else None
        if not len(values) or len(values) > MOST_FIELDS:
            return None
        shown = " ".join(map(str, values[:_EXAMPLE_TOKENS].tolist()))
        fields.append(
            OwnField(
                name=one.name[:200],
                whole=True,
                low=float(values.min()),
                high=float(values.max()),
                example=shown,
                length=length if isinstance(length, int) else None,
            )
        )
    return OwnForm(kind="tokens", fields=tuple(fields))


def with_own_form(data: DataSet, inputs: tuple[TensorInfo, ...]) -> DataSet:
    """The same data whose `DataInfo.own` says what a sample of one's own has to be."""
    if data.info.own is None:
        form = own_form(data, inputs)
        if form is not None:
            data.info = msgspec.structs.replace(data.info, own=form)
    return data
