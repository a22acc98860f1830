"""Pictures made fit for a network: without what they tell about the photographer, small enough."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageOps

from bot.errors import Rejected

_SIDES = (4000, 3000, 2400, 2000, 1600, 1200, 900, 600)  # longest side, in pixels
_QUALITIES = (90, 80)

# What a file may carry besides its pixels to be sent as it is: anything else (EXIF with a place
# and a camera, XMP, IPTC, comments, text chunks) means that it is written anew.
# fmt: off
_HARMLESS = frozenset((
    "adobe", "adobe_transform", "aspect", "background", "chromaticity", "dpi", "duration", "gamma",
    "icc_profile", "interlace", "jfif", "jfif_density", "jfif_unit", "jfif_version", "loop",
    "progression", "progressive", "srgb", "timestamp", "transparency",
))
# fmt: on
_HARMLESS_SEGMENTS = frozenset(("APP0", "APP2", "APP14"))  # JFIF, colour profile, Adobe's colours


@dataclass(frozen=True, slots=True)
class FittedPicture:
    """A picture as it goes out. Width and height in pixels, as it is looked at."""

    data: bytes
    mime: str
    width: int
    height: int


def fit_picture(data: bytes, max_bytes: int) -> FittedPicture:
    """The picture upright, without metadata and in at most ``max_bytes``.

    A JPEG, PNG or WebP that is so already is left byte for byte. Otherwise a PNG, or whatever has
    transparency, is tried as PNG; then as JPEG (transparency on white), first with less quality
    and then with fewer pixels. The same input always gives the same bytes. Takes up to a second
    or two for a large photo: call it in a thread.

    :raises Rejected: it is no picture that can be read, or can't be made small enough.
    """
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
        kind = image.format or ""
        if kind in ("JPEG", "PNG", "WEBP") and len(data) <= max_bytes and _is_bare(image):
            return FittedPicture(data, f"image/{kind.lower()}", image.width, image.height)
        upright = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Rejected("The picture can't be read: it is damaged or of an unknown kind.") from error
    for fitted in _encodings(upright, kind):
        if len(fitted.data) <= max_bytes:
            return fitted
    raise Rejected(f"The picture can't be made smaller than {max_bytes:,} bytes.")


def _is_bare(image: Image.Image) -> bool:
    segments = {name for name, _ in getattr(image, "applist", ())}
    return set(image.info) <= _HARMLESS and segments <= _HARMLESS_SEGMENTS


def _encodings(image: Image.Image, kind: str) -> Iterator[FittedPicture]:
    """Ever smaller files of one picture."""
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
    if kind == "PNG" or image.has_transparency_data:
        yield _encoded(image, "PNG", icc_profile=profile)
    flat = _flattened(image)
    longest = max(flat.size)
    for side in (min(longest, _SIDES[0]), *(side for side in _SIDES[1:] if side < longest)):
        scaled = flat if side == longest else ImageOps.contain(flat, (side, side))
        for quality in _QUALITIES:
            yield _encoded(scaled, "JPEG", quality=quality, icc_profile=profile)


def _flattened(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")


def _encoded(image: Image.Image, kind: str, **options: object) -> FittedPicture:
    """A file with nothing in it but pixels and their colour profile."""
    bare = image.copy()
    bare.info = {}
    if kind == "PNG" and "transparency" in image.info:
        bare.info["transparency"] = image.info["transparency"]
    file = io.BytesIO()
    bare.save(file, kind, **{name: value for name, value in options.items() if value is not None})
    return FittedPicture(file.getvalue(), f"image/{kind.lower()}", image.width, image.height)
