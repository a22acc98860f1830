"""The record as people read it: of a post and of the whole workspace, newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.accounts import Accounts
from bot.posts import text_of
from bot.team import Action, Person, admit
from storage import accounts, campaigns, history, mentions, posts, workspaces
from storage.database import Database
from storage.records import HistoryEntry
from storage.rows import Transaction

PAGE = 12


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of the record.

    :param older: the ``seq`` before which the next page begins; None: this is the last one.
    :param subjects: what entries are about, by its id, in foreign words; where it can be said.
    :param names: the team's, by Slack id.
    """

    entries: Sequence[HistoryEntry]
    is_first: bool
    older: int | None
    subjects: Mapping[str, str]
    names: Mapping[str, str]


class Record:
    """Use cases of looking things up; nothing here changes anything."""

    def __init__(self, database: Database, accounts_: Accounts) -> None:
        self._database = database
        self._accounts = accounts_

    async def of_post(
        self, person: Person, post_id: str, *, before: int | None = None
    ) -> RecordPage:
        """Everything that happened to a post, for everybody with a role."""
        async with self._database.reading() as tx:
            await admit(tx, person, Action.LOOK)
            return await self._page(tx, person.workspace_id, before, subject_id=post_id)

    async def of_workspace(
        self, person: Person, *, actor_id: str | None = None, before: int | None = None
    ) -> RecordPage:
        """Everything that happened, for admins.

        :param actor_id: only what this person did.
        """
        async with self._database.reading() as tx:
            await admit(tx, person, Action.AUDIT)
            return await self._page(tx, person.workspace_id, before, actor_id=actor_id)

    async def _page(
        self,
        tx: Transaction,
        workspace_id: str,
        before: int | None,
        *,
        subject_id: str | None = None,
        actor_id: str | None = None,
    ) -> RecordPage:
        found = await history.newest(
            tx, workspace_id, PAGE + 1, before=before, subject_id=subject_id, actor_id=actor_id
        )
        entries = found[:PAGE]
        names = {one.user_id: one.name for one in await workspaces.team(tx, workspace_id)}
        return RecordPage(
            entries=entries,
            is_first=before is None,
            older=entries[-1].seq if len(found) > PAGE else None,
            subjects=await self._subjects(tx, workspace_id, entries, names),
            names=names,
        )

    async def _subjects(
        self,
        tx: Transaction,
        workspace_id: str,
        entries: Sequence[HistoryEntry],
        names: Mapping[str, str],
    ) -> Mapping[str, str]:
        revisions = await posts.revisions_by_ids(
            tx, {entry.revision_id for entry in entries if entry.revision_id is not None}
        )
        subjects = {each.post_id: text_of(each) or "only pictures" for each in revisions.values()}
        others = sorted({entry.subject_id for entry in entries} - subjects.keys())
        subjects |= {id_: names[id_] for id_ in others if id_ in names}
        for campaign in await campaigns.of_workspace(tx, workspace_id):
            subjects[campaign.id] = campaign.name
        for id_, account in (await accounts.by_ids(tx, workspace_id, others)).items():
            subjects[id_] = self._accounts.label(account)
        for id_ in others:
            mention = await mentions.get(tx, workspace_id, id_)
            if mention is not None:
                subjects[id_] = f"{mention.author}: {mention.text}"
        return subjects
