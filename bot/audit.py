"""Whether the record is as it was written: its chains read again, from their beginning."""

from collections.abc import Callable, Collection

from storage import history
from storage.chain import Links
from storage.database import Database


async def verify(
    database: Database, say: Callable[[str], object], *, known: Collection[str] = ()
) -> bool:
    """Read every workspace's chain and say how it is; whether all is well. What is added meanwhile
    isn't looked at.

    A chain tells that something was changed, not who could have written a whole new one: who may
    write to the database could. A hash that was noted elsewhere before shows that too.

    :param known: such hashes; each must be in one of the chains.
    """
    async with database.reading() as tx:
        workspace_ids = await history.kept_for(tx)
    well, missing = True, set(known)
    for workspace_id in workspace_ids:
        links, problem = await read_again(database, workspace_id, missing)
        if problem is None:
            say(_all_is_well(workspace_id, links))
        else:
            say(f"{workspace_id}: {problem}.")
            well = False
    for lost in sorted(missing):
        say(f"The hash {lost} is in no record: the record was written anew since it was noted.")
    return well and not missing


def _all_is_well(workspace_id: str, links: Links) -> str:
    if links.seq == 0:
        return f"{workspace_id}: nothing on the record yet"
    entries = "1 entry" if links.seq == 1 else f"{links.seq:,} entries"
    return f"{workspace_id}: {entries}, all unchanged, newest hash {links.hash}"


async def read_again(
    database: Database, workspace_id: str, missing: set[str]
) -> tuple[Links, str | None]:
    """Read one chain up to where it ends now; how far it is as it was written, and what the first
    thing is that isn't.

    :param missing: hashes looked for; those that are found are taken out.
    """
    links = Links()
    async with database.reading() as tx:
        end = await history.end(tx, workspace_id)
    while links.seq < end.seq:
        async with database.reading() as tx:
            entries = await history.part(tx, workspace_id, links.seq, end.seq)
        for entry in entries:
            problem = links.broken_at(entry)
            if problem is not None:
                return links, _after(links, problem)
            missing.discard(links.hash)
        if not entries:
            what = f"the newest entries are missing ({links.seq + 1} to {end.seq})"
            return links, _after(links, what)
    if links.hash != end.hash:
        return links, f"where it ends was changed: entry {links.seq} isn't the one kept as newest"
    if end.highest > end.seq:
        return links, _after(links, f"entry {end.seq + 1} isn't among those that were written")
    if end.outside:
        outside = f"{end.outside} more stand outside the chain"
        return links, f"{outside}: if an earlier release wrote them, the next start takes them in"
    return links, None


def _after(links: Links, problem: str) -> str:
    if links.seq == 0:
        return problem
    return f"{problem}; before that, all is as it was written ({links.seq:,})"
