"""What comes with the program besides code: samples (see samples/README.md) and icons."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def sample_path(name: str) -> Path:
    """Where a sample lies, e.g. 'digits_resnet.onnx' or 'digits/test'. Raises FileNotFoundError."""
    path = Path(str(resources.files(__name__))) / "samples" / name
    if not path.exists():
        raise FileNotFoundError(path)
    return path
