"""Pictures: copied once, hashed, checked, kept in a folder beside the database."""

import hashlib
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image

from bot.errors import UserError
from storage.records import Medium

KINDS: Mapping[str, str] = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
}
# Many phones put a second picture (depth, brightness) behind a JPEG's own: Pillow's MPO.
MIMES: Mapping[str, str] = {kind: mime for mime, kind in KINDS.items()} | {"MPO": "image/jpeg"}
FORMATS = list(KINDS.values())
MAX_BYTES = 15_000_000
MAX_PIXELS = 50_000_000
MAX_PICTURES = 4


class PictureRefused(UserError):
    """A picture that can't be published: says which rule it breaks."""


@dataclass(frozen=True, slots=True)
class OfferedPicture:
    """A picture as Slack describes it in a submission, before its bytes are fetched."""

    file_id: str
    name: str
    mime: str
    size: int
    url: str


def check_offered(pictures: Sequence[OfferedPicture]) -> None:
    """Check kind, size and number from Slack's file objects alone.

    :raises PictureRefused: says which picture and which rule.
    """
    if len(pictures) > MAX_PICTURES:
        raise PictureRefused(f"At most {MAX_PICTURES} pictures; you chose {len(pictures)}.")
    for picture in pictures:
        if picture.mime not in KINDS:
            raise PictureRefused(
                f"{picture.name} is of the kind {picture.mime or 'unknown'}. "
                "Pictures can be JPEG, PNG, WebP or GIF."
            )
        if picture.size > MAX_BYTES:
            raise PictureRefused(
                f"{picture.name} has {picture.size / 1e6:.1f} MB. "
                f"The limit is {MAX_BYTES / 1e6:.0f} MB: make it smaller and choose it again."
            )


class MediaFolder:
    """Keeps bytes by their SHA-256. The same picture twice is one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, workspace_id: str, name: str, data: bytes, now: datetime) -> Medium:
        """Check a picture's bytes and copy them into the folder.

        :raises PictureRefused: the bytes are no picture we can publish.
        """
        mime, width, height = _look_at(name, data)
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if not path.is_file() or path.read_bytes() != data:  # or it was changed on disk
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, data)
        return Medium(
            workspace_id=workspace_id,
            sha256=digest,
            mime=mime,
            size=len(data),
            width=width,
            height=height,
            name=name[:255],
            slack_file_id=None,
            created_at=now,
        )

    def read(self, sha256: str) -> bytes:
        """A kept picture's bytes, checked against their name.

        :raises PictureRefused: the file is gone or was changed on disk.
        """
        try:
            data = self._path(sha256).read_bytes()
        except OSError as error:
            raise PictureRefused(
                "A picture of this post is missing from the media folder. Add it again."
            ) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise PictureRefused(
                "A picture of this post was changed on disk after it was approved. Add it again."
            )
        return data

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


def _look_at(name: str, data: bytes) -> tuple[str, int, int]:
    if len(data) > MAX_BYTES:
        raise PictureRefused(f"{name} is over the limit of {MAX_BYTES / 1e6:.0f} MB.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height, kind = image.width, image.height, image.format
            if width * height > MAX_PIXELS:
                raise PictureRefused(
                    f"{name} has {width} × {height} pixels. "
                    f"The limit is {MAX_PIXELS / 1e6:.0f} million."
                )
            image.load()
    except PictureRefused:
        raise
    except Exception as error:  # foreign bytes: its decoders raise whatever they stumble over
        raise PictureRefused(
            f"{name} can't be read as a picture (JPEG, PNG, WebP or GIF). "
            "Save it again in one of these and choose it anew."
        ) from error
    return MIMES[str(kind)], width, height


def _write_whole(path: Path, data: bytes) -> None:
    """Never leave half a file under its final name."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise
