"""What a network declares and implements.

A network is one file in this folder, one test file and one line in ``__init__.py``. It declares
its name, limits and how an uncertain send is resolved, and implements the small protocols below
for what it can do; forms, checks, settings and documents follow from that.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, ClassVar, Protocol, runtime_checkable

from bot.errors import Unavailable
from bot.networks.http import Client
from storage.records import Account, MentionKind


class UploadsGone(Unavailable):
    """The network has dropped uploaded pictures that no post took in time; nothing is out.

    Upload the same pictures again and publish what was prepared: it still fits.
    """


class Uncertainty(StrEnum):
    """How a send without a clear answer is resolved (``Publishes.find`` and ``publish``)."""

    SAME_KEY = "same key"  # sending again with the same key has no second effect
    LOOK_UP = "look up"  # `find` tells, once the network's grace has passed
    ASK = "ask"  # only a person can tell


@dataclass(frozen=True, slots=True)
class Limits:
    """What a network takes. ``text`` is in the network's own count (``Network.count``)."""

    text: int
    pictures: int
    picture_bytes: int
    picture_kinds: tuple[str, ...]  # MIME types
    alt: int

    def with_overrides(self, overrides: Mapping[str, int]) -> "Limits":
        """The limits of one account, whose server may have its own numbers."""
        known = {name: value for name, value in overrides.items() if name in self.__slots__}
        return replace(self, **known)  # type: ignore[arg-type]  # numbers only, see Account.limits


@dataclass(frozen=True, slots=True)
class ConnectField:
    """One input of the form by which an account is connected."""

    name: str
    label: str
    hint: str
    placeholder: str = ""
    secret: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable a network reads; ``default`` is its public address."""

    variable: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Connected:
    """What connecting found out. ``credentials`` is kept encrypted, as the network wrote it."""

    remote_id: str
    handle: str
    name: str
    url: str
    server: str
    credentials: Mapping[str, Any]
    limits: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Session:
    """An account in use. ``save`` keeps refreshed credentials; call it before using them."""

    account: Account
    credentials: dict[str, Any]
    save: Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture's bytes, as they are uploaded."""

    data: bytes
    mime: str
    width: int
    height: int
    alt: str
    name: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An uploaded picture: what ``upload`` gave back, beside what the post says about it."""

    result: Mapping[str, Any]
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What one post is made of. ``reply_to`` is that of what it answers or goes on from
    (``HeardMention.reply_to``, ``Published.reply_to``). ``not_before``: the post's promised time
    (UTC), which is prepared a little before it."""

    text: str
    pictures: Sequence[Uploaded]
    reply_to: Mapping[str, Any] | None
    language: str | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """``remote_id`` is what the network needs to delete or measure it; ``url`` is for people.

    ``reply_to`` is what the next post of a thread needs (its ``Outgoing.reply_to``); never empty
    where the network has threads.
    """

    remote_id: str
    url: str
    reply_to: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeardMention:
    """Something written about or to the account. ``posted_at`` in UTC.

    ``answers`` is the remote id of the post it replies to, None if it replies to none.
    """

    remote_id: str
    kind: MentionKind
    author: str
    author_name: str
    text: str
    url: str
    posted_at: datetime
    reply_to: Mapping[str, Any]
    answers: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """One poll: what was new, and where the next one goes on."""

    mentions: Sequence[HeardMention]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Measured:
    """Running totals. ``account`` keys: followers, following, posts; ``posts`` maps a remote id to
    likes, reposts, replies. A post that isn't there any more is left out."""

    account: Mapping[str, int]
    posts: Mapping[str, Mapping[str, int]]


class Network(ABC):
    """A social network. One instance serves all of its accounts.

    :param client: its own (see ``bot/networks/http.py``).
    :param settings: values of the declared ``settings`` by variable name.
    :param now: the clock (UTC).
    :cvar threads: whether posts can follow one another as a thread: then ``publish`` and ``find``
        give ``Published.reply_to``, the same each time, and ``prepare`` takes it.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    limits: ClassVar[Limits]
    threads: ClassVar[bool] = False
    settings: ClassVar[tuple[Setting, ...]] = ()
    connect_fields: ClassVar[tuple[ConnectField, ...]]
    connect_help: ClassVar[str]

    def __init__(
        self,
        client: Client,
        settings: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._settings = settings
        self._now = now

    @classmethod
    def server_is_typed(cls) -> bool:
        """Whether people name the server: then only public addresses may be called."""
        return any(field.name == "server" for field in cls.connect_fields)

    @abstractmethod
    def count(self, text: str) -> int:
        """How long the network says the text is, to hold against ``limits.text``."""

    def text_problems(self, text: str, limits: Limits) -> list[str]:
        """What the network would refuse about the text, in words; empty if nothing."""
        over = self.count(text) - limits.text
        return [f"{over} over {self.label}'s limit of {limits.text}."] if over > 0 else []

    @abstractmethod
    async def connect(self, fields: Mapping[str, str]) -> Connected:
        """Log in with what the person typed; nothing is stored.

        :raises UserError: what was tried and what came back.
        :raises NetworkError: the network isn't there just now.
        """


@runtime_checkable
class Publishes(Protocol):
    """A network that posts can be sent to. Every method raises ``NetworkError``'s kinds."""

    uncertainty: ClassVar[Uncertainty]
    grace: ClassVar[timedelta]  # after which an accepted post is visible to `find`
    key_life: ClassVar[timedelta | None]  # how long the network remembers a key; None: for ever

    def new_key(self, now: datetime) -> str:
        """A key for one part, derived once and kept for all its attempts."""

    async def upload(self, session: Session, picture: PictureFile) -> Mapping[str, Any]:
        """Upload a picture; nobody sees it until a post refers to it."""

    async def prepare(self, session: Session, post: Outgoing) -> Mapping[str, Any]:
        """Everything that will be sent, settled once (names resolved, times fixed) and kept, so
        that each attempt sends the same bytes. Has no effect anybody can see."""

    async def publish(self, session: Session, key: str, prepared: Mapping[str, Any]) -> Published:
        """Send it.

        :raises UploadsGone: the pictures must be uploaded again first.
        :raises Uncertain: no clear answer; resolved as ``uncertainty`` says.
        """

    async def find(
        self, session: Session, key: str, prepared: Mapping[str, Any], since: datetime
    ) -> Published | None:
        """The post, if it is out. ``since``: when its first attempt began (UTC)."""

    async def delete(self, session: Session, remote_id: str) -> None:
        """Delete it; deleting what is gone is no error."""


@lru_cache(maxsize=64)  # asking a protocol looks at each of its members: 0.03 ms (measured)
def as_publisher(network: Network) -> Publishes | None:
    """The network, if posts can be sent to it."""
    return network if isinstance(network, Publishes) else None


@runtime_checkable
class Listens(Protocol):
    """A network on which the account's mentions and replies can be read."""

    async def listen(self, session: Session, cursor: str | None) -> Heard:
        """What is new since ``cursor`` (None: from a day ago)."""


@runtime_checkable
class Measures(Protocol):
    """A network that gives numbers."""

    async def measure(self, session: Session, remote_ids: Sequence[str]) -> Measured:
        """The account's numbers and those of its posts."""
