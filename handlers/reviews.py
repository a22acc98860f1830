"""Many at once: an approver's list, and deciding post by post in one modal."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.errors import AlreadyDone, NotFound
from bot.reviews import Reviewed
from handlers.errors import explain
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.notices import Rendered, Renderer
from handlers.payloads import pack, unpack
from handlers.post_modal import PostModal
from handlers.refreshing import Refreshing
from handlers.requests import FormAnswer, Next, Press, Request, Submission, View
from handlers.slack_calls import FAILED
from handlers.views import reviews as views
from storage.records import Card, Notice, Verdict

MOST_AT_ONCE = 50  # posts of a round: their ids fit into the form
MOST_NOTES = 5
OPEN, ELSEWHERE = ".", "o"  # letters of what became of a post; see also `views.SAID`
LETTER = {Verdict.APPROVED: "a", Verdict.CHANGES_REQUESTED: "c", Verdict.REJECTED: "r"}


def register(desk: Desk, post_modal: PostModal) -> Mapping[Card, Renderer]:
    """The list and the modal; gives the list's cards."""
    reviews = ReviewModal(desk, post_modal)
    desk.press(Act.OPEN_REVIEW, reviews.open)
    desk.press(Act.REVIEW_CHANGES, reviews.request_changes)
    desk.press(Act.REVIEW_REJECT, reviews.reject)
    desk.press(Act.REVIEW_SKIP, reviews.skip)
    desk.press(Act.REVIEW_BACK, reviews.back)
    for act in (Act.REVIEW_TIME, Act.REVIEW_NEVER, Act.REVIEW_DAILY):
        desk.press(act, reviews.set_time)
    desk.form(Form.REVIEW, reviews.submit)
    desk.afterwards(reviews.follow)
    return {Card.REVIEW: reviews.render_list, Card.REVIEW_BEFORE: render_before}


@dataclass(frozen=True, slots=True)
class Round:
    """Where somebody is in their round, as the modal carries it.

    ``said`` has a letter for each post. ``post``, ``revision`` and ``version`` are what is shown,
    ``button`` what the modal's own button says, ``asking`` the decision that it asks a comment for.
    """

    posts: tuple[str, ...]
    said: str
    at: int = 0
    page: int = 0
    post: str = ""
    revision: str = ""
    version: int = 0
    button: str = ""
    asking: Verdict | None = None

    @classmethod
    def begun(cls, posts: tuple[str, ...]) -> "Round":
        return cls(posts, OPEN * len(posts))

    @classmethod
    def of(cls, metadata: str) -> "Round":
        ids = unpack(metadata)
        asking = ids.get("asking")
        return cls(
            tuple(ids["posts"].split(",")),
            ids["said"],
            int(ids["at"]),
            int(ids["page"]),
            ids["post"],
            ids["revision"],
            int(ids["version"]),
            ids["button"],
            Verdict(asking) if asking else None,
        )

    def packed(self) -> str:
        return pack(
            posts=",".join(self.posts),
            said=self.said,
            at=str(self.at),
            page=str(self.page),
            post=self.post,
            revision=self.revision,
            version=str(self.version),
            button=self.button,
            asking=self.asking.value if self.asking else None,
        )

    def next(self, letter: str) -> "Round":
        """On to the next post; ``letter`` is what became of this one, unless something had."""
        known = self.said[self.at]
        kept = known if letter in (ELSEWHERE, OPEN) and known != OPEN else letter
        said = self.said[: self.at] + kept + self.said[self.at + 1 :]
        return replace(self, said=said, at=self.at + 1, page=0, asking=None)


class ReviewModal:
    """Brings what is pressed to `bot.approvals`, and shows the next post."""

    def __init__(self, desk: Desk, post_modal: PostModal) -> None:
        self._services = desk.services
        self._tasks = desk.tasks
        self._post_modal = post_modal
        self._refreshing = Refreshing()

    # The list

    async def render_list(self, notice: Notice) -> Rendered | None:
        shown = await self._services.reviews.list_of(
            notice.workspace_id, notice.subject_id, views.MOST_IN_LIST
        )
        if not shown.total and notice.ts is None and notice.begun_at is None:
            return None
        return Rendered(*views.review_list(shown))

    async def set_time(self, press: Press) -> None:
        """When the own list comes; Home shows it afterwards."""
        minute = None
        if press.action["action_id"] == Act.REVIEW_TIME:
            hours, minutes = press.action["selected_time"].split(":")
            minute = int(hours) * 60 + int(minutes)
        elif press.action["action_id"] == Act.REVIEW_DAILY:
            minute = int(press.value)
        await self._services.reviews.set_time(press.person, minute)

    # Showing

    async def open(self, press: Press) -> None:
        """Begin a round: in a modal of its own, or in the one whose round has ended."""
        if press.view is not None and press.view.get("callback_id") == Form.REVIEW:
            self._refreshing.pressed(press)
            await self._refreshing.show(press, await self._first(press))
        else:
            await press.open(self._first(press))

    async def _first(self, request: Request) -> View:
        waiting = await self._services.reviews.begin(request.person)
        if not waiting:
            return views.nothing_to_review()
        return await self._on(request, Round.begun(tuple(waiting[:MOST_AT_ONCE])))

    async def _on(self, request: Request, at: Round, notes: tuple[str, ...] = ()) -> View:
        """The first post from here on that still waits, with what became of those between."""
        while at.at < len(at.posts):
            try:
                item = await self._services.reviews.look(request.person, at.posts[at.at])
            except NotFound:
                at = at.next(ELSEWHERE)
                continue
            if item.waits:
                self._prepare(request, at)
                return await self._shown(at, item, notes)
            if at.said[at.at] == OPEN:
                notes = (*notes, views.decided_meanwhile(item.shown))
            at = at.next(ELSEWHERE)
        left = await self._services.reviews.left(request.person)
        return views.round_done(at.said, left, _together(notes))

    async def _shown(self, at: Round, item: Reviewed, notes: tuple[str, ...] = ()) -> View:
        post = item.shown.post
        try:
            files = await self._post_modal.files(item.shown)
        except FAILED as error:
            explain(error)  # logged; the modal says that it can't be approved now
            files = None
        at = replace(
            at,
            post=post.id,
            revision=item.shown.revision.id,
            version=post.version,
            button=views.submit_label(
                item,
                pages_left=views.parts_of(item.shown) - at.page - 1,
                asking=at.asking,
                shows=files is not None,
            ),
        )
        return views.review_modal(
            item,
            files,
            place=at.at + 1,
            total=len(at.posts),
            page=at.page,
            asking=at.asking,
            note=_together(notes),
            metadata=at.packed(),
        )

    def _prepare(self, request: Request, at: Round) -> None:
        """While somebody reads one post, the next one's pictures are made ready."""
        if at.at + 1 < len(at.posts):
            self._tasks.spawn(self._prepared(request, at.posts[at.at + 1]))

    async def _prepared(self, request: Request, post_id: str) -> None:
        try:
            item = await self._services.reviews.look(request.person, post_id)
            await self._post_modal.files(item.shown)
        except Exception as error:  # nobody waits for this: it is tried again when it is shown
            explain(error)

    # Presses

    async def request_changes(self, press: Press) -> None:
        await self._ask(press, Verdict.CHANGES_REQUESTED)

    async def reject(self, press: Press) -> None:
        await self._ask(press, Verdict.REJECTED)

    async def _ask(self, press: Press, verdict: Verdict) -> None:
        """Ask for the comment, below the post."""
        self._refreshing.pressed(press)
        await self._again(press, replace(_round(press), asking=verdict))

    async def skip(self, press: Press) -> None:
        self._refreshing.pressed(press)
        await self._refreshing.show(press, await self._on(press, _round(press).next("s")))

    async def back(self, press: Press) -> None:
        """Out of the comment; else to the part or the post before, as it is now."""
        self._refreshing.pressed(press)
        at = _round(press)
        if at.asking is not None:
            at = replace(at, asking=None)
        elif at.page:
            at = replace(at, page=at.page - 1)
        else:
            at = replace(at, at=max(at.at - 1, 0))
        await self._again(press, at)

    async def follow(self, request: Request) -> None:
        """A new time was given to the post that is shown."""
        if (
            isinstance(request, Press)
            and request.view is not None
            and request.view.get("callback_id") == Form.REVIEW
            and request.action["action_id"] == Act.NEXT_FREE
        ):
            self._refreshing.pressed(request)
            await self._again(request, _round(request))

    async def _again(self, press: Press, at: Round) -> None:
        item = await self._services.reviews.look(press.person, at.posts[at.at])
        await self._refreshing.show(press, await self._shown(at, item))

    # The modal's own button

    async def submit(self, submission: Submission) -> FormAnswer:
        """Do what the button said, with what was shown, and go on."""
        at = Round.of(submission.metadata)
        match at.button:
            case "Approve":
                return await self._decide(submission, at, Verdict.APPROVED, at.version)
            case "Send":
                assert at.asking is not None
                return await self._decide(submission, at, at.asking, None)
            case "Read on":
                item = await self._services.reviews.look(submission.person, at.post)
                return Next(await self._shown(replace(at, page=at.page + 1), item))
            case "Skip":
                return Next(await self._on(submission, at.next("s")))
            case _:
                return Next(await self._on(submission, at.next(ELSEWHERE)))

    async def _decide(
        self, submission: Submission, at: Round, verdict: Verdict, version: int | None
    ) -> FormAnswer:
        comment = submission.values.get(views.comment_block(at.at + 1)) or ""
        try:
            await self._services.approvals.decide(
                submission.person,
                at.post,
                verdict,
                revision_id=at.revision,
                version=version,
                comment=comment,
            )
        except AlreadyDone as error:
            item = await self._services.reviews.look(submission.person, at.post)
            if not item.waits:  # somebody else was first: that is said, and it goes on
                return Next(await self._on(submission, at))
            again = replace(at, page=0, asking=None)
            return Next(await self._shown(again, item, (f":warning: {explain(error)}",)))
        return Next(await self._on(submission, at.next(LETTER[verdict])))


async def render_before(notice: Notice) -> Rendered | None:
    """A list that a newer one has followed; where it is gone, nothing is posted for it."""
    return Rendered(*views.newer_below()) if notice.ts else None


def _round(press: Press) -> Round:
    assert press.view is not None
    return Round.of(press.view["private_metadata"])


def _together(notes: tuple[str, ...]) -> str:
    more = len(notes) - MOST_NOTES
    return "\n".join([*notes[:MOST_NOTES], *([f"… and {more} more."] if more > 0 else [])])
