"""Pictures reduced to the few pixels that a terminal shows."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

MAX_PICTURE_BYTES = 16 * 1000 * 1000
"""The largest picture file that is read."""
MAX_PIXELS = 50_000_000
"""The largest picture that is decoded: a small file may hold billions of pixels."""
KEPT = 480
"""Pixels of the longer side that are kept."""

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of `width` × `height` pixels in `data`, three bytes each, rows from the top. The file has
    `full_width` × `full_height`."""

    width: int
    height: int
    data: bytes
    full_width: int
    full_height: int
    format: str = ""

    def pixel(self, x: int, y: int) -> RGB:
        at = 3 * (y * self.width + x)
        red, green, blue = self.data[at : at + 3]
        return red, green, blue

    def fitted(self, columns: int, rows: int) -> Picture:
        """The picture in at most `columns` × `rows` pixels, with its proportions; never enlarged beyond the
        size of the file."""
        from PIL import Image

        scale = min(columns / self.full_width, rows / self.full_height, 1.0)
        width = max(1, round(self.full_width * scale))
        height = max(1, round(self.full_height * scale))
        image = Image.frombytes("RGB", (self.width, self.height), self.data)
        small = image.resize((width, height), Image.Resampling.LANCZOS)
        return Picture(width, height, small.tobytes(), self.full_width, self.full_height, self.format)


def read_picture(data: bytes) -> tuple[Picture | None, str]:
    """The picture in a file, on white where it is transparent; or None, and why it cannot be shown."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        return None, "Pillow is not installed"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(data))
            full_width, full_height = image.size
            if full_width * full_height > MAX_PIXELS:
                return None, f"it has too many pixels, {full_width:,} × {full_height:,}"
            kind = image.format or ""
            image.draft("RGB", (KEPT, KEPT))
            image = ImageOps.exif_transpose(image)
            image.thumbnail((KEPT, KEPT))
            if image.mode in ("I;16", "I", "F"):
                image = ImageOps.autocontrast(image.convert("F").convert("L"))
            rgba = image.convert("RGBA")
            white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
            flat = Image.alpha_composite(white, rgba).convert("RGB")
    except Image.DecompressionBombError:
        return None, "it has too many pixels"
    except Exception as error:  # Pillow's decoders raise all kinds of errors
        return None, f"{type(error).__name__}: {error}"
    if (image.height > image.width) != (full_height > full_width):  # turned upright
        full_width, full_height = full_height, full_width
    return Picture(flat.width, flat.height, flat.tobytes(), full_width, full_height, kind), ""
