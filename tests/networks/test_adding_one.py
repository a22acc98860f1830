"""A network costs one file, one test file and one line in the registry (see CONTRIBUTING.md)."""

import ast
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot.networks import NETWORKS
from bot.networks.base import (
    Connected,
    ConnectField,
    Limits,
    Listens,
    Measures,
    Network,
    Publishes,
    Setting,
)
from bot.networks.http import make_client

ROOT = Path(__file__).parents[2]

# May spell networks' names beside a network's own files: the registry; the playground, which is
# one network's home and has a seed of examples; and the counters, each named after whose it is.
PLAYGROUND = ROOT / "bot" / "playground"
MAY_SPELL = (ROOT / "bot" / "networks" / "__init__.py", ROOT / "bot" / "counting.py")


class Pigeon(Network):
    """The smallest network there can be: one can connect to it, no more."""

    name = "pigeon"
    label = "Pigeon Post"
    limits = Limits(text=40, pictures=0, picture_bytes=0, picture_kinds=(), alt=0)
    settings = (Setting("PIGEON_URL", "https://loft.example", "Where the pigeons live"),)
    connect_fields = (ConnectField("ring", "Ring", "On its left foot.", secret=True),)
    connect_help = "Ask the loft's keeper."

    def count(self, text: str) -> int:
        return len(text)

    async def connect(self, fields: Mapping[str, str]) -> Connected:
        loft = self._settings["PIGEON_URL"]
        return Connected(fields["ring"], "pigeon", "Pigeon", loft, loft, {}, {})


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
    assert list(problems_of((*NETWORKS, Pigeon))) == []


def test_a_network_that_is_there_already_is_noticed() -> None:
    assert "name pigeon twice" in list(problems_of((Pigeon, Pigeon)))


async def test_a_network_can_do_what_it_implements_and_no_more() -> None:
    async with make_client(transport=httpx.MockTransport(lambda _: httpx.Response(500))) as client:
        values = {setting.variable: setting.default for setting in Pigeon.settings}
        pigeon = Pigeon(client, values, lambda: datetime(2026, 5, 4, tzinfo=UTC))
    assert not isinstance(pigeon, Publishes | Listens | Measures)
    assert pigeon.text_problems("coo" * 14, Pigeon.limits) == ["2 over Pigeon Post's limit of 40."]
    connected = await pigeon.connect({"ring": "NL-1"})
    assert connected.url == "https://loft.example"


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
