"""Column types that turn what the databases keep into the product's words and back."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from storage.records import Content, Picture, Role, Slot, Step

Json = JSON().with_variant(JSONB(), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Naive datetimes are refused; UTC comes back, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value!r}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Word(TypeDecorator[StrEnum]):
    """A member of one of the product's enums, kept as its plain text."""

    impl = String(32)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.words(value)


class StringTuple(TypeDecorator[tuple[str, ...]]):
    impl = Json
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> Any:
        return None if value is None else list(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(value)


class Roles(TypeDecorator[frozenset[Role]]):
    impl = Json
    cache_ok = True

    def process_bind_param(self, value: frozenset[Role] | None, dialect: Dialect) -> Any:
        return sorted(value or ())

    def process_result_value(self, value: Any, dialect: Dialect) -> frozenset[Role]:
        return frozenset(Role(role) for role in value)


class Slots(TypeDecorator[tuple[Slot, ...]]):
    impl = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: tuple[Slot, ...] | None, dialect: Dialect) -> Any:
        return None if value is None else [[slot.weekday, slot.minute] for slot in value]

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Slot, ...] | None:
        return None if value is None else tuple(Slot(*pair) for pair in value)


class Steps(TypeDecorator[tuple[Step, ...]]):
    """A policy's steps, in order."""

    impl = Json
    cache_ok = True

    def process_bind_param(self, value: tuple[Step, ...] | None, dialect: Dialect) -> Any:
        return None if value is None else [asdict(step) for step in value]

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Step, ...] | None:
        if value is None:
            return None
        return tuple(Step(**{**step, "people": tuple(step["people"])}) for step in value)


class ContentJson(TypeDecorator[Content]):
    """A revision's content; its hash is made from ``Content.to_json``."""

    impl = Json
    cache_ok = True

    def process_bind_param(self, value: Content | None, dialect: Dialect) -> Any:
        return None if value is None else value.to_json()

    def process_result_value(self, value: Any, dialect: Dialect) -> Content | None:
        return None if value is None else _content_from_json(value)


def _content_from_json(value: Mapping[str, Any]) -> Content:
    return Content(
        texts=value["texts"],
        link=value["link"],
        pictures=tuple(Picture(p["sha256"], p["alt"]) for p in value["pictures"]),
    )
