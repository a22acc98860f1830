"""The house's rules of who may import what (docs/architecture.md), read off the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS = ("storage", "bot", "handlers")  # an import goes down, never up
ANY_FLOOR = {"bot/__main__.py", "bot/bootstrap.py", "bot/playground/"}
ONLY_IN = {
    "slack_bolt": ("handlers/", "bot/bootstrap.py", "bot/playground/"),
    "slack_sdk": (
        "handlers/",
        "bot/bootstrap.py",
        "bot/playground/",
        "storage/installations.py",  # a store of its shape
    ),
    "sqlalchemy": ("storage/",),
    "alembic": ("storage/",),
    "httpx": ("bot/",),
    "apscheduler": ("bot/clock.py",),
    "matplotlib": ("bot/drawing.py",),
}
MAY_IMPORT_LATE = {
    "bot/__main__.py": "start-up time of --help, measured",
    "storage/migrations/__init__.py": "Alembic is needed only when there is something to migrate",
    "bot/timewords.py": "dateparser: 0.05 s that no start should wait for",
    "bot/sources/feeds.py": "feedparser: the same, 0.02 s",
    "bot/differences.py": "rapidfuzz: the same, 0.01 s",
    "bot/pace.py": "limits: the same, 0.03 s",
    "bot/playground/rendering.py": "Jinja and markdown-it: the same, 0.07 s",
    "bot/playground/sandbox_page.py": "Jinja: the same",
    "bot/playground/encoding.py": "emoji: the same, 0.02 s",
    "bot/playground/page_forms.py": "emoji: the same",
    "handlers/emoji_names.py": "emoji: the same",
}

SOURCES = sorted(
    path.relative_to(ROOT).as_posix() for floor in FLOORS for path in (ROOT / floor).rglob("*.py")
)


TREES = {source: ast.parse((ROOT / source).read_text()) for source in SOURCES}


def imports(source: str) -> Iterator[tuple[str, bool]]:
    """Every imported module of a file, and whether it stands inside a function."""
    tree = TREES[source]
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in inside
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{source}: a relative import"
            yield node.module, id(node) in inside


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 50


def importing() -> Iterator[tuple[str, str, bool]]:
    """(file, imported module, inside a function?) over the whole house."""
    for source in SOURCES:
        for module, inside in imports(source):
            yield source, module, inside


def test_imports_go_down_the_stairs() -> None:
    upstairs = [
        f"{source} imports {module}"
        for source, module, _ in importing()
        if not source.startswith(tuple(ANY_FLOOR))
        and module.split(".")[0] in FLOORS
        and FLOORS.index(module.split(".")[0]) > FLOORS.index(source.split("/")[0])
    ]
    assert not upstairs


def test_each_library_is_used_in_its_own_rooms() -> None:
    elsewhere = [
        f"{source} imports {module}"
        for source, module, _ in importing()
        if not source.startswith(ONLY_IN.get(module.split(".")[0], ("",)))
    ]
    assert not elsewhere


def test_imports_stand_at_the_top() -> None:
    late = [
        f"{source} imports {module} inside a function"
        for source, module, inside in importing()
        if inside and source not in MAY_IMPORT_LATE
    ]
    assert not late


def test_nothing_is_started_by_an_import() -> None:
    """No app, client, engine or scheduler is made at module level."""
    started = {"AsyncApp", "AsyncWebClient", "AsyncClient", "AsyncIOScheduler", "Database"}
    made = [
        f"{source}: {call.func.id}"
        for source, tree in TREES.items()
        for node in tree.body
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in started
    ]
    assert not made


def test_the_playground_is_not_needed_by_the_product() -> None:
    needing = [
        f"{source} imports {module}"
        for source, module, _ in importing()
        if module.startswith("bot.playground")
        and not source.startswith(("bot/playground/", "bot/__main__.py"))
    ]
    assert not needing
