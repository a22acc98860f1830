import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from bot.errors import Rejected
from bot.networks.pictures import fit_picture

LIMIT = 1_000_000


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """The same noise each time."""
    grains = random.Random(7).randbytes(width * height)
    return Image.frombytes("L", (width, height), grains).convert(mode)


def test_a_large_png_that_does_not_compress_becomes_a_jpeg() -> None:
    data = file_of(noise(1500, 1500), "PNG")
    assert len(data) > LIMIT
    fitted = fit_picture(data, LIMIT)
    assert fitted.mime == "image/jpeg"
    assert len(fitted.data) <= LIMIT
    assert Image.open(io.BytesIO(fitted.data)).size == (fitted.width, fitted.height)


def test_a_png_that_is_small_enough_stays_a_png_and_loses_its_words() -> None:
    words = PngInfo()
    words.add_text("Author", "somebody private")
    image = Image.new("RGBA", (30, 20), (200, 0, 0, 128))
    data = file_of(image, "PNG", pnginfo=words)
    fitted = fit_picture(data, LIMIT)
    assert fitted.mime == "image/png"
    assert b"somebody private" not in fitted.data
    assert Image.open(io.BytesIO(fitted.data)).tobytes() == image.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_trace_of_the_photographer_is_gone(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    xmp = b"<x:xmpmeta>secret place</x:xmpmeta>"
    options = {"xmp": xmp} if kind != "PNG" else {}
    fitted = fit_picture(file_of(noise(40, 30), kind, exif=exif, **options), LIMIT)
    assert b"ecret" not in fitted.data
    assert not Image.open(io.BytesIO(fitted.data)).getexif()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_bare_small_picture_is_left_byte_for_byte(kind: str) -> None:
    data = file_of(noise(40, 30), kind)
    fitted = fit_picture(data, LIMIT)
    assert fitted.data == data
    assert fitted.mime == f"image/{kind.lower()}"


def test_the_colour_profile_stays() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    fitted = fit_picture(file_of(noise(40, 30), "JPEG", exif=exif, icc_profile=profile), LIMIT)
    assert Image.open(io.BytesIO(fitted.data)).info["icc_profile"] == profile


def test_a_picture_is_turned_as_it_is_looked_at() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    fitted = fit_picture(file_of(noise(40, 30), "JPEG", exif=exif), LIMIT)
    assert (fitted.width, fitted.height) == (30, 40)


def test_transparency_becomes_white_where_a_jpeg_is_needed() -> None:
    image = noise(1500, 1500, "RGBA")
    image.putalpha(0)
    # noise under full transparency still fills the file
    data = file_of(image, "PNG")
    assert len(data) > LIMIT
    fitted = fit_picture(data, LIMIT)
    assert Image.open(io.BytesIO(fitted.data)).convert("RGB").getpixel((5, 5)) == (255, 255, 255)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]),
    st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"]),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(3_000, 100_000),
)
def test_any_picture_fits_or_is_refused(
    mode: str, kind: str, width: int, height: int, limit: int
) -> None:
    image = noise(width, height, "RGB" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.new("I;16", (width, height), 700)
    try:
        data = file_of(image, kind)
    except (OSError, ValueError):
        return  # no such files
    try:
        fitted = fit_picture(data, limit)
    except Rejected:
        assert limit < 2 * width * height  # a real limit is far above what 600 by 600 takes
        return
    assert len(fitted.data) <= limit
    assert Image.open(io.BytesIO(fitted.data)).size == (fitted.width, fitted.height)
    assert fit_picture(data, limit) == fitted


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(Rejected):
        fit_picture(data, LIMIT)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_picture_is_refused_or_repaired(data: st.DataObject) -> None:
    whole = file_of(noise(60, 40), data.draw(st.sampled_from(["PNG", "JPEG", "WEBP"])))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(st.sampled_from([whole[:at], whole[:at] + b"\xff\x00" + whole[at + 2 :]]))
    try:
        fitted = fit_picture(damaged, LIMIT)
    except Rejected:
        return
    assert fitted.data
