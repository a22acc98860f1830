"""Whatever is changed in the record is found; a record that nobody touched always verifies."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from bot.audit import verify
from storage import history, workspaces
from storage.chain import Links
from storage.database import Database
from storage.migrations import migrate
from storage.records import HistoryEntry
from storage.rows import new_id, values
from storage.tables import history as history_table
from storage.tables import record_heads
from tests.unit.tampering import disarm, entry, overwrite, put, remove, swap

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
noted = st.tuples(
    texts,  # subject
    st.none() | texts,  # actor
    texts,  # action
    texts,  # detail
    st.integers(-(10**12), 10**12),  # microseconds from NOW
    st.none() | texts,  # revision
    texts,  # origin
)
COLUMNS = (
    "id",
    "subject_id",
    "actor_id",
    "action",
    "detail",
    "at",
    "revision_id",
    "origin",
    "hash",
)


@dataclass
class Book:
    """A database whose record can be tampered with; each example has a workspace of its own."""

    database: Database
    runner: asyncio.Runner
    numbers: Iterator[int]

    def written(self, notes: list[Any]) -> str:
        return self.runner.run(self._written(notes))

    async def _written(self, notes: list[Any]) -> str:
        workspace_id = f"T{next(self.numbers)}"
        async with self.database.transaction() as tx:
            await workspaces.ensure(tx, workspace_id, "Acorn", NOW)
        for first in range(0, len(notes), 3):  # three a transaction
            async with self.database.transaction() as tx:
                for subject, actor, action, detail, after, revision, origin in notes[
                    first : first + 3
                ]:
                    if actor is not None:
                        history.acts(tx, actor, origin)
                    at = NOW + timedelta(microseconds=after)
                    await history.note(
                        tx, workspace_id, subject, actor, action, at, detail, revision_id=revision
                    )
        return workspace_id

    def said_of(self, workspace_id: str) -> str:
        said: list[str] = []
        self.runner.run(verify(self.database, said.append))
        [line] = [line for line in said if line.startswith(f"{workspace_id}:")]
        return line

    def entries(self, workspace_id: str) -> list[HistoryEntry]:
        async def read() -> list[HistoryEntry]:
            async with self.database.reading() as tx:
                return list(reversed(await history.newest(tx, workspace_id, 100)))

        return self.runner.run(read())

    def end(self, workspace_id: str) -> None:
        """What was tried is over: the next example isn't slowed down by it."""

        async def clear() -> None:
            async with self.database.transaction() as tx:
                await remove(tx, history_table.c.workspace_id == workspace_id)
                await tx.connection.execute(
                    record_heads.delete().where(record_heads.c.workspace_id == workspace_id)
                )

        self.runner.run(clear())


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    with asyncio.Runner() as runner:
        path: Path = tmp_path_factory.mktemp("record") / "record.db"
        database = Database(f"sqlite:///{path}")
        runner.run(migrate(database))
        runner.run(disarm(database))
        yield Book(database, runner, count(1))
        runner.run(database.close())


async def tamper(database: Database, workspace_id: str, kept: list[HistoryEntry], draw: Any) -> str:
    """Change one thing; what was done."""
    kind = draw(
        st.sampled_from(["field", "gone", "swapped", "added", "put between", "cut", "head"])
    )
    number = draw(st.integers(1, len(kept)))
    chosen = kept[number - 1]
    async with database.transaction() as tx:
        match kind:
            case "field":
                column = draw(st.sampled_from(COLUMNS))
                old = getattr(chosen, column)
                others = texts
                if column == "at":
                    others = st.integers(1, 10**9).map(lambda n: NOW + timedelta(microseconds=n))
                elif column in ("actor_id", "revision_id"):
                    others = st.none() | texts
                new = draw(others.filter(lambda value: value != old))
                await overwrite(tx, entry(workspace_id, number), **{column: new})
            case "gone":
                await remove(tx, entry(workspace_id, number))
            case "swapped":
                other = draw(st.integers(1, len(kept)).filter(lambda n: n != number or n == 1))
                if other == number:
                    await remove(tx, entry(workspace_id, number))
                else:
                    await swap(tx, workspace_id, number, other)
            case "added":  # as somebody who knows how hashes are made
                end = Links(len(kept), kept[-1].hash or "")
                await put(
                    tx,
                    **values(
                        end.add(HistoryEntry(new_id(), workspace_id, "P", None, "x", "", NOW))
                    ),
                )
            case "put between":
                for later in reversed(range(number, len(kept) + 1)):
                    await overwrite(tx, entry(workspace_id, later), seq=later + 1)
                await put(tx, **{**values(chosen), "id": new_id(), "seq": number})
            case "cut":
                await remove(
                    tx,
                    (history_table.c.workspace_id == workspace_id)
                    & (history_table.c.seq >= number),
                )
            case "head":
                await tx.connection.execute(
                    update(record_heads)
                    .where(record_heads.c.workspace_id == workspace_id)
                    .values(hash=draw(texts))
                )
    return str(kind)


@settings(max_examples=60, deadline=None)
@given(notes=st.lists(noted, max_size=8))
def test_a_record_that_nobody_touched_always_verifies(book: Book, notes: list[Any]) -> None:
    workspace_id = book.written(notes)
    said = book.said_of(workspace_id)
    assert "all unchanged" in said if notes else "nothing on the record yet" in said
    book.end(workspace_id)


@settings(max_examples=150, deadline=None)
@given(notes=st.lists(noted, min_size=1, max_size=8), data=st.data())
def test_any_single_change_is_found(book: Book, notes: list[Any], data: st.DataObject) -> None:
    workspace_id = book.written(notes)
    kept = book.entries(workspace_id)
    assert len(kept) == len(notes)
    kind = book.runner.run(tamper(book.database, workspace_id, kept, data.draw))
    said = book.said_of(workspace_id)
    assert "all unchanged" not in said, kind
    assert "nothing on the record yet" not in said, kind
    book.end(workspace_id)


def test_a_change_is_told_in_words_with_its_place(book: Book) -> None:
    plain = [("P", "U", "did", f"{n}", n, None, "") for n in range(5)]

    def after(change: Any) -> str:
        workspace_id = book.written(plain)

        async def work() -> None:
            async with book.database.transaction() as tx:
                await change(tx, workspace_id)

        book.runner.run(work())
        said = book.said_of(workspace_id).split(": ", 1)[1]
        book.end(workspace_id)
        return said

    before = "before that, all is as it was written"
    assert after(lambda tx, w: overwrite(tx, entry(w, 3), detail="x")) == (
        f"entry 3 isn't as it was written; {before} (2)."
    )
    assert after(lambda tx, w: remove(tx, entry(w, 3))) == f"entry 3 is missing; {before} (2)."
    assert after(lambda tx, w: remove(tx, entry(w, 5))) == (
        f"the newest entries are missing (5 to 5); {before} (4)."
    )
    assert after(lambda tx, w: overwrite(tx, entry(w, 1), actor_id=None)) == (
        "entry 1 isn't as it was written."
    )


def test_a_record_written_anew_is_found_by_a_hash_that_was_noted(book: Book) -> None:
    """Who may write to the database can write a whole new chain; what it was is known elsewhere."""
    workspace_id = book.written([("P", "U", "did", str(n), n, None, "") for n in range(4)])
    noted_hash = book.entries(workspace_id)[2].hash
    assert noted_hash is not None

    async def verified() -> tuple[bool, list[str]]:
        said: list[str] = []
        return await verify(book.database, said.append, known=[noted_hash]), said

    assert book.runner.run(verified())[0]

    async def write_anew() -> None:
        links = Links()
        async with book.database.transaction() as tx:
            for one in book_entries:
                forged = links.add(
                    HistoryEntry(one.id, workspace_id, "P", "U", "did", "other", one.at)
                )
                await overwrite(
                    tx,
                    entry(workspace_id, forged.seq or 0),
                    detail="other",
                    origin="",
                    hash=forged.hash,
                )
            await tx.connection.execute(
                update(record_heads)
                .where(record_heads.c.workspace_id == workspace_id)
                .values(hash=links.hash)
            )

    book_entries = book.entries(workspace_id)
    book.runner.run(write_anew())
    assert "all unchanged" in book.said_of(workspace_id)  # a chain like any other
    well, said = book.runner.run(verified())
    assert not well
    assert f"The hash {noted_hash} is in no record" in said[-1]
    book.end(workspace_id)


async def test_the_record_grows_while_it_is_verified(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'busy.db'}")
    await migrate(database)
    async with database.transaction() as tx:
        await workspaces.ensure(tx, "T1", "Acorn", NOW)
        for number in range(2_500):
            await history.note(tx, "T1", "P", None, "did", NOW, str(number))
    stopped = asyncio.Event()

    async def write() -> int:
        written = 0
        while not stopped.is_set():
            async with database.transaction() as tx:
                await history.note(tx, "T1", "P", None, "did", NOW)
            written += 1
        return written

    writing = asyncio.create_task(write())
    said: list[str] = []
    for _ in range(5):
        assert await verify(database, said.append), said
    stopped.set()
    assert await writing > 0
    async with database.reading() as tx:
        assert len((await tx.connection.execute(select(history_table.c.id))).all()) > 2_500
    await database.close()
