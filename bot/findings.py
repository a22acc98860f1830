"""What an examination finds: one line each, with what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WRONG = "!!"
    NOTE = "--"  # not checked, or worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One line, and what to do about it."""

    verdict: Verdict
    what: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}  {self.what}" + (f"\n      {self.advice}" if self.advice else "")


def ok(what: str) -> Finding:
    return Finding(Verdict.OK, what)


def wrong(what: str, advice: str = "") -> Finding:
    return Finding(Verdict.WRONG, what, advice)


def note(what: str, advice: str = "") -> Finding:
    return Finding(Verdict.NOTE, what, advice)
