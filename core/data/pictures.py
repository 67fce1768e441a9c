"""Decode picture files safely: size read from the header first, odd kinds converted.

Only common formats are tried: others (EPS, for one) would start foreign programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from core.values import Text, text

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".bmp",
        ".dib",
        ".gif",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
    ]
)
MAX_PIXELS = 100_000_000
"""More than this is no training picture: 300 MB once unpacked."""

# Pillow would only warn, and raise at twice its limit; `opened` checks before a pixel is unpacked.
Image.MAX_IMAGE_PIXELS = None

_ORIENTATION = 0x0112
_QUARTER_TURNS = (5, 6, 7, 8)


class PictureError(Exception):
    """A picture that has to be left out, with the reason: a sentence that still lacks its {name}."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.template)
        self._reason = reason

    def reason(self, name: str) -> Text:
        return Text(self._reason.template, {**self._reason.params, "name": name})


@dataclass(frozen=True)
class Checked:
    """A picture that decodes. size is (width, height) after EXIF rotation; odd names its conversion."""

    size: tuple[int, int]
    odd: str


def opened(path: Path) -> Image.Image:
    """The picture with its header read, nothing unpacked. Raises PictureError."""
    try:
        picture = Image.open(path, formats=FORMATS)
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise PictureError(text("{name}: it cannot be read")) from error
        raise PictureError(text("{name}: it is not a picture, or damaged")) from error
    except Exception as error:  # a hostile header makes Pillow raise nearly anything
        raise PictureError(text("{name}: it is damaged")) from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        picture.close()
        raise PictureError(
            text(
                "{name}: it would unpack to {width} × {height} pixels, above the limit of {limit} million",
                width=width,
                height=height,
                limit=MAX_PIXELS // 1_000_000,
            )
        )
    return picture


def _to_8_bit(picture: Image.Image) -> Image.Image:
    """The picture as mode L or RGB; 16 bits keep their upper byte."""
    mode = picture.mode
    if mode in ("L", "RGB"):
        return picture
    if mode.startswith("I"):
        values = np.asarray(picture)
        if values.size and (values.min() < 0 or values.max() > 0xFFFF):
            raise PictureError(text("{name}: its numbers are neither 8 nor 16 bits"))
        return Image.fromarray((values.astype(np.uint32) >> 8).astype(np.uint8))
    if mode == "F":
        raise PictureError(text("{name}: it holds fractions instead of 8 or 16 bits"))
    if mode in ("1", "LA", "La"):
        return picture.convert("L")
    if mode == "P":
        # straight from a palette with transparency to RGB warns
        return picture.convert("RGBA").convert("RGB")
    return picture.convert("RGB")


def decode(path: Path) -> Image.Image:
    """The first frame, upright, 8 bits, mode L or RGB. Raises PictureError."""
    picture = opened(path)
    try:
        with picture:
            picture.load()
            upright = picture
            if picture.getexif().get(_ORIENTATION, 1) != 1:
                upright = ImageOps.exif_transpose(picture)
            converted = _to_8_bit(upright)
            return converted.copy() if converted is picture else converted
    except PictureError:
        raise
    except (OSError, SyntaxError) as error:
        raise PictureError(text("{name}: it is cut off or damaged")) from error
    except MemoryError:
        raise
    except Exception as error:
        raise PictureError(text("{name}: it is damaged")) from error


def check(path: Path) -> Checked:
    """Read the header and decode once, to know that it works. Raises PictureError.

    A JPEG is decoded at an eighth of its size: that finds the same damage in a quarter of the time.
    """
    picture = opened(path)
    try:
        with picture:
            size, mode, frames = picture.size, picture.mode, getattr(picture, "n_frames", 1)
            orientation = picture.getexif().get(_ORIENTATION, 1)
            picture.draft(None, (max(size[0] // 8, 1), max(size[1] // 8, 1)))
            picture.load()
            if mode == "F" or mode.startswith("I"):
                _to_8_bit(picture)
    except PictureError:
        raise
    except (OSError, SyntaxError) as error:
        raise PictureError(text("{name}: it is cut off or damaged")) from error
    except MemoryError:
        raise
    except Exception as error:
        raise PictureError(text("{name}: it is damaged")) from error
    if orientation in _QUARTER_TURNS:
        size = (size[1], size[0])
    odd = ""
    if frames > 1:
        odd = "animated"
    elif orientation != 1:
        odd = "rotated"
    elif mode.startswith("I"):
        odd = "16-bit"
    elif mode == "CMYK":
        odd = "CMYK"
    elif mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        odd = "transparent"
    return Checked(size, odd)


def named_picture(root: Path, name: str) -> Path | None:
    """The picture that a table names below the root, or None: it may not point anywhere else."""
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.suffix.lower() not in SUFFIXES or pure.is_absolute() or ".." in pure.parts or ":" in name:
        return None
    path = root / pure
    try:
        return path if path.is_file() else None
    except (OSError, ValueError):
        return None
