"""Pictures: what is kept is what was given, whole, and nothing that can't be published."""

import hashlib
import io
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.media import (
    KINDS,
    MAX_BYTES,
    MAX_PICTURES,
    MediaFolder,
    OfferedPicture,
    PictureRefused,
    check_offered,
)
from storage.records import Medium

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DECODABLE = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}


def drawn(kind: str, size: tuple[int, int] = (12, 9), **options: object) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, "#0b6e63").save(content, kind, **options)
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


def keep(folder: MediaFolder, data: bytes, name: str = "field.png") -> Medium:
    return folder.keep("T1", name, data, NOW)


def files_of(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "media").rglob("*") if path.is_file()]


@pytest.mark.parametrize("mime", KINDS)
def test_each_kind_is_known_by_its_bytes(folder: MediaFolder, mime: str) -> None:
    data = drawn(DECODABLE[mime])
    medium = keep(folder, data, "named-otherwise.txt")
    assert (medium.mime, medium.width, medium.height) == (mime, 12, 9)
    assert medium.size == len(data)
    assert medium.sha256 == hashlib.sha256(data).hexdigest()
    assert folder.read(medium.sha256) == data


def test_a_phones_jpeg_with_a_second_picture_behind_it_is_a_jpeg(folder: MediaFolder) -> None:
    content = io.BytesIO()
    behind = Image.new("RGB", (12, 9), "#ffffff")
    Image.new("RGB", (12, 9), "#0b6e63").save(content, "MPO", save_all=True, append_images=[behind])
    assert keep(folder, content.getvalue()).mime == "image/jpeg"


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM"])
def test_other_kinds_are_refused_whatever_they_are_called(folder: MediaFolder, kind: str) -> None:
    with pytest.raises(PictureRefused, match=r"field\.png can't be read .*JPEG, PNG, WebP or GIF"):
        keep(folder, drawn(kind))


@pytest.mark.parametrize("mime", KINDS)
def test_a_truncated_file_is_refused(folder: MediaFolder, tmp_path: Path, mime: str) -> None:
    noise = Image.frombytes("RGB", (64, 64), Random(1).randbytes(64 * 64 * 3))
    content = io.BytesIO()
    noise.save(content, DECODABLE[mime])
    data = content.getvalue()
    with pytest.raises(PictureRefused):
        keep(folder, data[: len(data) // 2])
    assert files_of(tmp_path) == []


def test_too_many_bytes_are_refused_with_the_limit(folder: MediaFolder) -> None:
    with pytest.raises(PictureRefused, match="15 MB"):
        keep(folder, drawn("PNG") + bytes(MAX_BYTES))


def test_too_many_pixels_are_refused_before_they_are_unpacked(folder: MediaFolder) -> None:
    with pytest.raises(PictureRefused, match=r"10000 × 6000 pixels.*50 million"):
        keep(folder, _png_of(10_000, 6_000))


def test_a_decompression_bomb_is_refused(folder: MediaFolder) -> None:
    bomb = _png_of(60_000, 60_000)
    assert len(bomb) < 1_000
    with pytest.raises(PictureRefused):
        keep(folder, bomb)


def test_a_bomb_in_a_pictures_notes_is_refused(folder: MediaFolder) -> None:
    notes = zlib.compress(bytes(70_000_000))
    with pytest.raises(PictureRefused):
        keep(folder, _png_of(1, 1, _chunk(b"zTXt", b"note\0\0" + notes)))


def test_the_same_picture_twice_is_one_file(folder: MediaFolder, tmp_path: Path) -> None:
    first, second = keep(folder, drawn("PNG"), "a.png"), keep(folder, drawn("PNG"), "b.png")
    assert first.sha256 == second.sha256
    assert len(files_of(tmp_path)) == 1


def test_a_file_that_was_changed_on_disk_is_not_published_and_can_be_added_again(
    folder: MediaFolder, tmp_path: Path
) -> None:
    data = drawn("PNG")
    medium = keep(folder, data)
    [path] = files_of(tmp_path)
    path.write_bytes(b"something else")
    with pytest.raises(PictureRefused, match="changed on disk"):
        folder.read(medium.sha256)
    keep(folder, data)
    assert folder.read(medium.sha256) == data


def test_a_missing_file_is_said_in_words(folder: MediaFolder) -> None:
    with pytest.raises(PictureRefused, match="missing from the media folder"):
        folder.read("0" * 64)


def test_a_write_that_fails_leaves_nothing_behind(folder: MediaFolder, tmp_path: Path) -> None:
    data = drawn("PNG")
    digest = hashlib.sha256(data).hexdigest()
    (tmp_path / "media" / digest[:2] / digest).mkdir(parents=True)  # in the file's way
    with pytest.raises(OSError):
        keep(folder, data)
    assert files_of(tmp_path) == []


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_bytes_make_it_stumble(folder: MediaFolder, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(DECODABLE.values())))
    broken = bytearray(drawn(kind))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(broken) - 1))
        broken[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(broken)))
    offered = bytes(broken[:cut]) + data.draw(st.binary(max_size=20))
    try:
        medium = keep(folder, offered)
    except PictureRefused:
        return
    assert folder.read(medium.sha256) == offered
    assert medium.mime in KINDS


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_what_is_no_picture_is_refused(folder: MediaFolder, offered: bytes) -> None:
    with pytest.raises(PictureRefused):
        keep(folder, offered)


def offered(**other: object) -> OfferedPicture:
    given = {"file_id": "F1", "name": "a.png", "mime": "image/png", "size": 10, "url": "https://x"}
    return OfferedPicture(**{**given, **other})  # type: ignore[arg-type]  # some are ints


def test_kind_size_and_number_are_known_before_anything_is_fetched() -> None:
    check_offered([offered()] * MAX_PICTURES)
    with pytest.raises(PictureRefused, match="At most 4 pictures; you chose 5"):
        check_offered([offered()] * 5)
    with pytest.raises(PictureRefused, match=r"cat\.pdf is of the kind application/pdf"):
        check_offered([offered(name="cat.pdf", mime="application/pdf")])
    with pytest.raises(PictureRefused, match=r"big\.png has 15\.0 MB.*15 MB"):
        check_offered([offered(name="big.png", size=MAX_BYTES + 1)])


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png_of(width: int, height: int, *more: bytes) -> bytes:
    """A PNG that claims to be this large."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = _chunk(b"IDAT", zlib.compress(bytes(4)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + body + _chunk(b"IEND", b"")
