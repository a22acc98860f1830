"""The words of the product: what is remembered, as frozen records.

All times are aware datetimes in UTC. Ids are opaque strings; Slack's ids (workspace, user,
channel) are kept as Slack gives them. Nothing here knows of SQLAlchemy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What a person may do in a workspace; a person can hold several."""

    ADMIN = "admin"
    APPROVER = "approver"
    AUTHOR = "author"
    RESPONDER = "responder"
    VIEWER = "viewer"  # sees numbers, and nothing else


class PostState(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    PARTLY_PUBLISHED = "partly_published"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TAKEN_DOWN = "taken_down"


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    PUBLISHED = "published"
    FAILED = "failed"
    UNKNOWN = "unknown"
    HELD = "held"
    CANCELLED = "cancelled"
    TAKEN_DOWN = "taken_down"


class HoldReason(StrEnum):
    """Why a delivery that is due doesn't go out."""

    LATE = "late"  # past the workspace's limit: nothing old goes out unasked
    BRAKE = "brake"  # somebody holds publishing
    ACCOUNT = "account"  # its account must be connected again


class PartState(StrEnum):
    PENDING = "pending"
    BEGUN = "begun"  # the call may have left: only resolving may touch it
    DONE = "done"


class PartKind(StrEnum):
    UPLOAD = "upload"
    POST = "post"


class When(StrEnum):
    """How the author said when."""

    NOW = "now"  # as soon as it is approved
    NEXT_FREE = "next_free"  # the next free slot of its accounts, chosen when submitted
    AT = "at"


class Verdict(StrEnum):
    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"


class AccountState(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"  # the network refused its credentials: reconnect
    DISCONNECTED = "disconnected"


class Sentiment(StrEnum):
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"
    UNCLASSIFIED = "unclassified"  # the classifier can't read it; never called neutral


class Urgency(StrEnum):
    """What a mention's sentiment asks of us."""

    ALERT = "alert"  # one card, with its clock
    DOUBTFUL = "doubtful"  # in the list that is shown twice a day
    NONE = "none"


class MentionState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


class MentionKind(StrEnum):
    MENTION = "mention"
    REPLY = "reply"
    FEED = "feed"


class WatchKind(StrEnum):
    WORDS = "words"
    FEED = "feed"


class Mode(StrEnum):
    ALONE = "alone"  # posts go out without approval by another, and the record says so
    TEAM = "team"


class Scope(StrEnum):
    """What an approval policy is for; see ``bot/policies.py`` for which of several holds."""

    WORKSPACE = "workspace"
    ACCOUNT = "account"
    CAMPAIGN = "campaign"


class NoticeState(StrEnum):
    OWED = "owed"
    SENDING = "sending"
    SENT = "sent"
    BROKEN = "broken"  # its destination is dead; kept until somebody mends it


class Card(StrEnum):
    """The kinds of messages that are owed; ``handlers/notices.py`` renders each."""

    APPROVAL = "approval"  # one per post, in the approvals channel
    APPROVAL_REST = "approval_rest"  # what didn't fit on it, in its thread
    APPROVAL_REST_2 = "approval_rest_2"
    CHANGED = "changed"  # one per revision after a decision, in that thread: what changed
    SUGGESTED = "suggested"  # in that thread: another text that an approver suggests
    TROUBLE = "trouble"  # to the author: what failed, why, and what to press
    TROUBLE_BEFORE = "trouble_before"  # an earlier message of that: that there is a newer one
    MENTION = "mention"  # one per clearly negative mention, in the alerts channel
    ROUTED = "routed"  # the same mention in the channel of the team it was routed to
    WROTE_AGAIN = "wrote_again"  # in that card's thread: its author has written again
    DOUBTFUL = "doubtful"  # the list of possibly negative mentions
    DIGEST = "digest"
    HELD = "held"  # what a person asks to let go of what is held: to those who may
    REVIEW = "review"  # to an approver, once a day: the list of what waits for them
    REVIEW_BEFORE = "review_before"  # the list of an earlier day: that there is a newer one
    INBOX_BEFORE = "inbox_before"  # the same of an inbox
    INBOX = "inbox"  # one per person: what is theirs to see to, edited in place
    BRAKE = "brake"  # one per brake, in the approvals channel
    DEAD_CHANNEL = "dead_channel"  # to the admins: a channel refuses messages
    LEFT = "left"  # to the admins: what somebody leaves behind whom Slack deactivated


@dataclass(frozen=True, slots=True)
class Workspace:
    """A Slack team. ``set_up_at`` is None until an admin has finished the set-up form.

    ``enterprise_id``: the organisation (Enterprise Grid) whose installation serves it.
    """

    id: str
    name: str
    mode: Mode
    zone: str
    approvals_channel: str | None
    alerts_channel: str | None
    routes: Mapping[str, str]  # team's name -> Slack channel
    brand_words: tuple[str, ...]
    lateness_limit_s: int
    set_up_at: datetime | None
    created_at: datetime
    enterprise_id: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A person of a Slack team. ``roles`` are their own, without those of their user groups.

    ``is_guest``: Slack's single- and multi-channel guests, and people of other workspaces.
    ``is_gone``: Slack deactivated them; nothing gives them a role again but an admin.
    ``review_minute``, from midnight in ``zone``, is when their list of posts to approve comes;
    None: at the default hour, negative: they want none.
    """

    workspace_id: str
    user_id: str
    name: str
    zone: str
    roles: frozenset[Role]
    is_guest: bool = False
    is_gone: bool = False
    review_minute: int | None = None


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A Slack user group that gives its members roles, or whose members approve.

    ``members`` are kept as Slack had them at ``synced_at``.
    """

    workspace_id: str
    id: str
    handle: str
    name: str
    members: tuple[str, ...]
    roles: frozenset[Role]
    synced_at: datetime


@dataclass(frozen=True, slots=True)
class Campaign:
    """A label on posts that policies, the brake and roles can name."""

    id: str
    workspace_id: str
    name: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignGrant:
    """Roles that somebody has in one campaign alone.

    ``team_id`` is the Slack team that the person belongs to: another one's, for a client.
    """

    id: str
    workspace_id: str
    campaign_id: str
    user_id: str
    team_id: str
    roles: frozenset[Role]
    granted_by: str
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a policy: how many of whom must approve.

    Without ``people`` and ``group`` (a Slack user group's id) it is anybody who may approve.
    ``backup`` is reminded when the others haven't decided in time, and may decide as well.
    """

    name: str
    needed: int = 1
    people: tuple[str, ...] = ()
    group: str | None = None
    backup: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is anybody's who may approve."""
        return not self.people and self.group is None


@dataclass(frozen=True, slots=True)
class Policy:
    """Who must approve, in order. No steps: nobody has to.

    ``scope_id`` is an account's or a campaign's id, empty for the workspace. ``replies``: answers
    to mentions need it too. ``own_card``: each post gets a card at once, however far away it is.
    """

    id: str
    workspace_id: str
    scope: Scope
    scope_id: str
    steps: tuple[Step, ...]
    author_counts: bool
    replies: bool
    own_card: bool
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Slot:
    """A weekly posting time. ``weekday`` 0 is Monday; ``minute`` counts from midnight."""

    weekday: int
    minute: int


@dataclass(frozen=True, slots=True)
class Account:
    """A connected profile on a network.

    ``credentials`` is what the network file put there, encrypted at rest by ``bot/accounts.py``;
    ``limits`` overrides the network's own (an instance with longer posts, say).
    ``slots`` is None while the default posting times hold. ``polled_at`` is when its mentions
    were read, or lies ahead where the network asks us to wait. ``limited_until`` is how long the
    network wants no more posts.
    """

    id: str
    workspace_id: str
    network: str
    remote_id: str
    handle: str
    name: str
    url: str
    server: str
    state: AccountState
    credentials: bytes
    limits: Mapping[str, int]
    slots: tuple[Slot, ...] | None
    owner_id: str
    cursor: str | None
    polled_at: datetime | None
    problem: str | None
    created_at: datetime
    limited_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a revision: the bytes are found by their SHA-256 in the media folder."""

    sha256: str
    alt: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a revision says: exactly what is hashed, approved and published.

    ``texts`` maps an account's id to the text published there, link included.
    """

    texts: Mapping[str, str]
    link: str | None
    pictures: tuple[Picture, ...]

    @property
    def account_ids(self) -> tuple[str, ...]:
        return tuple(sorted(self.texts))

    def to_json(self) -> dict[str, Any]:
        """The one canonical form of a content: what is stored and what is hashed."""
        return {
            "texts": dict(sorted(self.texts.items())),
            "link": self.link,
            "pictures": [{"sha256": p.sha256, "alt": p.alt} for p in self.pictures],
        }


@dataclass(frozen=True, slots=True)
class Revision:
    id: str
    workspace_id: str
    post_id: str
    number: int
    hash: str
    content: Content
    base_text: str  # what the form's first field held, for editing again
    editor_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """What someone wants to say. ``version`` grows with every change of it, ``round`` with every
    edit: approvals of an earlier round don't count any more."""

    id: str
    workspace_id: str
    author_id: str
    state: PostState
    revision_id: str
    when: When
    due_at: datetime | None
    mention_id: str | None  # a reply to a mention
    version: int
    created_at: datetime
    updated_at: datetime
    campaign_id: str | None = None
    round: int = 1


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision on one revision (an approval, a request for changes or a rejection)."""

    id: str
    workspace_id: str
    post_id: str
    revision_id: str
    user_id: str
    verdict: Verdict
    comment: str
    due_at: datetime | None  # the time approved beside the content
    decided_at: datetime
    round: int = 1


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody wrote in the thread of a post's card: message ``ts`` in ``channel``.

    ``text`` is as it has been since ``at``; empty once the message was deleted.
    """

    id: str
    workspace_id: str
    post_id: str
    user_id: str
    text: str
    channel: str
    ts: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Other texts for one revision, by account, which its author can take with one press."""

    id: str
    workspace_id: str
    post_id: str
    revision_id: str
    user_id: str
    texts: Mapping[str, str]
    comment: str
    at: datetime
    taken_by: str | None = None
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One revision on one account.

    ``due_at`` is the promise; ``next_attempt_at`` is when the publisher looks at it next.
    ``network`` is its account's. While it is held, ``hold_id`` names the list it is on, and
    ``wish`` what a person who may not release it asks for (``wished_by``).
    """

    id: str
    workspace_id: str
    post_id: str
    revision_id: str
    account_id: str
    network: str
    state: DeliveryState
    due_at: datetime
    next_attempt_at: datetime
    attempt: int = 0
    owner: str | None = None
    lease_until: datetime | None = None
    problem: str | None = None
    remote_id: str | None = None
    url: str | None = None
    published_at: datetime | None = None
    hold_reason: HoldReason | None = None
    hold_id: str | None = None
    wish: When | None = None
    wished_by: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """What is held of one person's, as one list; closed when nothing is left on it."""

    id: str
    workspace_id: str
    author_id: str
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Brake:
    """Publishing held by a person: in the workspace, on one account or of one campaign."""

    id: str
    workspace_id: str
    account_id: str | None
    reason: str
    pulled_by: str
    pulled_at: datetime
    released_by: str | None
    released_at: datetime | None
    campaign_id: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One external effect of a delivery, with its own key and outcome.

    ``key`` is derived once, before the first attempt; ``frozen`` is what must be the same at
    every attempt (a creation time, say); ``result`` is what the network gave back.
    """

    id: str
    delivery_id: str
    position: int
    kind: PartKind
    key: str
    frozen: Mapping[str, Any]
    state: PartState
    begun_at: datetime | None
    result: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture that was copied once. ``slack_file_id`` is the bot's own upload, for cards."""

    workspace_id: str
    sha256: str
    mime: str
    size: int
    width: int
    height: int
    name: str
    slack_file_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """A form somebody is filling in, kept as it is typed. ``fields`` are the form's values."""

    id: str
    workspace_id: str
    user_id: str
    post_id: str | None  # the post being edited, if any
    fields: Mapping[str, Any]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Who did what, when: one entry of the workspace's record. ``actor_id`` None is the machine.

    ``subject_id`` is a post, a mention or whatever else it was done to, ``revision_id`` the
    revision as it was then, ``origin`` from where. ``seq`` counts a workspace's entries without
    a gap, and ``hash`` covers the entry and the hash of the one before.
    """

    id: str
    workspace_id: str
    subject_id: str
    actor_id: str | None
    action: str
    detail: str
    at: datetime
    revision_id: str | None = None
    origin: str = ""
    seq: int | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class RecordHead:
    """The newest entry of a workspace's record."""

    workspace_id: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class SharedChannel:
    """A Slack channel that people outside see (Slack Connect). Until an admin has allowed it,
    cards for it wait."""

    workspace_id: str
    id: str
    teams: tuple[str, ...]  # Slack's ids of the other teams that see it
    noticed_at: datetime
    allowed_by: str | None
    allowed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Installation:
    """The app in one Slack team, or in a whole organisation (``team_id`` None). Tokens are
    encrypted (``bot/accounts.py``, `Vault`)."""

    id: str
    enterprise_id: str | None
    team_id: str | None
    app_id: str
    bot_id: str
    bot_user_id: str
    scopes: str
    bot_token: bytes
    refresh_token: bytes | None
    token_expires_at: datetime | None
    installed_by: str
    installed_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Watch:
    """What we listen for: words, or a feed's address.

    ``everything`` is for a feed that is a search for the brand itself: each entry counts, not
    only those with our words. ``title`` is the feed's own. ``polled_at`` is when it was read, or
    lies ahead where the server asks us to wait.
    """

    id: str
    workspace_id: str
    kind: WatchKind
    value: str
    title: str
    everything: bool
    cursor: Mapping[str, str]
    polled_at: datetime | None
    problem: str | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Mention:
    """What someone said about us.

    ``source`` names where it came from (an account's id or a watch's id); with ``remote_id``
    it is unique. ``reply_to`` is what the network needs for an answer, empty where none can
    be given. The first answer and the solution are separate facts. What its author writes later
    in the same conversation is kept as a mention that ``continues`` it, and is shown with it.
    """

    id: str
    workspace_id: str
    source: str
    kind: MentionKind
    account_id: str | None
    remote_id: str
    author: str
    author_name: str
    text: str
    url: str
    reply_to: Mapping[str, Any]
    posted_at: datetime
    seen_at: datetime
    sentiment: Sentiment
    score: float
    language: str | None
    reasons: tuple[str, ...]
    urgency: Urgency
    state: MentionState
    owner_id: str | None
    route: str | None
    answer_due_at: datetime
    solve_due_at: datetime
    answered_at: datetime | None
    solved_at: datetime | None
    resolve_with: str | None  # the reply (a post) that resolves it once it is out
    continues: str | None
    listed_in: str | None  # the list of possibly negative mentions it was shown in
    version: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Numbers of an account (``delivery_id`` None) or of a live post at one time.

    ``numbers`` keys: followers, following, posts (account); likes, reposts, replies (post).
    """

    id: str
    workspace_id: str
    account_id: str
    delivery_id: str | None
    taken_at: datetime
    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DigestPlan:
    """A digest that posts itself. ``weekday`` None is daily; ``minute`` counts from midnight
    in ``zone``."""

    id: str
    workspace_id: str
    channel: str
    weekday: int | None
    minute: int
    zone: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """A Slack message that is owed: a card and a destination, never its content.

    ``destination`` is a channel's or a user's id. ``version`` grows with every change of what
    the card shows; ``sent_version`` is the newest that Slack took. ``begun_at`` is when posting
    it began, as long as nobody knows whether Slack took it. A notice that is ``joined_to``
    another one is shown in that one's message.
    """

    id: str
    workspace_id: str
    card: str
    subject_id: str
    destination: str
    channel: str | None
    ts: str | None
    version: int
    sent_version: int
    state: NoticeState
    attempt: int
    next_attempt_at: datetime
    problem: str | None
    begun_at: datetime | None = None
    joined_to: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel's or a person's place in Slack, by its id.

    Until ``free_at`` nobody else sends there: it is a sender's lease, then Slack's pace.
    ``problem`` is Slack's name for why it takes no messages; None while it does.
    """

    workspace_id: str
    id: str
    free_at: datetime
    problem: str | None
