"""What to put into the preprocessing form where the data could not be opened: the model's input says most."""

from __future__ import annotations

from core.values import ModelInfo, Preprocess


def preprocess_for(model: ModelInfo) -> Preprocess | None:
    """A start for a person to correct; None where the model's first input takes no pictures.

    Channels first or last by where the 1 or 3 stands; the size cropped to; values scaled to 0..1.
    """
    shape = model.inputs[0].shape if model.inputs else None
    if shape is None or len(shape) != 4:
        return None
    if shape[1] in (1, 3):
        layout, channels, size = "NCHW", shape[1], shape[2:]
    elif shape[3] in (1, 3):
        layout, channels, size = "NHWC", shape[3], shape[1:3]
    else:
        return None
    height, width = size
    known = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    return Preprocess(
        resize=known,
        mean=(0.0,),
        std=(255.0,),
        layout=layout,
        color="GRAY" if channels == 1 else "RGB",
    )
