"""The README's table of commands is the list of commands there are."""

import re
from pathlib import Path

from tests.handlers.stage import Stage

README = Path(__file__).parents[2] / "README.md"


async def test_the_readme_names_every_command_and_no_other(stage: Stage) -> None:
    named = re.findall(r"^\| `/social (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(stage.bot.desk.subcommands)
