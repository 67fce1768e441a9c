"""A few lines of Python that run the file: the same inputs as it was judged with."""

from __future__ import annotations

from core.data.fit import numpy_dtype
from core.errors import DataError
from core.values import DataInfo, ModelInfo, Preprocess, TensorInfo

MOST_CLASSES = 50


def snippet(name: str, model: ModelInfo, data: DataInfo | None) -> str:
    """Python for onnxruntime. Pictures are prepared as for judging, other inputs are zeros to fill in.

    Names are written as Python literals, so that none can end a string or a line.
    """
    preprocess = data.spec.preprocess if data is not None else None
    if preprocess is not None and preprocess.layout and len(model.inputs) == 1:
        body = _picture(model.inputs[0], preprocess)
        imports = ["import numpy as np", "import onnxruntime", "from PIL import Image"]
    else:
        body = [f"    {tensor.name!r}: {_zeros(tensor)}," for tensor in model.inputs]
        body = ["feeds = {", *body, "}"]
        imports = ["import numpy as np", "import onnxruntime"]
    lines = [*imports, "", f"session = onnxruntime.InferenceSession({name!r})", *body]
    lines.append("answers = session.run(None, feeds)[0]")
    if data is not None and 0 < len(data.class_names) <= MOST_CLASSES:
        if len(data.class_names) == 2 and _columns(model) == 1:
            lines.append(
                "print(answers)  # " + ascii(data.class_names[0]) + ", " + ascii(data.class_names[1])
            )
        else:
            lines.append(f"names = {list(data.class_names)!r}")
            lines.append("print(names[int(answers.reshape(-1).argmax())])")
    else:
        lines.append("print(answers)")
    return "\n".join(lines)


def _picture(tensor: TensorInfo, preprocess: Preprocess) -> list[str]:
    mode = "L" if preprocess.color == "GRAY" else "RGB"
    lines = [f'picture = Image.open("picture.png").convert("{mode}")']
    if isinstance(preprocess.resize, int):
        lines.append(f"scale = {preprocess.resize} / min(picture.size)")
        lines.append("size = [int(side * scale + 1e-9) for side in picture.size]")
        lines.append("picture = picture.resize(size, Image.Resampling.BILINEAR)")
    elif preprocess.resize is not None:
        height, width = preprocess.resize
        lines.append(f"picture = picture.resize(({width}, {height}), Image.Resampling.BILINEAR)")
    if preprocess.crop is not None:
        crop = preprocess.crop
        height, width = (crop, crop) if isinstance(crop, int) else crop
        lines.append(f"width, height = min({width}, picture.width), min({height}, picture.height)")
        lines.append("left, top = round((picture.width - width) / 2), round((picture.height - height) / 2)")
        lines.append("picture = picture.crop((left, top, left + width, top + height))")
    lines.append("values = np.asarray(picture, dtype=np.float32)")
    if preprocess.color == "GRAY":
        lines.append("values = values[:, :, None]")
    if preprocess.color == "BGR":
        lines.append("values = values[:, :, ::-1]")
    if preprocess.mean:
        lines.append(f"values = values - np.array({list(preprocess.mean)}, np.float32)")
    if preprocess.std:
        lines.append(f"values = values / np.array({list(preprocess.std)}, np.float32)")
    if preprocess.layout == "NCHW":
        lines.append("values = values.transpose(2, 0, 1)")
    lines.append(f"feeds = {{{tensor.name!r}: values[None].astype(np.{_dtype(tensor)})}}")
    return lines


def _zeros(tensor: TensorInfo) -> str:
    """Zeros of the input's shape; dimensions that may vary are 1."""
    shape = tuple(size if isinstance(size, int) else 1 for size in tensor.shape or ())
    return f"np.zeros({shape}, np.{_dtype(tensor)})"


def _dtype(tensor: TensorInfo) -> str:
    try:
        name = numpy_dtype(tensor).name
    except DataError:
        return "object_"
    return "bool_" if name == "bool" else name


def _columns(model: ModelInfo) -> int | None:
    shape = model.outputs[0].shape if model.outputs else None
    return shape[-1] if shape and isinstance(shape[-1], int) else None
