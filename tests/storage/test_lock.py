"""One process per SQLite file: seen with real processes, as the kernel keeps the lock."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.lock import Taken, only_process

ROOT = Path(__file__).parents[2]

HOLDER = """
import subprocess, sys
from pathlib import Path
from storage.lock import only_process
with only_process(Path(sys.argv[1])):
    child = subprocess.Popen(["sleep", "600"], close_fds=False)
    print(child.pid, flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(file: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Another process that has the file, and a program that it started in the meantime."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            process.kill()
            os.kill(child, signal.SIGKILL)


def take(file: Path) -> None:
    with only_process(file):
        pass


def test_who_has_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.db.lock").write_text("what a killed process left, " * 9)
    with holder(tmp_path / "x.db") as (process, _), pytest.raises(Taken) as refused:
        take(tmp_path / "x.db")
    assert refused.value.holder == f"process {process.pid} on {socket.gethostname()}"


def test_asking_twice_names_the_same_one(tmp_path: Path) -> None:
    """Whoever is refused leaves the first one's name as it is."""
    with holder(tmp_path / "x.db") as (process, _):
        for _ in range(2):
            with pytest.raises(Taken, match=f"process {process.pid} "):
                take(tmp_path / "x.db")


def test_a_killed_process_has_nothing_even_if_what_it_started_lives_on(tmp_path: Path) -> None:
    with holder(tmp_path / "x.db") as (process, child):
        process.kill()
        process.wait()
        os.kill(child, 0)  # it lives
        take(tmp_path / "x.db")


def test_a_file_is_one_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "x.db")
    with holder(tmp_path / "x.db"), pytest.raises(Taken):
        take(tmp_path / "link.db")


def test_files_beside_each_other_are_apart(tmp_path: Path) -> None:
    with holder(tmp_path / "x.db"), only_process(tmp_path / "y.db"):
        pass


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        take(tmp_path / "x.db")
