"""What was measured, as it is printed and as ``docs/benchmarks.md`` keeps it."""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

FILE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; the first column says what, the others hold numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark: how it was measured, and what came of it."""

    title: str
    how: str
    tables: Sequence[Table]

    def __str__(self) -> str:
        tables = "\n\n".join(str(table) for table in self.tables)
        return f"## {self.title}\n\n{self.how}\n\n{tables}\n"


def machine(runs: int) -> str:
    """What it ran on, and how often."""
    memory = psutil.virtual_memory().total / 1e9
    today = datetime.now(UTC)
    return (
        f"Machine: {psutil.cpu_count()} virtual cores, {memory:.0f} GB, "
        f"{platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, httpx {version('httpx')}, "
        f"SQLAlchemy {version('SQLAlchemy')}, {today.day} {today:%B %Y}. "
        f"Medians of {runs} runs."
    )


def keep(section: Section, runs: int) -> None:
    """Put a measured section into the page, in the place of its older self."""
    page = FILE.read_text()
    page = re.sub(r"^Machine: .*(\n.+)*", machine(runs), page, count=1, flags=re.MULTILINE)
    old = re.compile(rf"^## {re.escape(section.title)}\n.*?(?=^## |\Z)", re.M | re.S)
    if old.search(page):
        page = old.sub(f"{section}\n".replace("\\", r"\\"), page)
    else:
        page = f"{page.rstrip()}\n\n{section}"
    FILE.write_text(f"{page.rstrip()}\n")
