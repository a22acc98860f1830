"""A process's own idea of the time of day, which a test sets while the process runs.

It is Debian's libfaketime that lies to the process: about the time of day alone, as a real clock
is set; what only measures how long something takes (CLOCK_MONOTONIC) is left as it is.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.servers.skips import lacking


class MachineClock:
    """The clock of processes that are started with its ``environment``.

    :param folder: where it may keep a file.
    :param ahead: of the real time; negative: behind.
    """

    def __init__(self, folder: Path, ahead: timedelta = timedelta()) -> None:
        self._file = folder / "ahead"
        self._library = _library()
        self.ahead = ahead
        self.set(ahead)

    def set(self, ahead: timedelta) -> None:
        """Set it: from now on it is this much ahead of the real time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead.total_seconds():+.0f}")
        new.replace(self._file)  # a reader finds the old or the new, never half of it
        self.ahead = ahead

    def now(self) -> datetime:
        """What it shows (UTC)."""
        return datetime.now(UTC) + self.ahead

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # its name in older versions
        }


def _library() -> Path:
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        lacking("libfaketime is not on this machine", "apt install faketime")
    return found
