"""What is known of copied pictures; the bytes lie in the media folder."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select, update

from storage.records import Medium
from storage.rows import Transaction, add, many
from storage.tables import media


async def insert(tx: Transaction, medium: Medium) -> None:
    """Keep a picture's facts; the same picture twice is kept once."""
    if not await by_hashes(tx, medium.workspace_id, [medium.sha256]):
        await add(tx, media, medium)


async def by_hashes(tx: Transaction, workspace_id: str, hashes: Sequence[str]) -> dict[str, Medium]:
    found = await many(
        tx,
        Medium,
        select(media).where(media.c.workspace_id == workspace_id, media.c.sha256.in_(hashes)),
    )
    return {medium.sha256: medium for medium in found}


async def everywhere(
    tx: Transaction, hashes: Collection[str]
) -> Mapping[str, Mapping[str, Medium]]:
    """Pictures by workspace and hash, for what works on all workspaces."""
    found: dict[str, dict[str, Medium]] = {}
    for medium in await many(tx, Medium, select(media).where(media.c.sha256.in_(hashes))):
        found.setdefault(medium.workspace_id, {})[medium.sha256] = medium
    return found


async def set_slack_file(
    tx: Transaction, workspace_id: str, sha256: str, slack_file_id: str | None
) -> None:
    """Remember the bot's own upload of a picture."""
    await tx.connection.execute(
        update(media)
        .where(media.c.workspace_id == workspace_id, media.c.sha256 == sha256)
        .values(slack_file_id=slack_file_id)
    )
