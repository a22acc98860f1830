"""Bluesky's own servers, real ones, for the tests.

- ``pds``: PLC directory and PDS (accounts, records, blobs); every ``app.bsky.*`` read is a 502;
- ``bluesky_network``: the whole network with its AppView (notifications, search, threads, counts),
  which sees a new account or post some tenths of a second later: use ``eventually``.

Both are started once in a run. Their state lasts, so each test makes its own accounts
(``unused_handle``). What was written is read back with the package atproto, a client by others.
"""

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from atproto import AsyncClient, models

from tests.servers.bluesky.install import NotInstallable, installed
from tests.servers.postgres import PostgreSQL
from tests.servers.process import ServerProcess
from tests.servers.skips import lacking

START = Path(__file__).with_name("start.mjs")
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class BlueskyAccount:
    """An account as its owner knows it."""

    handle: str
    did: str
    password: str


@dataclass(frozen=True, slots=True)
class PostRef:
    """Which post, and which content of it."""

    uri: str
    cid: str


@dataclass(frozen=True, slots=True)
class StoredPost(PostRef):
    """A post as the PDS keeps it."""

    record: models.AppBskyFeedPost.Record


class Bluesky:
    """Running servers; addresses as ``http://localhost:<port>`` without a path."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.url = addresses["pds"]
        """The PDS: the base URL of everything a client asks, the AppView's part included."""
        self.plc_url = addresses["plc"]
        self.appview_url = addresses.get("appview")
        self._numbers = itertools.count(1)

    def unused_handle(self, name: str = "person") -> str:
        """A handle that nobody has on these servers, such as ``person3.test``."""
        return f"{name}{next(self._numbers)}.test"

    async def create_account(
        self, handle: str | None = None, password: str = PASSWORD
    ) -> BlueskyAccount:
        """Create an account; the handle ends in ``.test``."""
        handle = handle or self.unused_handle()
        async with self.client() as client:
            created = await client.com.atproto.server.create_account(
                models.ComAtprotoServerCreateAccount.Data(
                    handle=handle, email=f"{handle}@mail.test", password=password
                )
            )
        return BlueskyAccount(handle=handle, did=created.did, password=password)

    @asynccontextmanager
    async def client(self, account: BlueskyAccount | None = None) -> AsyncIterator[AsyncClient]:
        """The atproto package's client, signed in as ``account`` if one is given."""
        client = AsyncClient(base_url=f"{self.url}/xrpc")
        try:
            if account is not None:
                # Its look at the own profile is the AppView's business, which may not be there.
                await client.login(account.handle, account.password, fetch_bsky_profile=False)
            yield client
        finally:
            await client.request.close()

    async def post(
        self,
        author: BlueskyAccount,
        text: str,
        *,
        mentions: Sequence[BlueskyAccount] = (),
        reply_to: PostRef | None = None,
    ) -> PostRef:
        """Post as ``author``. The ``mentions`` are found in the text as ``@handle``; ``reply_to``
        is a post that is no reply itself."""
        async with self.client(author) as client:
            sent = await client.send_post(
                text,
                profile_identify=author.did,
                facets=[_mention(text, account) for account in mentions],
                reply_to=reply_to and _reply(reply_to),
            )
        return PostRef(sent.uri, sent.cid)

    async def posts(self, account: BlueskyAccount) -> list[StoredPost]:
        """What the account has posted, newest first (by record key), as its PDS keeps it."""
        async with self.client() as client:
            listed = await client.com.atproto.repo.list_records(
                models.ComAtprotoRepoListRecords.Params(
                    repo=account.did, collection="app.bsky.feed.post", limit=100
                )
            )
        return [StoredPost(r.uri, r.cid, _as_post(r.value)) for r in listed.records]

    async def blob(self, account: BlueskyAccount, cid: str) -> bytes:
        """The bytes of an uploaded picture that a record refers to."""
        async with self.client() as client:
            params = models.ComAtprotoSyncGetBlob.Params(did=account.did, cid=cid)
            content: bytes = await client.com.atproto.sync.get_blob(params)
        return content

    async def notifications(
        self, account: BlueskyAccount
    ) -> list[models.AppBskyNotificationListNotifications.Notification]:
        """The account's newest notifications (whole network only)."""
        async with self.client(account) as client:
            listed = await client.app.bsky.notification.list_notifications()
            notifications: list[models.AppBskyNotificationListNotifications.Notification] = (
                listed.notifications
            )
        return notifications


def _mention(text: str, account: BlueskyAccount) -> models.AppBskyRichtextFacet.Main:
    name = f"@{account.handle}".encode()
    start = text.encode().index(name)
    return models.AppBskyRichtextFacet.Main(
        index=models.AppBskyRichtextFacet.ByteSlice(byte_start=start, byte_end=start + len(name)),
        features=[models.AppBskyRichtextFacet.Mention(did=account.did)],
    )


def _reply(post: PostRef) -> models.AppBskyFeedPost.ReplyRef:
    ref = models.ComAtprotoRepoStrongRef.Main(uri=post.uri, cid=post.cid)
    return models.AppBskyFeedPost.ReplyRef(root=ref, parent=ref)


def _as_post(value: object) -> models.AppBskyFeedPost.Record:
    assert isinstance(value, models.AppBskyFeedPost.Record), value
    return value


@pytest.fixture(scope="session")
def pds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bluesky]:
    """PLC directory and PDS, started once for the run."""
    with started("pds", tmp_path_factory.mktemp("pds")) as process:
        yield Bluesky(process.ready)


@pytest.fixture(scope="session")
def bluesky_network(
    postgresql_with_extensions: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bluesky]:
    """The whole network with its AppView, started once for the run."""
    folder = tmp_path_factory.mktemp("bluesky")
    with (
        postgresql_with_extensions.new_database() as database_url,
        started("network", folder, DB_POSTGRES_URL=database_url) as process,
    ):
        yield Bluesky(process.ready)


def started(kind: str, folder: Path, **environment: str) -> ServerProcess:
    """PLC directory and PDS (``pds``) or the whole network (``network``), started; see above.

    :raises pytest.skip.Exception: the servers can't be had on this machine.
    """
    try:
        packages = installed()
    except NotInstallable as reason:
        lacking(
            f"Bluesky's servers are not on this machine: {reason}", "Node 20, npm, make and g++"
        )
    return ServerProcess(
        ["node", START, packages, kind], folder=folder, environment=environment, ready_within=120
    )
