"""Uploaded files: their records in the state file, their bytes in a folder beside it."""

from __future__ import annotations

import io
import mimetypes
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from PIL import Image, UnidentifiedImageError

from bot.playground.changes import Change, ChangeKind, Changes
from bot.playground.errors import SlackError
from bot.playground.ids import new_id
from bot.playground.records import File, FileState, from_json, to_json
from bot.playground.store import DocumentStore

PROCESSING_SECONDS = 0.3


class Files:
    """Uploads by the app (in three steps) and by people (in one)."""

    def __init__(
        self, store: DocumentStore, folder: Path, changes: Changes, now: Callable[[], float]
    ) -> None:
        self._store = store
        self._folder = folder
        self._changes = changes
        self._now = now
        self._files = {key: from_json(File, body) for key, body in store.all("file")}
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, file_id: str) -> bool:
        """Whether somebody asked to upload it here."""
        return file_id in self._files

    def get(self, file_id: str) -> File:
        """A file that was completely uploaded.

        :raises SlackError: ``file_not_found``, ``file_deleted``.
        """
        file = self._files.get(file_id)
        if file is None or file.state in (FileState.EXPECTED, FileState.RECEIVED):
            raise SlackError("file_not_found")
        if file.state is FileState.DELETED:
            raise SlackError("file_deleted")
        return file

    def is_ready(self, file: File) -> bool:
        """Whether Slack is done processing it: only then can a block show it."""
        return file.state is FileState.COMPLETE and self._now() >= file.ready_at

    def content_path(self, file_id: str) -> Path:
        """Where the bytes lie. :raises SlackError: as ``get``."""
        return self._folder / self.get(file_id).id

    def upload(self, user: str, name: str, content: bytes, alt_txt: str | None = None) -> File:
        """A person's upload, complete and private until it is shared in a channel."""
        file = self.expect(user, name, len(content), alt_txt)
        self.receive(file.id, file.upload_key, content)
        done = self.complete(user, file.id, title=name)
        return self._keep(replace(done, ready_at=self._now()))

    def expect(self, user: str, name: str, size: int, alt_txt: str | None = None) -> File:
        """Make room for an upload of ``size`` bytes; its ``upload_key`` belongs into the URL."""
        return self._keep(
            File(
                id=new_id("F"),
                user=user,
                name=name,
                title=name,
                size=size,
                created=int(self._now()),
                alt_txt=alt_txt,
                upload_key=secrets.token_urlsafe(24),
            )
        )

    def receive(self, file_id: str, upload_key: str, content: bytes) -> File:
        """Take the bytes.

        :raises SlackError: ``file_not_found`` for a wrong id or key, ``length_mismatch`` for
            another number of bytes than was announced.
        """
        file = self._files.get(file_id)
        if file is None or not secrets.compare_digest(file.upload_key, upload_key):
            raise SlackError("file_not_found")
        if file.state is not FileState.EXPECTED:
            raise SlackError("file_not_found")
        if len(content) != file.size:
            raise SlackError("length_mismatch")
        (self._folder / file.id).write_bytes(content)
        width, height = _picture_size(content)
        mimetype = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        suffix = PurePosixPath(file.name).suffix.lstrip(".").lower()
        return self._keep(
            replace(
                file,
                state=FileState.RECEIVED,
                mimetype=mimetype,
                filetype={"jpeg": "jpg"}.get(suffix, suffix) or "binary",
                width=width,
                height=height,
            )
        )

    def complete(self, user: str, file_id: str, title: str | None = None) -> File:
        """Finish an upload.

        :raises SlackError: ``file_not_found`` if the bytes are missing or it is another's.
        """
        file = self._files.get(file_id)
        if file is None or file.state is not FileState.RECEIVED or file.user != user:
            raise SlackError("file_not_found")
        done = replace(
            file,
            state=FileState.COMPLETE,
            title=title or file.name,
            ready_at=self._now() + PROCESSING_SECONDS,
        )
        return self._keep(done)

    def share(self, file_id: str, channel: str) -> File:
        """Note that the file is shown in a channel. :raises SlackError: as ``get``."""
        file = self.get(file_id)
        if channel in file.channels:
            return file
        return self._keep(replace(file, channels=(*file.channels, channel)))

    def hand_over(self, file_id: str) -> File:
        """Let the app read it: a person put it into one of the app's forms."""
        return self._keep(replace(self.get(file_id), is_handed_over=True))

    def delete(self, file_id: str) -> None:
        """Delete a file and its bytes. :raises SlackError: as ``get``."""
        file = self.get(file_id)
        (self._folder / file.id).unlink(missing_ok=True)
        self._keep(replace(file, state=FileState.DELETED))
        for channel in file.channels:
            self._changes.announce(Change(ChangeKind.CHANNEL, channel=channel))

    def _keep(self, file: File) -> File:
        self._files[file.id] = file
        self._store.put("file", file.id, to_json(file))
        self._changes.announce(Change(ChangeKind.FILE))
        return file


def _picture_size(content: bytes) -> tuple[int | None, int | None]:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.size
    except (UnidentifiedImageError, OSError):
        return None, None
