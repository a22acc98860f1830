"""One process at a time on an SQLite file.

The lock is the kernel's (flock) on a file of its own beside the database: it ends with the process
that holds it, SIGKILL included, and a program that the process starts doesn't inherit it (Python
opens files close-on-exec). Locking the database itself would end SQLite's own locks on closing.
The lock file stays where it is: deleting it would let two processes lock two files of one name.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Taken(Exception):
    """Another process has the file. ``holder`` says which ("process 4711 on web-1")."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def only_process(file: Path) -> Iterator[None]:
    """Be the only process on a file until the end of the block.

    :raises Taken: another one is.
    :raises OSError: the lock file beside it can't be made or locked.
    """
    real = file.resolve()  # whatever name it is reached by
    with real.with_name(f"{real.name}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise Taken(lock.read() or "another process") from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        yield
