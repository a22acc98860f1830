"""A server in a process of its own that ends with the tests, however they end.

The contract with the started program: it prints one line on stdout when it is ready, a JSON object
that says where it is, and it ends when its stdin is closed. The operating system closes that pipe
even if the tests are killed, so no server outlives them. A program may take orders on stdin, a line
each, and answers each with one more line. Whatever else the program says goes to stderr.
"""

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class ServerFailed(Exception):
    """The server did not start, or not in time; the message holds what it last said."""


class ServerProcess:
    """A started server; ``ready`` is what it said of itself. Leaving the context ends it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        ready_within: float = 60,
    ) -> None:
        """Start ``command`` in ``folder`` (where its log is kept) and wait until it is ready.

        ``environment`` is laid over the tests' own; ``ready_within`` is in seconds.

        :raises ServerFailed: it ended, or said nothing in time.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "server.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,  # so that it finds no .env of ours
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # Ctrl-C is for the tests, which then end the server
                bufsize=0,
            )
        try:
            self.ready: dict[str, Any] = json.loads(self._first_line(ready_within))
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def order(self, order: str, *, done_within: float = 30) -> None:
        """Give the server an order on its stdin, and wait until it says that it is done.

        :raises ServerFailed: it ended, or said nothing in time.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n".encode())
        self._first_line(done_within)

    def stop(self) -> None:
        """Ask the server to end by closing its stdin; after 15 s end it by force."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _first_line(self, ready_within: float) -> bytes:
        assert self._process.stdout is not None
        deadline = time.monotonic() + ready_within
        line = b""
        while not line.endswith(b"\n"):
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                raise ServerFailed(f"not ready within {ready_within} s; {self._last_words()}")
            piece = self._process.stdout.read(4096)
            if not piece:
                raise ServerFailed(f"ended before it was ready; {self._last_words()}")
            line += piece
        return line

    def _last_words(self) -> str:
        return f"it last said:\n{self._log.read_text(errors='replace')[-2000:]}"
