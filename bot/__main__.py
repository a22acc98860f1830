"""The command line: play, run, doctor, manifest, migrate, export, audit, rotate-key.

What a command needs is imported when it runs: together they take over a second (measured), and
`--help` and `manifest` need almost none of it.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import platform
import signal
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from bot import logs
from bot.errors import AlreadyRunning, SettingsError, UserError

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bot", description="Socialdesk: your team's social media, from Slack."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    play = commands.add_parser("play", help="try it in a browser: no Slack, no account needed")
    play.add_argument("--port", type=_port, default=8765, help="of the page (default: 8765)")
    play.add_argument("--data", default="data/playground", help="the folder of its data")
    commands.add_parser("run", help="run it in your Slack workspace (settings in .env)")
    commands.add_parser("doctor", help="check everything that can be wrong")
    manifest = commands.add_parser("manifest", help="print the Slack app's manifest")
    manifest.add_argument("--url", help="your public address, for HTTP instead of Socket Mode")
    manifest.add_argument(
        "--many", action="store_true", help="an app for many workspaces (Add to Slack); with --url"
    )
    commands.add_parser("migrate", help="bring the database up to this release")
    _add_export(commands)
    audit = commands.add_parser("audit", help="check that nobody changed the record")
    audit.add_argument("what", choices=["verify"])
    audit.add_argument(
        "--known", action="append", default=[], help="a hash that was noted before: is it there?"
    )
    commands.add_parser("rotate-key", help="lock what is secret with the newest SECRET_KEY")
    chosen = parser.parse_args(arguments)
    try:
        return _COMMANDS[chosen.command](chosen)
    except SettingsError as error:
        print("Not started. These settings need your attention:\n", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        if chosen.command != "play":  # which reads no .env
            print("\nSet them in .env (see .env.example) or in the environment.", file=sys.stderr)
        return 2
    except AlreadyRunning as error:
        what = "Nothing was changed." if chosen.command == "migrate" else "Not started."
        print(f"{what} {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # Ctrl+C before there was anything to stop in order
        return 130


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    export = commands.add_parser("export", help="write out who did what, when (to stdout)")
    export.add_argument("what", choices=["record"])
    export.add_argument("--format", choices=["csv", "jsonl"], required=True)
    export.add_argument("--workspace", metavar="ID", help="only of this Slack workspace (T...)")
    export.add_argument("--since", type=_day, metavar="DATE", help="from this day on (UTC)")
    export.add_argument("--until", type=_day, metavar="DATE", help="up to and with this day (UTC)")


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError("a day is written like 2026-11-27") from error


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """What is imported stays: looking for garbage in it takes a fifth of the time (measured)."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def _play(chosen: argparse.Namespace) -> int:
    begun = time.perf_counter()
    from pathlib import Path

    with _importing():
        from bot.playground.play import play

    logs.configure(os.environ.get("LOG_LEVEL", "WARNING"))
    return served(play(Path(chosen.data), chosen.port, os.environ, stop_signal, begun))


def _run(_: argparse.Namespace) -> int:
    from bot.settings import read_settings

    settings = read_settings(os.environ)
    logs.configure(settings.log_level)
    with _importing():
        from bot.bootstrap import running

    async def serve() -> None:
        async with running(settings):
            log = logging.getLogger("bot")
            stopped = asyncio.create_task(stop_signal())
            await asyncio.sleep(0)  # it listens for signals before anybody is told
            log.info("Socialdesk is running. Type /social in Slack.")
            await stopped
            log.info("Stopping: what is being sent is finished first.")

    served(serve())
    return 0


def served(work: Coroutine[Any, Any, T]) -> T:
    """Do what takes long on uvloop: a post takes a tenth less CPU time (measured)."""
    import uvloop

    # Of libuv's threads half may look up names at once, and two dead names must not hold up all.
    os.environ.setdefault("UV_THREADPOOL_SIZE", "16")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _doctor(_: argparse.Namespace) -> int:
    print(f"ok  Python {platform.python_version()}", flush=True)  # before the slow imports
    from bot.findings import Finding, ok, wrong
    from bot.settings import read_settings

    def say(finding: Finding) -> None:
        print(finding, flush=True)

    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        for problem in error.problems:
            say(wrong(problem))
        print("\nSet them in .env (see .env.example) or in the environment, and ask again.")
        return 1
    say(ok("The settings are complete."))
    from bot.bootstrap import open_networks
    from bot.doctor import examine
    from handlers.manifest import BOT_SCOPES

    async def work() -> bool:
        async with open_networks(settings) as networks:
            return await examine(settings, networks, BOT_SCOPES, say)

    well = asyncio.run(work())
    print("\nAll is well." if well else "\nLook at the lines with !!.")
    return 0 if well else 1


def _manifest(chosen: argparse.Namespace) -> int:
    import json

    from handlers.manifest import creation_link, manifest

    if chosen.many and not chosen.url:
        print(
            "--many needs --url: where Slack and people's browsers reach the bot.", file=sys.stderr
        )
        return 2
    base = chosen.url.rstrip("/") if chosen.url else None
    made = manifest(
        request_url=f"{base}/slack/events" if base else None,
        redirect_url=f"{base}/slack/oauth_redirect" if chosen.many else None,
    )
    print(json.dumps(made, indent=2))
    print(f"\nCreate the app by opening this link:\n\n{creation_link(made)}\n", file=sys.stderr)
    return 0


def _migrate(_: argparse.Namespace) -> int:
    from bot.opening import alone_on, bring_up, is_up_to_date, prepare_folder
    from bot.settings import read_settings
    from storage.database import Database

    settings = read_settings(os.environ)
    prepare_folder(settings.data_dir)

    async def work() -> bool:
        database = Database(settings.database_url)
        try:
            if await is_up_to_date(database):  # a bot may be running on it
                return False
            with alone_on(database):
                return await bring_up(database)
        finally:
            await database.close()

    print("The database is up to date now." if asyncio.run(work()) else "Nothing to do.")
    return 0


def _export(chosen: argparse.Namespace) -> int:
    from bot.exporting import Wanted, export_record
    from bot.opening import looking_at
    from bot.settings import read_settings

    settings = read_settings(os.environ)
    until = chosen.until and chosen.until + timedelta(days=1)
    wanted = Wanted(chosen.format, chosen.workspace, chosen.since, until)
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]  # a real one

    async def work() -> None:
        async with looking_at(settings.database_url) as database:
            await export_record(database, wanted, sys.stdout.write)

    try:
        asyncio.run(work())
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads it has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _audit(chosen: argparse.Namespace) -> int:
    from bot.audit import verify
    from bot.opening import looking_at
    from bot.settings import read_settings

    settings = read_settings(os.environ)

    async def work() -> bool:
        async with looking_at(settings.database_url) as database:
            return await verify(database, print, known=chosen.known)

    return 0 if asyncio.run(work()) else 1


def _rotate_key(_: argparse.Namespace) -> int:
    from bot.keys import look, report, rotate
    from bot.opening import is_up_to_date
    from bot.settings import read_settings
    from storage.database import Database

    settings = read_settings(os.environ)

    async def work() -> int:
        database = Database(settings.database_url)
        try:
            if not await is_up_to_date(database):
                print("The database isn't of this release yet: `python -m bot migrate` first.")
                return 1
            done = await rotate(database, settings.secret_keys)
            print(*report(done, await look(database, settings.secret_keys)), sep="\n")
        finally:
            await database.close()
        return 0

    return asyncio.run(work())


async def stop_signal() -> None:
    """Wait for SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


_COMMANDS = {
    "play": _play,
    "run": _run,
    "doctor": _doctor,
    "manifest": _manifest,
    "migrate": _migrate,
    "export": _export,
    "audit": _audit,
    "rotate-key": _rotate_key,
}


if __name__ == "__main__":
    sys.exit(main())
