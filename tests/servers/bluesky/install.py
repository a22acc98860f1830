"""Install Bluesky's own servers once, outside the source tree.

``python tests/servers/bluesky/install.py`` does it ahead of the tests; it needs nothing but Python,
Node and npm. The folder is named after a hash of what is installed and of Node's version, so a
change of either installs anew. It appears by one rename, complete or not at all, and a lock lets
several runs share it. The package lock pins every package by its hash, without addresses.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
MANIFESTS = ("package.json", "package-lock.json")


class NotInstallable(Exception):
    """The servers can't be installed on this machine; the message says why and what to do."""


def installed() -> Path:
    """The folder that holds the servers' packages, installed now if need be (two minutes).

    :raises NotInstallable: no suitable Node, or npm did not succeed.
    """
    node = _node_version()
    if node < (20,):
        raise NotInstallable("Node 20 or later with npm is needed")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "socialdesk"
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(repr(node).encode())
    for name in MANIFESTS:
        digest.update((HERE / name).read_bytes())
    folder = cache / f"bluesky-{digest.hexdigest()[:16]}"
    with (cache / "bluesky.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    for left_over in folder.parent.glob("partial-*"):  # of a run that was killed; we hold the lock
        shutil.rmtree(left_over, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder.parent))
    try:
        for name in MANIFESTS:
            shutil.copy(HERE / name, partial)
        # One package is built from source, and only that one's install script is run.
        _npm(partial, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        _npm(partial, "rebuild", "better-sqlite3")
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _npm(folder: Path, *arguments: str) -> None:
    outcome = subprocess.run(
        ["npm", *arguments],
        cwd=folder,
        env={**os.environ, **_headers()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if outcome.returncode != 0:
        said = outcome.stdout[-2000:]
        raise NotInstallable(f"npm {arguments[0]} did not succeed; it last said:\n{said}")


def _headers() -> dict[str, str]:
    """Where Node's headers are, if they are beside it: what is built needs no download then."""
    prefix = Path(shutil.which("node") or "/usr/bin/node").resolve().parents[1]
    has_headers = (prefix / "include/node/node.h").exists()
    return {"npm_config_nodedir": str(prefix)} if has_headers else {}


def _node_version() -> tuple[int, ...]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return ()
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(number) for number in said.strip().removeprefix("v").split("."))


if __name__ == "__main__":
    try:
        print(f"Bluesky's servers are in {installed()}")
    except NotInstallable as error:
        sys.exit(str(error))
