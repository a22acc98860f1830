"""From a form to a post: drafts, checks, submitting, editing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot import cards, policies
from bot.accounts import AccountChoice, Accounts
from bot.clock import Clock
from bot.composing import Count, PostForm, checked, common_text, count_all, suggested_form
from bot.errors import AlreadyDone, FieldErrors, NotFound, UserError
from bot.free_times import choose_time
from bot.posts import content_hash, require_step, too_late
from bot.scheduling import pass_suggestions, schedule_deliveries
from bot.team import Action, Admitted, Person, admit
from bot.waiting import lists_changed
from storage import (
    accounts,
    approvals,
    campaigns,
    drafts,
    history,
    holds,
    notices,
    posts,
    workspaces,
)
from storage import deliveries as delivery_rows
from storage.database import Database
from storage.records import (
    Campaign,
    Card,
    Content,
    Draft,
    Post,
    PostState,
    Revision,
    Suggestion,
    When,
)
from storage.rows import Transaction, new_id

MAX_DRAFTS = 20
ON_ITS_WAY = (PostState.IN_REVIEW, PostState.SCHEDULED)
UNCHANGED = (
    "Nothing here is different from the post as it is, so it was left alone, with what was "
    "approved of it. Change something, or close this."
)
LONGEST_CAMPAIGN = 60


@dataclass(frozen=True, slots=True)
class FormStart:
    """What a new form begins with."""

    admitted: Admitted
    choices: Sequence[AccountChoice]
    chosen: frozenset[str]
    draft: Draft | None
    campaigns: Sequence[Campaign] = ()


@dataclass(frozen=True, slots=True)
class EditStart:
    """What the form for changing a post begins with; ``draft`` is the person's own unfinished
    change of it, if one was left."""

    start: FormStart
    post: Post
    revision: Revision
    draft: Draft | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A form looked at before it counts. ``due_at`` None: as soon as it is approved, or not
    understood (see ``problems``, by field). ``needs_approval``: with these accounts and this
    campaign somebody has to approve it."""

    start: FormStart
    counts: Sequence[Count]
    due_at: datetime | None
    problems: Mapping[str, str]
    needs_approval: bool = True


@dataclass(frozen=True, slots=True)
class Submitted:
    """A post that was submitted. ``has_card``: in the approvals channel, now; what is further away
    is in the approvers' lists, and gets its card when it comes near."""

    post: Post
    revision: Revision
    needs_approval: bool
    has_card: bool


class Drafting:
    """Use cases of writing."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock
        self._publisher = clock.alarm("publisher")
        self._notices = clock.alarm("notices")

    async def start(self, person: Person) -> FormStart:
        """What a new form shows: accounts, the last used ones, the draft that was left."""
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.DRAFT, somewhere=True)
            choices = await self._accounts.choices(tx, person.workspace_id)
            if not choices:
                raise UserError(
                    "No account is connected yet, so there is nowhere to publish. "
                    "An admin connects one with `/social connect`."
                )
            last = await accounts.last_used_by(tx, person.workspace_id, person.user_id)
            left = await drafts.of_person(tx, person.workspace_id, person.user_id)
            known_campaigns = await campaigns.of_workspace(tx, person.workspace_id)
        known = {choice.account.id for choice in choices}
        chosen = last & known or ({choices[0].account.id} if len(choices) == 1 else set())
        new = [draft for draft in left if draft.post_id is None]
        left_one = new[0] if new else None
        return FormStart(admitted, choices, frozenset(chosen), left_one, known_campaigns)

    async def start_edit(self, person: Person, post_id: str) -> EditStart:
        """What the form shows for changing a post.

        :raises AlreadyDone: it is past the point where its content can change.
        """
        start = await self.start(person)
        async with self._database.reading() as tx:
            post, revision = await _found(tx, person, post_id)
            await admit(tx, person, Action.DRAFT, post.campaign_id)
            left = await _left_changes(tx, person, post_id)
            is_out = await delivery_rows.is_out(tx, post_id)
        _require_no_reply(post)
        if post.state is not PostState.DRAFT:
            require_step(post, PostState.DRAFT, doing="edit it")
        if is_out:
            raise too_late(post, "edited any more")
        return EditStart(start, post, revision, left[0] if left else None)

    async def preview(self, person: Person, form: PostForm, post_id: str | None = None) -> Preview:
        """Everything that submitting would say, without submitting."""
        start = await self.start(person)
        problems: dict[str, str] = {}
        due_at = None
        chosen = [c.account for c in start.choices if c.account.id in form.account_ids]
        async with self._database.reading() as tx:
            try:
                due_at = await choose_time(
                    tx,
                    start.admitted,
                    chosen,
                    when=form.when,
                    at=form.at,
                    words=form.words,
                    now=self._clock.now(),
                    besides=post_id,
                )
            except FieldErrors as error:
                problems |= error.fields
            deciders = await policies.load(tx, start.admitted.workspace)
            needed = deciders.needed(form.campaign_id, [account.id for account in chosen])
        try:
            checked(form, start.choices, self._accounts)
        except FieldErrors as error:
            problems |= error.fields
        counts = self.counts(form, start.choices)
        return Preview(start, counts, due_at, problems, bool(needed.steps))

    def counts(self, form: PostForm, choices: Sequence[AccountChoice]) -> list[Count]:
        """The text against each chosen account's limit, counted as its network counts."""
        return count_all(form, choices, self._accounts)

    async def keep(
        self, person: Person, draft_id: str, fields: Mapping[str, object], post_id: str | None
    ) -> None:
        """Keep what is being typed, so that a form closed by mistake comes back.

        What arrives after its form was submitted is no draft any more.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await admit(tx, person, Action.DRAFT)
            if await posts.get(tx, person.workspace_id, draft_id) is not None:
                return
            if post_id is not None and await posts.get(tx, person.workspace_id, post_id) is None:
                return  # a change of nothing
            await drafts.save(
                tx, Draft(draft_id, person.workspace_id, person.user_id, post_id, fields, now)
            )
            mine = await drafts.of_person(tx, person.workspace_id, person.user_id)
            for old in mine[MAX_DRAFTS:]:
                await drafts.remove(tx, person.workspace_id, person.user_id, old.id)

    async def draft(self, person: Person, draft_id: str) -> Draft | None:
        """One of the person's own drafts."""
        async with self._database.reading() as tx:
            await admit(tx, person, Action.DRAFT)
            found = await drafts.get(tx, person.workspace_id, draft_id)
        return found if found and found.user_id == person.user_id else None

    async def drop(self, person: Person, draft_id: str) -> None:
        """Throw a draft away."""
        if await self.draft(person, draft_id):
            async with self._database.transaction() as tx:
                await drafts.remove(tx, person.workspace_id, person.user_id, draft_id)

    async def submit(
        self,
        person: Person,
        form: PostForm,
        *,
        draft_id: str | None = None,
        post_id: str | None = None,
        revision_id: str | None = None,
    ) -> Submitted:
        """Check a form and ask for approval (or schedule it, where nobody has to approve).

        :param draft_id: the draft that becomes the post, and whose id the post takes: the same
            form that comes twice makes one post.
        :param post_id: the post that is edited; with ``revision_id`` as the form showed it.
        :raises FieldErrors: what is wrong, by field; nothing is kept but the draft.
        :raises AlreadyDone: somebody changed or decided the post meanwhile.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            its = await posts.campaign_of(tx, person.workspace_id, post_id)
            admitted = await admit(
                tx, person, Action.DRAFT, form.campaign_id if post_id is None else its
            )
            await workspaces.lock(tx, person.workspace_id)
            if draft_id is not None and await drafts.is_anothers(
                tx, person.workspace_id, person.user_id, draft_id
            ):
                draft_id = None
            choices = await self._accounts.choices(tx, person.workspace_id)
            content = checked(form, choices, self._accounts)
            campaign_id = await _campaign(tx, person, form, now)
            if campaign_id != its:
                await admit(tx, person, Action.DRAFT, campaign_id)
            deciders = await policies.load(tx, admitted.workspace)
            needs_approval = bool(deciders.needed(campaign_id, content.account_ids).steps)
            if post_id is None and draft_id is not None:
                known = await _submitted_before(tx, person, draft_id, content)
                if known is not None:
                    return Submitted(*known, needs_approval, await _has_card(tx, known[0]))
            due_at = await choose_time(
                tx,
                admitted,
                [choice.account for choice in choices if choice.account.id in content.texts],
                when=form.when,
                at=form.at,
                words=form.words,
                now=now,
                besides=post_id,
            )
            if post_id is None:
                new = draft_id or new_id()
                post, revision = await self._create(
                    tx, person, new, form, content, campaign_id, due_at, now
                )
            else:
                post, revision = await self._edit(
                    tx,
                    person,
                    post_id,
                    revision_id,
                    common_text(form, content),
                    content,
                    {"when": form.when, "due_at": due_at, "campaign_id": campaign_id},
                    now,
                )
            post = await self._pass_on(tx, admitted, post, revision, needs_approval, now)
            if post.author_id != person.user_id:
                await cards.tell_author(tx, post, now)
            if draft_id is not None:
                await drafts.remove(tx, person.workspace_id, person.user_id, draft_id)
            for left in [] if post_id is None else await _left_changes(tx, person, post_id):
                await drafts.remove(tx, person.workspace_id, person.user_id, left.id)
            has_card = await _has_card(tx, post)
        self._publisher.ring()
        self._notices.ring()
        return Submitted(post, revision, needs_approval, has_card)

    async def _create(
        self,
        tx: Transaction,
        person: Person,
        post_id: str,
        form: PostForm,
        content: Content,
        campaign_id: str | None,
        due_at: datetime | None,
        now: datetime,
    ) -> tuple[Post, Revision]:
        revision = _revision(person, post_id, 1, common_text(form, content), content, now)
        post = Post(
            id=post_id,
            workspace_id=person.workspace_id,
            author_id=person.user_id,
            state=PostState.DRAFT,
            revision_id=revision.id,
            when=form.when,
            due_at=due_at,
            mention_id=None,
            version=1,
            created_at=now,
            updated_at=now,
            campaign_id=campaign_id,
        )
        await posts.insert(tx, post, revision)
        return post, revision

    async def _edit(
        self,
        tx: Transaction,
        person: Person,
        post_id: str,
        revision_id: str | None,
        base_text: str,
        content: Content,
        changed: Mapping[str, Any],
        now: datetime,
        *,
        written_by: Person | None = None,
    ) -> tuple[Post, Revision]:
        """:param changed: columns of the post.
        :param written_by: whose text it is, if not the person's."""
        await posts.lock(tx, post_id)
        post, before = await _found(tx, person, post_id)
        _require_no_reply(post)
        if post.state is not PostState.DRAFT:
            require_step(post, PostState.DRAFT, doing="edit it")
        if revision_id is not None and before.id != revision_id:
            raise AlreadyDone(
                "This post changed while you were editing, so nothing was submitted. What you "
                "typed is kept: close this, choose Edit on the post's card, and compare.",
                by=before.editor_id,
                did="changed it",
                at=before.created_at,
            )
        hold = await holds.of_post(tx, post)
        is_same = content_hash(content) == before.hash and base_text == before.base_text
        if is_same and hold is None and post.state in ON_ITS_WAY and _has(post, changed):
            raise FieldErrors({"text": UNCHANGED})
        if not await delivery_rows.withdraw(tx, post.id):
            raise too_late(post, "edited any more")
        await holds.left(tx, hold, post, person.user_id, "edited", now)
        revision = before
        if not is_same:
            writer, number = written_by or person, before.number + 1
            revision = _revision(writer, post.id, number, base_text, content, now)
            await posts.insert_revision(tx, revision)
        new = {
            "state": PostState.DRAFT,
            "revision_id": revision.id,
            "round": post.round + 1,  # whatever was changed, nothing of it is approved any more
            **changed,
        }
        if not await posts.change(tx, post, now, **new):
            raise AlreadyDone("Somebody changed this post at the same moment. Open it again.")
        return replace(post, **new, version=post.version + 1), revision

    async def _pass_on(
        self,
        tx: Transaction,
        admitted: Admitted,
        post: Post,
        revision: Revision,
        needs_approval: bool,
        now: datetime,
        *,
        did: str = "",
    ) -> Post:
        """:param did: what the person did, in the record's words, if they didn't just write."""
        workspace, author = admitted.workspace, admitted.member
        new: dict[str, object] = {"state": PostState.IN_REVIEW}
        if not needs_approval:
            due_at = post.due_at or now
            new = {"state": PostState.SCHEDULED, "due_at": due_at}
        if not await posts.change(tx, post, now, **new):
            raise AlreadyDone("Somebody changed this post at the same moment. Open it again.")
        passed = replace(post, **new, version=post.version + 1)  # type: ignore[arg-type]  # columns
        # One entry for one press: two of the same moment would have no order.
        did = did or ("wrote" if revision.number == 1 and post.created_at == now else "edited")
        how = "asked" if needs_approval else "scheduled"
        due = (
            "" if passed.due_at is None else f", for {passed.due_at.isoformat(timespec='minutes')}"
        )
        await history.note(
            tx,
            workspace.id,
            post.id,
            author.user_id,
            f"{did} and {how}",
            now,
            f"version {revision.number}{due}",
        )
        if not needs_approval:
            await schedule_deliveries(tx, passed, revision, passed.due_at or now)
        await notices.refresh(tx, workspace.id, post.id, now)
        await pass_suggestions(tx, post, now)
        channel = workspace.approvals_channel
        has_card = await cards.owe_card(tx, workspace, passed, revision, now)
        is_new = needs_approval and await _is_new_since_a_decision(tx, revision, now)
        if channel and has_card and is_new:
            await notices.owe(tx, workspace.id, Card.CHANGED, revision.id, channel, now)
        await lists_changed(tx, workspace, passed, revision, now)
        return passed

    async def use_suggestion(
        self, tx: Transaction, person: Person, suggestion: Suggestion, now: datetime
    ) -> Submitted:
        """Make a suggested text the post's own, at the time the post has, and ask again.

        Who suggested it has written this revision, as its editor: like its author, they don't count
        as its approver.

        The workspace and the post are locked.

        :raises FieldErrors: the networks don't take it (any more); see `checked`.
        :raises AlreadyDone: somebody changed the post meanwhile.
        """
        found, before = await _found(tx, person, suggestion.post_id)
        admitted = await admit(tx, person, Action.DRAFT, found.campaign_id)
        choices = await self._accounts.choices(tx, person.workspace_id)
        networks = {choice.account.id: choice.account.network for choice in choices}
        if not networks.keys() >= suggestion.texts.keys():
            raise FieldErrors({"accounts": "An account of this post isn't connected any more."})
        form = suggested_form(before, suggestion.texts, networks)
        content = checked(form, choices, self._accounts)
        post, revision = await self._edit(
            tx,
            person,
            suggestion.post_id,
            suggestion.revision_id,
            common_text(form, content),
            content,
            {},
            now,
            written_by=Person(person.workspace_id, suggestion.user_id),
        )
        deciders = await policies.load(tx, admitted.workspace)
        needed = deciders.needed(post.campaign_id, revision.content.account_ids)
        needs_approval = bool(needed.steps)
        passed = await self._pass_on(
            tx, admitted, post, revision, needs_approval, now, did="used a suggestion"
        )
        return Submitted(passed, revision, needs_approval, await _has_card(tx, passed))

    async def names(self, person: Person) -> dict[str, str]:
        """The team's names by Slack id, for mentions in a text that becomes a post."""
        async with self._database.reading() as tx:
            team = await workspaces.team(tx, person.workspace_id)
        return {member.user_id: member.name for member in team}


async def _is_new_since_a_decision(tx: Transaction, revision: Revision, now: datetime) -> bool:
    """Whether it was made now, after somebody had decided on an earlier one."""
    if revision.created_at != now:
        return False
    decided = await approvals.of_post(tx, revision.post_id)
    return any(decision.revision_id != revision.id for decision in decided)


async def _has_card(tx: Transaction, post: Post) -> bool:
    return await notices.of_card(tx, post.workspace_id, Card.APPROVAL, post.id) is not None


async def _left_changes(tx: Transaction, person: Person, post_id: str) -> list[Draft]:
    """The person's unfinished changes of a post, newest first."""
    mine = await drafts.of_person(tx, person.workspace_id, person.user_id)
    return [draft for draft in mine if draft.post_id == post_id]


async def _submitted_before(
    tx: Transaction, person: Person, draft_id: str, content: Content
) -> tuple[Post, Revision] | None:
    """The post that this very form has become already.

    :raises AlreadyDone: it became a post with another content.
    """
    if await posts.get(tx, person.workspace_id, draft_id) is None:
        return None
    post, revision = await _found(tx, person, draft_id)
    if revision.hash != content_hash(content):
        raise AlreadyDone(
            "This draft was submitted already, so nothing was submitted now. To change the post, "
            "choose Edit in its menu, on its card or in `/social queue`."
        )
    return post, revision


async def _campaign(tx: Transaction, person: Person, form: PostForm, now: datetime) -> str | None:
    """The id of the form's campaign; one that is new is made. A name that differs in its capitals
    only is the same one.

    :raises FieldErrors: it isn't there, or its name is missing (``campaign``, ``new_campaign``).
    """
    name = " ".join(form.new_campaign.split()) if form.new_campaign is not None else None
    known = await campaigns.of_workspace(tx, person.workspace_id)
    if name is None:
        if form.campaign_id is not None and form.campaign_id not in {one.id for one in known}:
            raise FieldErrors({"campaign": "This campaign isn't there any more. Choose another."})
        return form.campaign_id
    if not name or len(name) > LONGEST_CAMPAIGN:
        wrong = f"A name has at most {LONGEST_CAMPAIGN} characters." if name else "Give it a name."
        raise FieldErrors({"new_campaign": wrong})
    for one in known:
        if one.name.casefold() == name.casefold():
            return one.id
    made = Campaign(new_id(), person.workspace_id, name, person.user_id, now)
    await campaigns.insert_new(tx, made)  # the workspace is locked: nobody else makes it now
    await history.note(tx, made.workspace_id, made.id, person.user_id, "campaign", now, name)
    return made.id


def _require_no_reply(post: Post) -> None:
    """A reply belongs to its mention: there is its form."""
    if post.mention_id is not None:
        raise UserError(
            "This is a reply to a mention. To say something else, reply again on the mention's "
            "card; one that still waits is cancelled first. Nothing was changed."
        )


async def _found(tx: Transaction, person: Person, post_id: str) -> tuple[Post, Revision]:
    post = await posts.get(tx, person.workspace_id, post_id)
    if post is None:
        raise NotFound("This post isn't there any more.")
    revision = await posts.revision(tx, person.workspace_id, post.revision_id)
    if revision is None:
        raise NotFound("This post isn't there any more.")
    return post, revision


def _has(post: Post, wanted: Mapping[str, Any]) -> bool:
    """Whether a post has these columns; any next free time is as good as the one it has."""
    is_any_time = wanted.get("when") is not When.AT and wanted.get("when") is post.when
    return all(
        getattr(post, name) == value or (name == "due_at" and is_any_time)
        for name, value in wanted.items()
    )


def _revision(
    person: Person, post_id: str, number: int, base_text: str, content: Content, now: datetime
) -> Revision:
    return Revision(
        id=new_id(),
        workspace_id=person.workspace_id,
        post_id=post_id,
        number=number,
        hash=content_hash(content),
        content=content,
        base_text=base_text,
        editor_id=person.user_id,
        created_at=now,
    )
