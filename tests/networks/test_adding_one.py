"""A network costs one file, one test file and one line in the registry (see CONTRIBUTING.md)."""

import ast
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from bot.errors import Rejected, SettingsError
from bot.networks import NETWORKS
from bot.networks.base import (
    Connected,
    ConnectField,
    Limits,
    Listens,
    Measures,
    Network,
    Outgoing,
    PictureFile,
    Published,
    Publishes,
    Session,
    Setting,
    Uncertainty,
)
from bot.networks.http import call, make_client
from bot.playground.seed import ANA, APPROVALS, BEN, EVA
from bot.settings import read_settings, schema_of
from tests.handlers.stage import staged, text_of
from tests.servers.web import serve

ROOT = Path(__file__).parents[2]

# May spell networks' names beside a network's own files: the registry; the playground, which is
# one network's home and has a seed of examples; and the counters, each named after whose it is.
PLAYGROUND = ROOT / "bot" / "playground"
MAY_SPELL = (ROOT / "bot" / "networks" / "__init__.py", ROOT / "bot" / "counting.py")


class Pigeon(Network):
    """The smallest network there can be that posts are sent to."""

    name = "pigeon"
    label = "Pigeon Post"
    limits = Limits(text=40, pictures=0, picture_bytes=0, picture_kinds=(), alt=0)
    settings = (Setting("PIGEON_URL", "https://loft.example", "Where the pigeons live"),)
    connect_fields = (ConnectField("ring", "Ring", "On its left foot.", secret=True),)
    connect_help = "Ask the loft's keeper."

    uncertainty = Uncertainty.SAME_KEY
    grace = timedelta(0)
    key_life = None

    def count(self, text: str) -> int:
        return len(text)

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        loft = self._settings["PIGEON_URL"]
        return Connected("1", "grey one", "Pigeon", loft, loft, {"ring": fields["ring"]}, {})

    def new_key(self, now: datetime) -> str:
        return str(now.timestamp())

    async def upload(self, session: Session, picture: PictureFile) -> Mapping[str, Any]:
        raise Rejected("A pigeon carries no pictures.")

    async def prepare(self, session: Session, post: Outgoing) -> Mapping[str, Any]:
        return {"text": post.text, "ring": session.credentials["ring"]}

    async def publish(self, session: Session, key: str, prepared: Mapping[str, Any]) -> Published:
        await self._ask("PUT", key, effect=True, json=dict(prepared))
        return Published(key, f"{self._settings['PIGEON_URL']}/{key}")

    async def find(
        self, session: Session, key: str, prepared: Mapping[str, Any], since: datetime
    ) -> Published | None:
        return None  # never asked: the same key is sent again

    async def delete(self, session: Session, remote_id: str) -> None:
        await self._ask("DELETE", remote_id)

    async def _ask(self, method: str, key: str, **options: Any) -> None:
        url = f"{self._settings['PIGEON_URL']}/{key}"
        await call(self._client, method, url, label=self.label, now=self._now, **options)


class Loft:
    """The pigeons' server."""

    def __init__(self) -> None:
        self.carried: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method == "PUT":
            self.carried[request.url.path] = await request.json()
        else:
            del self.carried[request.url.path]
        await JSONResponse({})(scope, receive, send)


WITH_PIGEON = (*NETWORKS, Pigeon)


def problems_of(networks: tuple[type[Network], ...]) -> Iterator[str]:
    """What keeps a list of networks from being a registry."""
    names = [network.name for network in networks]
    labels = [network.label for network in networks]
    variables = [setting.variable for network in networks for setting in network.settings]
    for kind, values in (("name", names), ("label", labels), ("variable", variables)):
        yield from (f"{kind} {each} twice" for each in {*values} if values.count(each) > 1)
    for network in networks:
        if not network.name.isidentifier() or network.name != network.name.lower():
            yield f"{network.name} isn't a lower-case name"
        if not any(field.secret for field in network.connect_fields):
            yield f"{network.name} connects without a secret"
        for setting in network.settings:
            if not setting.variable.startswith(network.name.upper()):
                yield f"{setting.variable} doesn't begin with its network's name"
            if not setting.meaning:
                yield f"{setting.variable} means nothing"
        fields = [field.name for field in network.connect_fields]
        if len(fields) != len({*fields}):
            yield f"{network.name} has two fields of one name"


def test_one_line_adds_a_network() -> None:
    assert list(problems_of(WITH_PIGEON)) == []


def test_its_settings_are_read_checked_and_have_to_be_in_the_example() -> None:
    given = {
        "SECRET_KEY": Fernet.generate_key().decode(),
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
    }
    nowhere = Path("no such file")
    assert read_settings(given, nowhere, WITH_PIGEON).networks["PIGEON_URL"] == (
        "https://loft.example"
    )
    moved = given | {"PIGEON_URL": "http://localhost:1"}
    assert read_settings(moved, nowhere, WITH_PIGEON).networks["PIGEON_URL"] == "http://localhost:1"
    with pytest.raises(SettingsError, match="PIGEON_URL: isn't a web address"):
        read_settings(given | {"PIGEON_URL": "up north"}, nowhere, WITH_PIGEON)
    # `tests/unit/test_env_example.py` holds the file against the same declaration.
    assert set(schema_of(WITH_PIGEON).fields) - set(schema_of().fields) == {"PIGEON_URL"}


async def test_people_connect_it_draft_for_it_and_publish_on_it(tmp_path: Path) -> None:
    """In the real bot, of which nothing but its list of networks is another."""
    loft = Loft()
    async with (
        serve(loft) as url,
        staged(tmp_path, registry=WITH_PIGEON, environment={"PIGEON_URL": url}) as stage,
    ):
        await stage.command(EVA, "/social connect")
        await stage.press(EVA, await stage.modal(EVA, "connect"), "network", "Pigeon Post")
        form = await stage.modal(EVA, "Ask the loft's keeper.")
        assert "On its left foot." in text_of(form)
        await stage.submit_fields(form, {"pigeon:ring": "NL-1"})
        await stage.modal(EVA, "Pigeon Post · grey one is connected")

        await stage.command(ANA, f"/social draft {'coo' * 14}")
        form = await stage.modal(ANA, "draft")
        outcome = await stage.submit(form, accounts=["Pigeon Post · grey one"])
        assert outcome.errors == {"text": "2 over Pigeon Post's limit of 40."}
        when = {"accounts": ["Pigeon Post · grey one"], "when": "As soon as it's approved"}
        assert (await stage.submit(form, text="Coo!", **when)).ok
        card = await stage.message(APPROVALS, "Coo!")
        await stage.press(BEN, card, "Approve")
        published = await stage.message(APPROVALS, "Take down")
        assert list(loft.carried.values()) == [{"text": "Coo!", "ring": "NL-1"}]

        await stage.press(BEN, published, "Take down")
        await stage.message(APPROVALS, "Taken down")
        assert loft.carried == {}


def test_a_network_that_is_there_already_is_noticed() -> None:
    assert "name pigeon twice" in list(problems_of((Pigeon, Pigeon)))


async def test_a_network_can_do_what_it_implements_and_no_more() -> None:
    async with make_client(transport=httpx.MockTransport(lambda _: httpx.Response(500))) as client:
        values = {setting.variable: setting.default for setting in Pigeon.settings}
        pigeon = Pigeon(client, values, lambda: datetime(2026, 5, 4, tzinfo=UTC))
    assert isinstance(pigeon, Publishes)
    assert not isinstance(pigeon, Listens | Measures)
    assert pigeon.text_problems("coo" * 14, Pigeon.limits) == ["2 over Pigeon Post's limit of 40."]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_every_network_has_its_file_and_its_tests(network: type[Network]) -> None:
    assert network.__module__ == f"bot.networks.{network.name}"
    assert (ROOT / "tests" / "networks" / f"test_{network.name}.py").exists()


def spoken_in(path: Path) -> Iterator[str]:
    """Names, and texts that aren't documentation, in a source file."""
    tree = ast.parse(path.read_text())
    documentation = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            documentation |= {id(part.value) for part in node.body if isinstance(part, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in documentation:
                yield node.value
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.alias):
            yield node.name


def sources() -> list[Path]:
    folders = [ROOT / name for name in ("bot", "handlers", "storage")]
    return [path for folder in folders for path in folder.rglob("*.py")]


def may_spell(path: Path, network: type[Network]) -> bool:
    own = path.parent == ROOT / "bot" / "networks" and path.stem.startswith(network.name)
    return own or path in MAY_SPELL or path.is_relative_to(PLAYGROUND)


def test_nothing_else_spells_a_networks_name() -> None:
    spelled = [
        f"{path.relative_to(ROOT)}: {word!r}"
        for path in sources()
        for word in spoken_in(path)
        for network in NETWORKS
        if network.name in word.lower() and not may_spell(path, network)
    ]
    assert spelled == []


def test_the_search_for_names_finds_them(tmp_path: Path) -> None:
    source = '"""About pigeon."""\nfrom x import y\ndef f_pigeon():\n    return "a pigeon"\n'
    (tmp_path / "a.py").write_text(source)
    found = [word for word in spoken_in(tmp_path / "a.py") if "pigeon" in word]
    assert sorted(found) == ["a pigeon", "f_pigeon"]
