"""What is one person's to do, gathered for their Home in one reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.accounts import AccountChoice, Accounts
from bot.brake import ShownBrake, shown_brakes
from bot.clock import Clock
from bot.team import Action, Admitted, Person, admit
from bot.urgent import Urgent, urgent
from bot.waiting import waiting_for
from storage import (
    accounts,
    approvals,
    deliveries,
    drafts,
    history,
    holds,
    mentions,
    notices,
    posts,
)
from storage.database import Database
from storage.records import (
    AccountState,
    Card,
    DeliveryState,
    Draft,
    Mention,
    Notice,
    Post,
    PostState,
    Revision,
)
from storage.rows import Transaction

MOST_READ = 50  # of each list; what doesn't fit on Home is counted
COMING = 5
FAILED_FOR = timedelta(days=14)  # then a failed post is no task any more
FAILED = (PostState.FAILED, PostState.PARTLY_PUBLISHED)


@dataclass(frozen=True, slots=True)
class PostLine:
    """A post as a list shows it. ``why`` says what is to be mended, ``by`` who asked for it;
    ``held``: something of it waits for a word; ``is_out``: something of it is live, or may be.

    ``card`` is its card in Slack (to be mended: the message about that), None without one.
    """

    post: Post
    revision: Revision
    labels: Sequence[str]
    card: Notice | None
    why: str = ""
    by: str | None = None
    held: bool = False
    is_out: bool = False


@dataclass(frozen=True, slots=True)
class MentionLine:
    """A mention that needs an answer; ``card`` is its card in Slack, None without one."""

    mention: Mention
    card: Notice | None


@dataclass(frozen=True, slots=True)
class Home:
    """One person's Home. Lists are empty where the person's roles don't cover them. ``held`` is how
    many of their own posts are held; ``urgent`` is the whole workspace's."""

    admitted: Admitted
    to_decide: Sequence[PostLine]
    to_mend: Sequence[PostLine]
    to_answer: Sequence[MentionLine]
    drafts: Sequence[Draft]
    coming: Sequence[PostLine]
    coming_total: int
    accounts: Sequence[AccountChoice]
    brakes: Sequence[ShownBrake]
    held: int
    urgent: Urgent

    def may(self, action: Action) -> bool:
        return self.admitted.may(action)

    def may_somewhere(self, action: Action) -> bool:
        return self.admitted.may_somewhere(action)

    @property
    def sick_accounts(self) -> Sequence[AccountChoice]:
        """Those that somebody must look after."""
        return [
            choice
            for choice in self.accounts
            if choice.account.state is not AccountState.ACTIVE or choice.account.problem
        ]


class Homes:
    """Reads people's Homes."""

    def __init__(self, database: Database, accounts_: Accounts, clock: Clock) -> None:
        self._database = database
        self._accounts = accounts_
        self._clock = clock

    async def load(self, person: Person) -> Home:
        """What is this person's.

        :raises NotSetUp, NotAllowed: as `admit`.
        """
        async with self._database.reading() as tx:
            admitted = await admit(tx, person, Action.NUMBERS, somewhere=True)
            if not admitted.may_somewhere(Action.LOOK):
                return Home(admitted, (), (), (), (), (), 0, (), (), 0, Urgent())
            to_decide = await self._to_decide(tx, admitted)
            coming, total = await self._coming(tx, admitted, to_decide)
            writes = admitted.may_somewhere(Action.DRAFT)
            left = await drafts.of_person(tx, person.workspace_id, person.user_id)
            place = self._accounts, person.workspace_id, self._clock.now()
            return Home(
                admitted=admitted,
                to_decide=to_decide,
                to_mend=await self._to_mend(tx, admitted) if writes else (),
                to_answer=await self._to_answer(tx, admitted),
                drafts=left if writes else (),
                coming=coming,
                coming_total=total,
                accounts=await self._accounts.choices(tx, person.workspace_id),
                brakes=await shown_brakes(tx, self._accounts, person.workspace_id),
                held=await self._held(tx, person),
                urgent=await urgent(tx, *place) if admitted.may(Action.LOOK) else Urgent(),
            )

    async def version(self, workspace_id: str) -> int:
        """Grows with what is done in a workspace."""
        async with self._database.reading() as tx:
            return await history.length(tx, workspace_id)

    async def _held(self, tx: Transaction, person: Person) -> int:
        hold = await holds.open_of(tx, person.workspace_id, person.user_id)
        if hold is None:
            return 0
        return len(await holds.post_ids(tx, person.workspace_id, hold_id=hold.id))

    async def _coming(
        self, tx: Transaction, admitted: Admitted, besides: Sequence[PostLine]
    ) -> tuple[Sequence[PostLine], int]:
        """What goes out next, and how many in all; ``besides`` is shown to the person already."""
        shown = {line.post.id for line in besides}
        workspace_id, of = admitted.workspace.id, admitted.campaigns(Action.LOOK)
        found = await posts.coming(tx, workspace_id, COMING + len(shown), campaigns=of)
        total = await posts.count_coming(tx, workspace_id, campaigns=of)
        others = [post for post in found if post.id not in shown][:COMING]
        return await self._lines(tx, admitted, others), total - len(shown)

    async def _to_decide(self, tx: Transaction, admitted: Admitted) -> Sequence[PostLine]:
        """Posts that wait for this person's decision, also of who is named in a step."""
        waiting = await waiting_for(tx, admitted.workspace, admitted.member.user_id)
        return await self._lines(tx, admitted, [one.post for one in waiting[:MOST_READ]])

    async def _to_mend(self, tx: Transaction, admitted: Admitted) -> Sequence[PostLine]:
        """The author's own: changes asked for, failures of late, sends that nobody knows about."""
        states = (PostState.CHANGES_REQUESTED, PostState.PUBLISHING, *FAILED)
        oldest = self._clock.now() - FAILED_FOR
        mine = await posts.of_author(tx, admitted.workspace.id, admitted.member.user_id, states)
        tasks = [post for post in mine if post.state not in FAILED or post.updated_at > oldest]
        lines = await self._lines(tx, admitted, tasks[:MOST_READ], Card.TROUBLE)
        return [line for line in lines if line.why]

    async def _to_answer(self, tx: Transaction, admitted: Admitted) -> Sequence[MentionLine]:
        """Open alerts that are this person's or nobody's yet, the person's own first, then by
        when they must be solved."""
        if not admitted.may(Action.RESPOND):
            return ()
        workspace_id, me = admitted.workspace.id, admitted.member.user_id
        now = self._clock.now()
        listed = await mentions.open_ones(tx, workspace_id, now, limit=MOST_READ, offset=0)
        mine = [
            mention
            for rank, mention in listed
            if rank == mentions.NEEDS_ANSWER and mention.owner_id in (None, me)
        ]
        mine.sort(key=lambda mention: (mention.owner_id != me, mention.solve_due_at))
        cards = await notices.of_cards(tx, workspace_id, Card.MENTION, [m.id for m in mine])
        return [MentionLine(mention, cards.get(mention.id)) for mention in mine]

    async def _lines(
        self,
        tx: Transaction,
        admitted: Admitted,
        found: Sequence[Post],
        card: Card = Card.APPROVAL,
    ) -> Sequence[PostLine]:
        workspace_id = admitted.workspace.id
        ids = [post.id for post in found]
        cards = await notices.of_cards(tx, workspace_id, card, ids)
        held = await holds.held_among(tx, ids)
        revisions = await posts.revisions_by_ids(tx, {post.revision_id for post in found})
        used = {id_ for one in revisions.values() for id_ in one.content.account_ids}
        known = await accounts.by_ids(tx, workspace_id, sorted(used))
        lines = []
        for post in found:
            revision = revisions[post.revision_id]
            labels = [self._accounts.label(known[id_]) for id_ in revision.content.account_ids]
            why, by = await _why(tx, post)
            is_out = post.state is PostState.PARTLY_PUBLISHED or (
                post.state is PostState.FAILED and await deliveries.is_out(tx, post.id)
            )
            stands = cards.get(post.id)
            lines.append(PostLine(post, revision, labels, stands, why, by, post.id in held, is_out))
        return lines


async def _why(tx: Transaction, post: Post) -> tuple[str, str | None]:
    """What is to be mended, and who said so."""
    if post.state is PostState.CHANGES_REQUESTED:
        last = (await approvals.of_post(tx, post.id))[-1]
        return last.comment or "see its card", last.user_id
    if post.state not in (PostState.PUBLISHING, *FAILED):
        return "", None
    sent = await deliveries.of_post(tx, post.id)
    if post.state is PostState.PUBLISHING:
        unknown = any(delivery.state is DeliveryState.UNKNOWN for delivery in sent)
        return ("a network gave no clear answer" if unknown else ""), None
    failed = [d.problem for d in sent if d.state is DeliveryState.FAILED and d.problem]
    return "; ".join(dict.fromkeys(failed)) or "nothing came back", None
