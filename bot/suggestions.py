"""An approver suggests another text, which the author takes with one press."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.accounts import AccountChoice, Accounts
from bot.approvals import Approvals, Decision
from bot.clock import Clock
from bot.composing import checked, suggested_form
from bot.drafting import Drafting, Submitted
from bot.errors import AlreadyDone, FieldErrors, NotAllowed, NotFound, UserError
from bot.posts import without_link
from bot.team import Action, Person, admit
from storage import accounts, notices, posts, suggestions, workspaces
from storage.database import Database
from storage.records import Card, Post, PostState, Revision, Suggestion, Verdict
from storage.rows import Transaction, new_id

WITHOUT_WORDS = "I suggest another text."


class Passed(AlreadyDone):
    """A suggested text that can't be used with a press any more. It is kept: ``suggestion``."""

    def __init__(self, text: str, suggestion: Suggestion) -> None:
        super().__init__(text)
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class SuggestedField:
    """One text of a post as the form shows it, without the link that is added to it.

    ``name`` is the field's, of the first of its networks.
    """

    name: str
    labels: tuple[str, ...]
    networks: tuple[str, ...]
    text: str


class Suggestions:
    """Use cases of suggesting."""

    def __init__(
        self,
        database: Database,
        accounts_: Accounts,
        approvals: Approvals,
        drafting: Drafting,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts_
        self._approvals = approvals
        self._drafting = drafting
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def start(self, person: Person, revision_id: str) -> Sequence[SuggestedField]:
        """The texts that can be suggested anew, each once.

        :raises UserError: it is a reply.
        """
        async with self._database.reading() as tx:
            revision, choices = await self._found(tx, person, revision_id)
        return _fields(revision, choices)

    async def suggest(
        self,
        person: Person,
        post_id: str,
        revision_id: str,
        texts: Mapping[str, str],
        comment: str = "",
    ) -> Decision:
        """Ask for changes by saying what the text should be.

        :param texts: by field's name.
        :raises FieldErrors: what a network wouldn't take, or that nothing is different.
        :raises NotAllowed, AlreadyDone: as deciding, see `Approvals.decide`.
        """
        now = self._clock.now()
        async with self._database.reading() as tx:
            revision, choices = await self._found(tx, person, revision_id)
        suggestion = Suggestion(
            id=new_id(),
            workspace_id=person.workspace_id,
            post_id=post_id,
            revision_id=revision.id,
            user_id=person.user_id,
            texts=self._checked(revision, choices, texts),
            comment=comment.strip(),
            at=now,
        )

        async def keep(tx: Transaction, _: Decision) -> None:
            await suggestions.insert(tx, suggestion)
            await self._show(tx, suggestion, now)

        return await self._approvals.decide(
            person,
            post_id,
            Verdict.CHANGES_REQUESTED,
            revision_id=revision_id,
            comment=comment.strip() or WITHOUT_WORDS,
            also=keep,
        )

    async def _show(self, tx: Transaction, suggestion: Suggestion, now: datetime) -> None:
        """In the card's thread, if the post has one."""
        workspace = await workspaces.get(tx, suggestion.workspace_id)
        card = await notices.of_card(tx, suggestion.workspace_id, Card.APPROVAL, suggestion.post_id)
        if workspace is not None and workspace.approvals_channel is not None and card is not None:
            channel = workspace.approvals_channel
            await notices.owe(tx, workspace.id, Card.SUGGESTED, suggestion.id, channel, now)

    async def _found(
        self, tx: Transaction, person: Person, revision_id: str
    ) -> tuple[Revision, Sequence[AccountChoice]]:
        revision = await posts.revision(tx, person.workspace_id, revision_id)
        post_id = revision.post_id if revision else None
        campaign_id = await posts.campaign_of(tx, person.workspace_id, post_id)
        await admit(tx, person, Action.DECIDE, campaign_id)
        if revision is None:
            raise NotFound("This post isn't there any more.")
        post = await posts.get(tx, person.workspace_id, revision.post_id)
        if post is not None and post.mention_id is not None:
            raise UserError(
                "This is a reply to a mention: say what should be different in words. "
                "Nothing was changed."
            )
        known = await accounts.by_ids(tx, person.workspace_id, revision.content.account_ids)
        return revision, [self._accounts.choice(account) for account in known.values()]

    def _checked(
        self, revision: Revision, choices: Sequence[AccountChoice], typed: Mapping[str, str]
    ) -> Mapping[str, str]:
        """The suggested texts by account, as they would be published."""
        by_network = {
            network: (field.name, typed[field.name])
            for field in _fields(revision, choices)
            for network in field.networks
        }
        texts = {choice.account.id: by_network[choice.account.network][1] for choice in choices}
        networks = {choice.account.id: choice.account.network for choice in choices}
        try:
            content = checked(suggested_form(revision, texts, networks), choices, self._accounts)
        except FieldErrors as error:
            raise FieldErrors(_at_fields(error.fields, by_network)) from error
        if content.texts == revision.content.texts:
            first = next(iter(by_network.values()))[0]
            raise FieldErrors({first: "This is the text as it is. Change it, then send it."})
        return content.texts

    async def take(self, person: Person, suggestion_id: str) -> Submitted:
        """Make a suggested text the post's own and ask for approval again.

        :raises Passed: it was used already, or the post changed since.
        :raises NotAllowed: it isn't the person's post.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            suggestion = await suggestions.get(tx, person.workspace_id, suggestion_id)
            post_id = suggestion.post_id if suggestion else None
            campaign_id = await posts.campaign_of(tx, person.workspace_id, post_id)
            await admit(tx, person, Action.DRAFT, campaign_id)
            await workspaces.lock(tx, person.workspace_id)
            if suggestion is None:
                raise NotFound("This suggestion isn't there any more.")
            post = await posts.lock(tx, suggestion.post_id)
            assert post is not None  # posts are never deleted
            await _require_author(tx, person, post)
            _require_waiting(post, suggestion, now)
            if not await suggestions.take(tx, suggestion.id, person.user_id, now):
                raise _used(suggestion)
            try:
                submitted = await self._drafting.use_suggestion(tx, person, suggestion, now)
            except FieldErrors as error:
                raise Passed(f"This text can't be used as it is. {error}", suggestion) from error
        self._publisher.ring()
        self._notices.ring()
        return submitted


async def _require_author(tx: Transaction, person: Person, post: Post) -> None:
    if person.user_id == post.author_id:
        return
    author = await workspaces.member(tx, post.workspace_id, post.author_id)
    name = author.name if author else "its author"
    raise NotAllowed(
        f"This post is {name}'s, who takes a suggested text or leaves it. To change the post "
        "yourself, choose *Edit* on its card. Nothing was changed."
    )


def _require_waiting(post: Post, suggestion: Suggestion, now: datetime) -> None:
    if suggestion.taken_by is not None:
        raise _used(suggestion)
    if post.revision_id != suggestion.revision_id or post.state is not PostState.CHANGES_REQUESTED:
        raise Passed(
            "The post went on since this text was suggested, so it wasn't used. Nothing was "
            "changed. To use it all the same, copy it and choose *Edit* on the post's card.",
            suggestion,
        )
    if post.due_at is not None and post.due_at <= now:
        raise Passed(
            "The post's time has passed, so it needs a new one. Nothing was changed. Choose "
            "*Edit it*, put this text in, and choose the time.",
            suggestion,
        )


def _used(suggestion: Suggestion) -> Passed:
    return Passed("This text is used already. Your press changed nothing.", suggestion)


def _fields(revision: Revision, choices: Sequence[AccountChoice]) -> Sequence[SuggestedField]:
    """Each different text once, with all its networks; a network has one text."""
    by_text: dict[str, list[AccountChoice]] = {}
    seen: dict[str, str] = {}
    for choice in sorted(choices, key=lambda one: one.label):
        text = revision.content.texts[choice.account.id]
        text = seen.setdefault(choice.account.network, text)
        by_text.setdefault(text, []).append(choice)
    return [
        SuggestedField(
            name=f"text:{some[0].account.network}",
            labels=tuple(choice.label for choice in some),
            networks=tuple(dict.fromkeys(choice.account.network for choice in some)),
            text=without_link(text, revision.content.link),
        )
        for text, some in by_text.items()
    ]


def _at_fields(
    problems: Mapping[str, str], by_network: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """What is wrong with a network's text, beside the field that its text is in."""
    first = next(iter(by_network.values()))[0]
    placed: dict[str, str] = {}
    for name, problem in problems.items():
        place = by_network.get(name.removeprefix("text:"), (first, ""))[0]
        if problem not in placed.get(place, ""):
            placed[place] = f"{placed.get(place, '')} {problem}".strip()
    return placed
