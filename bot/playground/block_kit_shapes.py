"""The small language in which Block Kit is described here: shapes, and what they find.

A shape is a function that looks at one value and notes what is wrong with it. Slack checks with
a JSON Schema of its own and answers with a fixed set of sentences, each with a JSON pointer; the
sentences below that we have seen from Slack are the same word for word. A schema library would
find the same faults but say them in its own words, and turning those back into Slack's took more
code than this file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

NO_MATCH = "failed to match all allowed schemas"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found wrong so far, in Slack's words (``response_metadata.messages``)."""

    messages: list[str] = field(default_factory=list)

    def add(self, problem: str, pointer: str) -> None:
        self.messages.append(f"[ERROR] {problem} [json-pointer:{pointer}]")


Shape = Callable[[object, str, Findings], None]
Members = Mapping[str, Shape]
Rule = Callable[[Mapping[str, object], str, Findings], None]
StringTest = Callable[[str], str | None]


def string(
    *, longest: int | None = None, shortest: int = 1, test: StringTest | None = None
) -> Shape:
    """A string of so many characters; ``test`` answers with a problem, or None if it is fine."""

    def check(value: object, pointer: str, findings: Findings) -> None:
        if not isinstance(value, str):
            findings.add("must provide a string", pointer)
        elif len(value) < shortest:
            findings.add(f"must be more than {shortest - 1} characters", pointer)
        elif longest is not None and len(value) > longest:
            findings.add(f"must be less than {longest + 1} characters", pointer)
        elif test is not None and (problem := test(value)):
            findings.add(problem, pointer)

    return check


def url(*schemes: str, longest: int = 3000) -> Shape:
    """An absolute address of one of the schemes; http and https unless told otherwise."""
    allowed = schemes or ("http", "https")

    def problem_with(address: str) -> str | None:
        try:
            parts = urlsplit(address)
        except ValueError:
            return "invalid_url"
        complete = parts.netloc or (parts.scheme not in ("http", "https") and parts.path)
        if parts.scheme not in allowed or not complete or any(mark.isspace() for mark in address):
            return "invalid_url"
        return None

    return string(longest=longest, test=problem_with)


def integer(least: int | None = None, most: int | None = None) -> Shape:
    def check(value: object, pointer: str, findings: Findings) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            findings.add("must provide an integer", pointer)
        elif least is not None and value < least:
            findings.add(f"must be more than {least - 1}", pointer)
        elif most is not None and value > most:
            findings.add(f"must be less than {most + 1}", pointer)

    return check


def number(*, positive: bool = False) -> Shape:
    def check(value: object, pointer: str, findings: Findings) -> None:
        # NaN and the infinities have no form in JSON: value - value is 0 only for finite numbers.
        if isinstance(value, bool) or not isinstance(value, int | float) or value - value != 0:
            findings.add("must provide a number", pointer)
        elif positive and value <= 0:
            findings.add("must be more than 0", pointer)

    return check


def boolean(value: object, pointer: str, findings: Findings) -> None:
    """A shape: true or false."""
    if not isinstance(value, bool):
        findings.add("must provide a boolean", pointer)


def one_of(*values: str | int) -> Shape:
    def check(value: object, pointer: str, findings: Findings) -> None:
        if isinstance(value, bool) or value not in values:
            findings.add("must be a valid enum value", pointer)

    return check


def array(item: Shape, *, fewest: int = 1, most: int | None = None) -> Shape:
    """A list; one that is too long is reported once, without looking at what it holds."""

    def check(value: object, pointer: str, findings: Findings) -> None:
        if not isinstance(value, list):
            findings.add("must provide an array", pointer)
        elif len(value) < fewest:
            findings.add(f"no less than {fewest} items allowed", pointer)
        elif most is not None and len(value) > most:
            findings.add(f"no more than {most} items allowed", pointer)
        else:
            for index, member in enumerate(value):
                item(member, f"{pointer}/{index}", findings)

    return check


def record(required: Members, optional: Members | None = None, *rules: Rule) -> Shape:
    """An object with exactly these keys.

    ``rules`` look at several members together; they run only on an object whose members are
    each right, so they may rely on their types.
    """
    known = {**required, **(optional or {})}

    def check(value: object, pointer: str, findings: Findings) -> None:
        if not isinstance(value, dict):
            findings.add("must provide an object", pointer)
            return
        before = len(findings.messages)
        for name in required:
            if name not in value:
                findings.add(f"missing required field: {name}", pointer)
        for name, member in value.items():
            if name in known:
                known[name](member, f"{pointer}/{name}", findings)
            else:
                findings.add(f"invalid additional property: {name}", pointer)
        if len(findings.messages) == before:
            for rule in rules:
                rule(value, pointer, findings)

    return check


def typed(name: str, required: Members, optional: Members | None = None, *rules: Rule) -> Shape:
    """An object whose ``type`` is this name."""
    return record({"type": one_of(name), **required}, optional, *rules)


def by_type(choices: Members) -> Shape:
    """One of several objects, told apart by their ``type``."""

    def check(value: object, pointer: str, findings: Findings) -> None:
        if not isinstance(value, dict):
            findings.add("must provide an object", pointer)
        elif "type" not in value:
            findings.add("missing required field: type", pointer)
        elif not isinstance(value["type"], str):
            findings.add("must provide a string", f"{pointer}/type")
        elif value["type"] not in choices:
            findings.add(f"unsupported type: {value['type']}", f"{pointer}/type")
        else:
            choices[value["type"]](value, pointer, findings)

    return check


def nullable(shape: Shape) -> Shape:
    def check(value: object, pointer: str, findings: Findings) -> None:
        if value is not None:
            shape(value, pointer, findings)

    return check


def alternatives(shape: Shape) -> Shape:
    """Like ``shape``, reported the way Slack does where its schema offers alternatives:
    first that none fitted, then what was wrong inside."""

    def check(value: object, pointer: str, findings: Findings) -> None:
        inside = Findings()
        shape(value, pointer, inside)
        if inside.messages:
            findings.add(NO_MATCH, pointer)
            findings.messages.extend(inside.messages)

    return check


def exactly_one(first: str, second: str) -> Rule:
    """Of these two keys there must be one, and not the other."""

    def rule(value: Mapping[str, object], pointer: str, findings: Findings) -> None:
        if (first in value) == (second in value):
            findings.add(f"must define either `{first}` or `{second}`", pointer)

    return rule


def at_least_one(*names: str) -> Rule:
    def rule(value: Mapping[str, object], pointer: str, findings: Findings) -> None:
        if not any(name in value for name in names):
            listed = " or ".join(f"`{name}`" for name in names)
            findings.add(f"must define either {listed}", pointer)

    return rule
