"""A few lines of Python that run the file: the same inputs as it was judged with."""

from __future__ import annotations

from core.data.fit import batch_axis, numpy_dtype
from core.errors import DataError
from core.values import DataInfo, ModelInfo, Preprocess, TensorInfo

MOST_CLASSES = 50


def snippet(name: str, model: ModelInfo, data: DataInfo | None) -> str:
    """Python for onnxruntime. Pictures are prepared as for judging, requests read, others zeros to fill in.

    Names are written as Python literals, so that none can end a string or a line.
    """
    preprocess = data.spec.preprocess if data is not None else None
    if preprocess is not None and preprocess.layout and len(model.inputs) == 1:
        body = _picture(model.inputs[0], preprocess)
        imports = ["import numpy as np", "import onnxruntime", "from PIL import Image"]
    elif data is not None and data.kind == "requests":
        body = ["request = np.load('request.npz')  # one of the samples, or a file like them", "feeds = {"]
        body += [f"    {tensor.name!r}: {_loaded(tensor, model.inputs)}," for tensor in model.inputs]
        body.append("}")
        imports = ["import numpy as np", "import onnxruntime"]
    else:
        body = [f"    {tensor.name!r}: {_zeros(tensor)}," for tensor in model.inputs]
        body = ["feeds = {", *body, "}"]
        imports = ["import numpy as np", "import onnxruntime"]
    lines = [*imports, "", f"session = onnxruntime.InferenceSession({name!r})", *body]
    return "\n".join([*lines, *_answers(model, data)])


def _answers(model: ModelInfo, data: DataInfo | None) -> list[str]:
    """From the feeds to what the answers say, as far as the task tells how to read them."""
    task = data.task if data is not None else "unlabelled"
    names = list(data.class_names) if data is not None else []
    if task == "detection":
        return [
            "for output, answer in zip(session.get_outputs(), session.run(None, feeds)):",
            "    print(output.name, answer.shape)  # boxes and their scores",
        ]
    lines = ["answers = session.run(None, feeds)[0]"]
    if task == "segmentation":
        lines.append(f"classes = {_classes_of_places(model, len(names))}")
        lines.append("for number in np.unique(classes):")
        known = names if len(names) <= MOST_CLASSES else []
        lines.insert(1, f"names = dict(enumerate({known!r}))")
        lines.append('    share = f"{(classes == number).mean():.1%}"')
        return [*lines, '    print(names.get(number, number), share, "of the picture")']
    if not 0 < len(names) <= MOST_CLASSES:
        return [*lines, "print(answers)"]
    if len(names) == 2 and _columns(model) == 1:
        return [*lines, "print(answers)  # " + ascii(names[0]) + ", " + ascii(names[1])]
    lines.append(f"names = {names!r}")
    if task == "multilabel":
        return [*lines, "print(dict(zip(names, answers.reshape(-1).tolist())))"]
    return [*lines, "print(names[int(answers.reshape(-1).argmax())])"]


def _classes_of_places(model: ModelInfo, count: int) -> str:
    """The expression that makes a map of classes of the first output: of classes, or of scores of them."""
    output = model.outputs[0]
    shape = output.shape or ()
    if len(shape) != 4 or not output.dtype.startswith(("float", "double", "bfloat")):
        return "answers[0]"
    axis = 1 if shape[1] == count or shape[-1] != count else len(shape) - 1
    if shape[axis] == 1:
        return "(answers[0] > (0 if answers.min() < 0 or answers.max() > 1 else 0.5)).astype(int)"
    return f"answers[0].argmax({axis - 1})"


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


def _loaded(tensor: TensorInfo, inputs: tuple[TensorInfo, ...]) -> str:
    """The input from a file, with a batch of one put in where it has none."""
    loaded = f"request[{tensor.name!r}].astype(np.{_dtype(tensor)})"
    axis = batch_axis(tensor, inputs)
    if axis is None or tensor.shape is None:
        return loaded
    sizes = [1 if place == axis else size for place, size in enumerate(tensor.shape)]
    # a second open size has to be told from the numbers, of more nothing can be told
    known = [size if isinstance(size, int) else -1 for size in sizes]
    return f"{loaded}.reshape({tuple(known)})" if known.count(-1) < 2 else loaded


def _dtype(tensor: TensorInfo) -> str:
    try:
        name = numpy_dtype(tensor).name
    except DataError:
        return "object_"
    return "bool_" if name == "bool" else name


def _columns(model: ModelInfo) -> int | None:
    shape = model.outputs[0].shape if model.outputs else None
    return shape[-1] if shape and isinstance(shape[-1], int) else None
