"""Emoji on cards and in forms are named as Slack names them."""

import re
from pathlib import Path

import pytest

from handlers.emoji_names import unicode_emoji

HANDLERS = Path(__file__).parents[2] / "handlers"
# At the beginning of a text or a line of it, where cards and forms have them.
SHOWN = re.compile(r"""(?:["'“\n]|\\n):([a-z][a-z0-9_+-]+): ?""")


def shown() -> set[str]:
    return {
        name
        for file in HANDLERS.rglob("*.py")
        for name in SHOWN.findall(file.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("name", sorted(shown()))
def test_slack_has_an_emoji_of_that_name(name: str) -> None:
    assert unicode_emoji(name)


def test_they_are_found() -> None:
    assert {"tada", "eyes", "rotating_light"} <= shown()
