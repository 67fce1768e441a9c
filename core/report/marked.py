"""A picture of a report with what an answer says about its places over it, as SVG with the picture inside."""

from __future__ import annotations

import base64
import io

from PIL import Image

from core.report.words import Words
from core.values import CLASS_COLORS, Marks


def marked_picture(picture_png: bytes, marks: Marks, words: Words) -> str:
    """The picture, over it areas as tints or boxes with their classes as titles; empty if there is none."""
    try:
        with Image.open(io.BytesIO(picture_png)) as picture:
            width, height = picture.size
    except OSError:
        return ""
    data = base64.b64encode(picture_png).decode()
    parts = [f'<image width="{width}" height="{height}" href="data:image/png;base64,{data}"></image>']
    parts += _areas(marks, width, height)
    stroke = max(width, height) / 55
    for box in reversed(marks.boxes):  # the surest on top
        x, y = box.left * width, box.top * height
        across, down = (box.right - box.left) * width, (box.bottom - box.top) * height
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{across:.1f}" height="{down:.1f}" fill="none" '
            f'stroke="{_color(box.number)}" stroke-width="{stroke:.2f}">'
            f"<title>{words.name(box.name)} {100 * box.share:.0f} %</title></rect>"
        )
    return f'<svg class="marked" viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'


def _color(number: int) -> str:
    return CLASS_COLORS[number % len(CLASS_COLORS)]


def _areas(marks: Marks, width: int, height: int) -> list[str]:
    """A path for each class."""
    paths = []
    for number, inside, runs in marks.regions():
        down, across = height / inside.shape[0], width / inside.shape[1]
        drawn = "".join(
            f"M{first * across:.4g} {row * down:.4g}h{(end - first) * across:.4g}v{down:.4g}"
            f"H{first * across:.4g}z"
            for row, first, end in runs
        )
        paths.append(f'<path d="{drawn}" fill="{_color(number - 1)}" fill-opacity=".5"></path>')
    return paths
