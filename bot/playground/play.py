"""`make play`: the playground and the bot in one process, on embedded defaults.

The bot doesn't know that it is in a playground: it gets settings like any other, with other
addresses in them, and speaks to the small Slack over Socket Mode.
"""

import asyncio
import contextlib
import errno
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from starlette.routing import Mount

from bot.bootstrap import running
from bot.errors import AlreadyRunning, SettingsError
from bot.networks import NETWORKS
from bot.networks.base import Network
from bot.opening import prepare_folder
from bot.playground.page import Page
from bot.playground.recording import Recorder
from bot.playground.sandbox import create_sandbox
from bot.playground.seed import seed
from bot.playground.server import create_app, serving
from bot.playground.slack import Slack
from bot.playground.starting_point import set_up
from bot.playground.workspace import Workspace
from bot.settings import Settings, read_settings
from handlers.manifest import manifest
from storage.lock import Taken, only_process


async def play(
    folder: Path,
    port: int,
    environment: Mapping[str, str],
    until: Callable[[], Coroutine[Any, Any, None]],
    begun: float,
) -> int:
    """Run until stopped; the exit code.

    :param begun: when the process started, by `time.perf_counter`.
    :raises SettingsError: a real Slack token is set: playing beside it could post for real.
    :raises AlreadyRunning: somebody plays in this folder already.
    """
    _refuse_real_tokens(environment)
    prepare_folder(folder)
    try:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(_alone_in(folder))
            slack, address = await stack.enter_async_context(playground(folder, port, environment))
            settings = play_settings(slack, address, folder, environment)
            bot = await stack.enter_async_context(running(settings))
            await set_up(bot)
            stopped = asyncio.create_task(until())
            await asyncio.sleep(0)  # it listens for signals before anybody is told
            _greet(address, time.perf_counter() - begun)
            await stopped
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(
            f"Port {port} is taken. Is the playground running already? Then open "
            f"http://127.0.0.1:{port}/\n"
            f"Else choose another: .venv/bin/python -m bot play --port {port + 1}",
            file=sys.stderr,
        )
        return 1
    return 0


@contextlib.asynccontextmanager
async def playground(
    folder: Path,
    port: int,
    environment: Mapping[str, str],
    *,
    request_url: str | None = None,
    strict: bool = False,
    now: Callable[[], float] = time.time,
) -> AsyncIterator[tuple[Slack, str]]:
    """The small Slack, its pages and Sandbox, served; gives their address.

    :param request_url: where the bot takes signed HTTP; None: Socket Mode.
    :param strict: refuse undocumented arguments, as tests want.
    :param now: Slack's clock (Unix seconds).
    """
    workspace = Workspace(folder, manifest(request_url=request_url), now=now)
    seed(workspace)
    slack = Slack.around(workspace, request_url=request_url)
    page = Page(workspace, slack.people, lambda: slack.delivery.is_app_there)
    sandbox = create_sandbox(folder, lambda: datetime.now(UTC))
    recorder = (
        Recorder(Path(environment["PLAYGROUND_RECORD"]))
        if environment.get("PLAYGROUND_RECORD")
        else None
    )
    app = create_app(
        slack,
        strict=strict,
        recorder=recorder,
        extra_routes=[Mount("/sandbox", routes=sandbox.routes), *page.routes()],
    )
    async with serving(slack, app, port=port) as address:
        try:
            yield slack, address
        finally:
            page.close()
            await slack.close()
            if recorder is not None:
                recorder.close()


def play_settings(
    slack: Slack,
    address: str,
    folder: Path,
    environment: Mapping[str, str],
    registry: Sequence[type[Network]] = NETWORKS,
) -> Settings:
    """The bot's settings in a playground. Its key is made once and kept in the folder; where the
    data and the real networks are can be said in the environment."""
    app = slack.workspace.app
    addresses = [setting.variable for network in registry for setting in network.settings]
    passed_on = ("DATABASE_URL", "LOG_LEVEL", *addresses)
    given = {name: environment[name] for name in passed_on if environment.get(name)} | {
        "DATA_DIR": str(folder),
        "SECRET_KEY": _own_key(folder / "secret.key"),
        "SLACK_BOT_TOKEN": app.bot_token,
        "SLACK_APP_TOKEN": app.app_token,
        "SLACK_API_URL": f"{address}/api/",
        "SANDBOX_URL": f"{address}/sandbox",
        "ALLOW_PRIVATE_ADDRESSES": "true",
        "POLL_SECONDS": "3",
    }
    return read_settings(given, folder / "no-dotenv-in-a-playground", registry)


def _own_key(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(Fernet.generate_key().decode())
    return file.read_text()


def _refuse_real_tokens(environment: Mapping[str, str]) -> None:
    names = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_CLIENT_SECRET")
    real = [name for name in names if environment.get(name)]
    if real:
        raise SettingsError(
            [
                f"{name}: is set, so this shell belongs to a real Slack workspace. "
                f"Unset it to play (unset {name}), or use `make run`."
                for name in real
            ]
        )


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """The playground's own state is for one process, wherever the bot's database is."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(only_process(folder / "playground"))
        except Taken as error:
            raise AlreadyRunning(
                f"The playground in {folder} is running already: {error.holder}. Open the address "
                "that it printed, or end it with Ctrl+C first. To have two, give this one a folder "
                "and a port: --data another-folder --port 0"
            ) from error
        yield


def _greet(address: str, seconds: float) -> None:
    print(
        f"\n  Socialdesk's playground is ready ({seconds:.1f} s):\n\n      {address}/\n\n"
        "  Be Ana, type /social draft in #social, then be Ben and approve it.\n"
        f"  The posts appear on {address}/sandbox/\n  Stop it with Ctrl+C. "
        "What you do is kept for the next time.\n",
        flush=True,
    )
