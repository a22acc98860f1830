"""Bluesky against its own servers; what went out is read back with another client (atproto)."""

import asyncio
import base64
import hashlib
import hmac
import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import httpx
import pytest
from atproto import models
from PIL import Image

from bot.errors import Expired, Rejected, UserError
from bot.networks.base import (
    Network,
    Outgoing,
    PictureFile,
    Published,
    Session,
    Uploaded,
    UploadsGone,
)
from bot.networks.bluesky import Bluesky
from storage.records import MentionKind
from tests.networks.contract import (
    Clock,
    Fixtures,
    ListenContract,
    MeasureContract,
    NetworkContract,
    PublishingNetwork,
    RefreshContract,
    Shown,
    ThreadAnswerContract,
    ThreadContract,
    World,
    prepare,
    send,
    send_thread,
)
from tests.servers.bluesky import Bluesky as Servers
from tests.servers.bluesky import BlueskyAccount, PostRef
from tests.servers.eventually import eventually

pytestmark = pytest.mark.bluesky

TOKENS_SECRET = b"jwt-secret"  # of Bluesky's development environment
ADMIN = ("admin", "admin-pass")


class BlueskyWorld(World):
    publishes_at = "com.atproto.repo.putRecord"

    def __init__(self, servers: Servers, ours: BlueskyAccount, stranger: BlueskyAccount) -> None:
        self.servers = servers
        self.ours = ours
        self.stranger = stranger

    @classmethod
    async def on(cls, servers: Servers) -> "BlueskyWorld":
        return cls(
            servers,
            await servers.create_account(servers.unused_handle("bakery")),
            await servers.create_account(servers.unused_handle("stranger")),
        )

    def network(self, client: httpx.AsyncClient, now: Callable[[], datetime]) -> Network:
        return Bluesky(client, {"BLUESKY_URL": self.servers.url}, now)

    def fields(self) -> Mapping[str, str]:
        return {"handle": self.ours.handle, "password": self.ours.password, "server": ""}

    def wrong_fields(self) -> Mapping[str, str]:
        return {"handle": self.ours.handle, "password": "wrong-wrong-wrong"}

    def elsewhere(
        self, client: httpx.AsyncClient, now: Callable[[], datetime], address: str
    ) -> tuple[Network, Mapping[str, str]]:
        return Bluesky(client, {"BLUESKY_URL": address}, now), {**self.fields(), "server": address}

    async def shown(self) -> list[Shown]:
        return [
            Shown(
                post.uri,
                post.record.text,
                tuple(image.alt for image in images_of(post.record)),
                post.record.reply.parent.uri if post.record.reply else None,
            )
            for post in await self.servers.posts(self.ours)
        ]

    async def revoke(self, session: Session) -> None:
        session.credentials.update(access="no.such.token", refresh="no.such.token")

    async def age(self, session: Session) -> None:
        session.credentials["access"] = aged(session.credentials["access"])

    async def say(self, text: str, *, answering: Published | None = None) -> None:
        if answering is None:
            said = await self.servers.post(
                self.stranger, f"@{self.ours.handle} {text}", mentions=[self.ours]
            )
        else:
            said = await self.servers.post(
                self.stranger, text, reply_to=await self.ref(answering.remote_id)
            )
        await self.notified(said.uri)

    async def notified(self, uri: str) -> None:
        async def arrived() -> bool:
            return uri in [each.uri for each in await self.servers.notifications(self.ours)]

        await eventually(arrived)

    async def ref(self, uri: str) -> PostRef:
        return next(post for post in await self.servers.posts(self.ours) if post.uri == uri)

    async def like(self, published: Published) -> None:
        ref = await self.ref(published.remote_id)
        await self.liked(ref)
        ours = [post.uri for post in await self.servers.posts(self.ours)]

        async def counted() -> bool:
            likes = await self.seen_by_all(ours)
            return set(likes) == set(ours) and likes[ref.uri] == 1

        await eventually(counted)

    async def liked(self, ref: PostRef) -> None:
        subject = models.ComAtprotoRepoStrongRef.Main(uri=ref.uri, cid=ref.cid)
        async with self.servers.client(self.stranger) as client:
            record = models.AppBskyFeedLike.Record(
                subject=subject, created_at=client.get_current_time_iso()
            )
            await client.app.bsky.feed.like.create(self.stranger.did, record)

    async def seen_by_all(self, uris: list[str]) -> dict[str, int]:
        """Likes of those posts that the AppView shows."""
        async with self.servers.client(self.stranger) as client:
            found = await client.app.bsky.feed.get_posts(
                models.AppBskyFeedGetPosts.Params(uris=uris)
            )
        return {post.uri: post.like_count or 0 for post in found.posts}


def images_of(record: models.AppBskyFeedPost.Record) -> list[models.AppBskyEmbedImages.Image]:
    return record.embed.images if record.embed else []


def aged(token: str) -> str:
    """The same access token, signed as the server would have two days ago."""
    head, body, _ = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims |= {key: claims[key] - 172_800 for key in ("iat", "exp")}
    body = encoded(json.dumps(claims).encode())
    signature = hmac.digest(TOKENS_SECRET, f"{head}.{body}".encode(), hashlib.sha256)
    return f"{head}.{body}.{encoded(signature)}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def photo(width: int, height: int, *, kind: str = "JPEG") -> PictureFile:
    """A picture that doesn't compress, with a place and a turned camera in its EXIF."""
    noise = Image.effect_noise((width, height), 80).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010F] = "Secret Camera"
    exif.get_ifd(0x8825)[1] = "N"
    data = io.BytesIO()
    noise.save(data, kind, exif=exif, quality=95)
    return PictureFile(data.getvalue(), f"image/{kind.lower()}", width, height, "Noise", "n.jpg")


class TestOnAPds(NetworkContract, ThreadContract, RefreshContract):
    @pytest.fixture
    async def world(self, pds: Servers) -> BlueskyWorld:
        return await BlueskyWorld.on(pds)

    async def test_links_mentions_and_tags_are_marked_where_they_are(
        self, network: PublishingNetwork, session: Session, world: BlueskyWorld
    ) -> None:
        stranger = world.stranger
        text = f"✨ thanks @{stranger.handle} and @nobody.test 👨‍👩‍👧‍👦 #bread https://example.com/a?b=1."
        await send(network, session, text)
        (post,) = await world.servers.posts(world.ours)
        marked = {}
        for facet in post.record.facets or []:
            (feature,) = facet.features
            part = text.encode()[facet.index.byte_start : facet.index.byte_end].decode()
            marked[part] = feature
        assert set(marked) == {f"@{stranger.handle}", "#bread", "https://example.com/a?b=1"}
        assert marked[f"@{stranger.handle}"].did == stranger.did
        assert marked["#bread"].tag == "bread"
        assert marked["https://example.com/a?b=1"].uri == "https://example.com/a?b=1"

    async def test_a_large_photo_goes_out_small_upright_and_without_its_place(
        self, network: PublishingNetwork, session: Session, world: BlueskyWorld
    ) -> None:
        large = photo(2400, 1600)
        assert len(large.data) > 1_000_000
        await send(network, session, "Noise", pictures=(large,))
        (post,) = await world.servers.posts(world.ours)
        (image,) = images_of(post.record)
        data = await world.servers.blob(world.ours, image.image.ref.link)
        assert len(data) <= 1_000_000
        kept = Image.open(io.BytesIO(data))
        assert kept.height > kept.width
        assert (image.aspect_ratio.width, image.aspect_ratio.height) == kept.size
        assert not kept.getexif()
        assert b"Secret Camera" not in data

    async def test_a_small_clean_picture_keeps_every_byte(
        self, network: PublishingNetwork, session: Session, world: BlueskyWorld
    ) -> None:
        await send(network, session, "Red", pictures=(world.picture(),))
        (post,) = await world.servers.posts(world.ours)
        (image,) = images_of(post.record)
        stored = await world.servers.blob(world.ours, image.image.ref.link)
        assert stored == world.picture().data

    async def test_four_pictures_go_out_and_five_are_refused(
        self, network: PublishingNetwork, session: Session, world: BlueskyWorld
    ) -> None:
        await send(network, session, "Four", pictures=(world.picture(),) * 4)
        with pytest.raises(Rejected):
            await send(network, session, "Five", pictures=(world.picture(),) * 5)
        (shown,) = await world.shown()
        assert len(shown.alts) == network.limits.pictures == 4

    async def test_pictures_the_server_has_dropped_are_asked_for_again(
        self, network: PublishingNetwork, session: Session, world: BlueskyWorld, clock: Clock
    ) -> None:
        """A blob is named by its content, so one that was never uploaded is to the server like
        one that was dropped."""
        key, picture = network.new_key(clock()), world.picture()
        named = b"\x01\x55\x12\x20" + hashlib.sha256(picture.data).digest()
        blob = {
            "$type": "blob",
            "ref": {"$link": "b" + base64.b32encode(named).decode().lower().rstrip("=")},
            "mimeType": "image/png",
            "size": len(picture.data),
        }
        gone = Uploaded({"blob": blob, "width": 64, "height": 48}, picture.alt, 64, 48)
        prepared = await network.prepare(session, Outgoing("Late", [gone], None))
        with pytest.raises(UploadsGone):
            await network.publish(session, key, prepared)
        await network.upload(session, picture)
        await network.publish(session, key, prepared)
        assert [shown.alts for shown in await world.shown()] == [(picture.alt,)]

    async def test_a_text_of_few_graphemes_and_too_many_bytes_is_refused_by_both(
        self, network: PublishingNetwork, session: Session
    ) -> None:
        family = "👨‍👩‍👧‍👦"  # one grapheme, 25 bytes
        fits, over = family * 120, family * 121
        assert network.text_problems(fits, network.limits) == []
        await send(network, session, fits)
        assert "bytes" in " ".join(network.text_problems(over, network.limits))
        with pytest.raises(Rejected):
            await send(network, session, over)

    async def test_a_post_is_never_overwritten(
        self, network: PublishingNetwork, session: Session, world: BlueskyWorld, clock: Clock
    ) -> None:
        key = network.new_key(clock())
        await network.publish(session, key, await prepare(network, session, "First"))
        with pytest.raises(Rejected, match="Another post"):
            await network.publish(session, key, await prepare(network, session, "Second"))
        assert [post.text for post in await world.shown()] == ["First"]

    async def test_the_same_post_sent_twice_at_once_is_one(
        self, network: PublishingNetwork, session: Session, world: BlueskyWorld, clock: Clock
    ) -> None:
        key = network.new_key(clock())
        prepared = await prepare(network, session, "Twins")
        first, second = await asyncio.gather(
            network.publish(session, key, prepared), network.publish(session, key, prepared)
        )
        assert first == second
        assert len(await world.shown()) == 1

    async def test_an_account_taken_down_is_said_to_be(
        self, network: PublishingNetwork, session: Session, world: BlueskyWorld
    ) -> None:
        subject = {"$type": "com.atproto.admin.defs#repoRef", "did": world.ours.did}
        async with httpx.AsyncClient(base_url=world.servers.url, auth=ADMIN) as admin:
            done = await admin.post(
                "/xrpc/com.atproto.admin.updateSubjectStatus",
                json={"subject": subject, "takedown": {"applied": True, "ref": "1"}},
            )
        assert done.status_code == 200, done.text
        with pytest.raises(Expired, match="taken this account down"):
            await send(network, session, "Am I still here?")
        with pytest.raises(UserError, match="taken this account down"):
            await network.connect(world.fields())

    async def test_an_app_password_connects_and_its_profiles_name_is_shown(
        self, network: PublishingNetwork, world: BlueskyWorld
    ) -> None:
        async with world.servers.client(world.ours) as client:
            made = await client.com.atproto.server.create_app_password(
                models.ComAtprotoServerCreateAppPassword.Data(name="socialdesk")
            )
            await client.app.bsky.actor.profile.create(
                world.ours.did,
                models.AppBskyActorProfile.Record(display_name="The Bakery"),
                rkey="self",
            )
        fields = {"handle": f"@{world.ours.handle.upper()} ", "password": made.password}
        connected = await network.connect(fields)
        assert connected.name == "The Bakery"
        assert connected.remote_id == world.ours.did
        assert connected.handle == world.ours.handle


class OnTheWholeNetwork(Fixtures):
    @pytest.fixture
    async def world(self, bluesky_network: Servers) -> BlueskyWorld:
        return await BlueskyWorld.on(bluesky_network)


class TestListening(OnTheWholeNetwork, ListenContract, ThreadAnswerContract):
    async def test_a_thread_of_three_is_read_as_one_by_somebody_else(
        self, network: Bluesky, session: Session, world: BlueskyWorld
    ) -> None:
        texts = ["First of three", "Second of three", "Third of three"]
        out = await send_thread(network, session, texts)

        async def read() -> list[str]:
            """The thread below its head, as the AppView shows it to a stranger."""
            said, node = [], None
            params = models.AppBskyFeedGetPostThread.Params(uri=out[0].remote_id)
            async with world.servers.client(world.stranger) as client:
                found = await client.app.bsky.feed.get_post_thread(params)
            node = found.thread
            while node is not None:
                said.append(node.post.record.text)
                node = node.replies[0] if node.replies else None
            return said

        async def whole() -> bool:
            return await read() == texts

        await eventually(whole)
        head = await world.ref(out[0].remote_id)
        for published in out[1:]:
            (post,) = [
                each
                for each in await world.servers.posts(world.ours)
                if each.uri == published.remote_id
            ]
            assert post.record.reply is not None
            assert (post.record.reply.root.uri, post.record.reply.root.cid) == (head.uri, head.cid)

    async def test_a_thread_that_answers_keeps_the_root_of_what_it_answers(
        self, network: Bluesky, session: Session, world: BlueskyWorld
    ) -> None:
        ours = await send(network, session, "The root")
        await world.say("a reply", answering=ours)
        (heard,) = (await network.listen(session, None)).mentions
        await send_thread(network, session, ["Answer 1", "Answer 2"], reply_to=heard.reply_to)
        roots = {
            post.record.text: post.record.reply.root.uri
            for post in await world.servers.posts(world.ours)
            if post.record.reply is not None
        }
        assert roots == {"Answer 1": ours.remote_id, "Answer 2": ours.remote_id}

    async def test_a_quote_is_heard_and_a_like_is_not(
        self, network: Bluesky, session: Session, world: BlueskyWorld
    ) -> None:
        ours = await send(network, session, "Quote me")
        ref = await world.ref(ours.remote_id)
        await world.liked(ref)
        async with world.servers.client(world.stranger) as client:
            embed = models.AppBskyEmbedRecord.Main(
                record=models.ComAtprotoRepoStrongRef.Main(uri=ref.uri, cid=ref.cid)
            )
            quote = await client.send_post(
                "how wrong this is", profile_identify=world.stranger.did, embed=embed
            )
        await world.notified(quote.uri)
        (mention,) = (await network.listen(session, None)).mentions
        assert (mention.remote_id, mention.kind) == (quote.uri, MentionKind.MENTION)
        assert mention.author == world.stranger.handle

    async def test_an_answer_deep_in_a_thread_keeps_the_threads_root(
        self, network: Bluesky, session: Session, world: BlueskyWorld
    ) -> None:
        ours = await send(network, session, "The root")
        await world.say("a reply", answering=ours)
        (heard,) = (await network.listen(session, None)).mentions
        answer = await send(network, session, "our answer", reply_to=heard.reply_to)
        root = await world.ref(ours.remote_id)
        post = next(
            post for post in await world.servers.posts(world.ours) if post.uri == answer.remote_id
        )
        assert post.record.reply is not None
        assert post.record.reply.root.uri == root.uri
        assert post.record.reply.root.cid == root.cid
        assert post.record.reply.parent.uri == heard.remote_id

    async def test_what_arrives_behind_the_newest_is_heard_all_the_same(
        self, network: Bluesky, session: Session, world: BlueskyWorld, clock: Clock
    ) -> None:
        """A phone with a slow clock, or a server that was cut off, says something late."""
        await world.say("on time")
        cursor = (await network.listen(session, None)).cursor
        written = clock() - timedelta(minutes=20)
        async with world.servers.client(world.stranger) as client:
            text = f"@{world.ours.handle} late"
            record = models.AppBskyFeedPost.Record(
                text=text,
                created_at=written.isoformat(),
                facets=[
                    models.AppBskyRichtextFacet.Main(
                        index=models.AppBskyRichtextFacet.ByteSlice(
                            byte_start=0, byte_end=1 + len(world.ours.handle)
                        ),
                        features=[models.AppBskyRichtextFacet.Mention(did=world.ours.did)],
                    )
                ],
            )
            late = await client.app.bsky.feed.post.create(world.stranger.did, record)
        await world.notified(late.uri)
        (mention,) = (await network.listen(session, cursor)).mentions
        assert mention.remote_id == late.uri

    async def test_more_than_a_page_is_heard_whole(
        self, network: Bluesky, session: Session, world: BlueskyWorld
    ) -> None:
        async with world.servers.client(world.stranger) as client:
            facet = models.AppBskyRichtextFacet.Main(
                index=models.AppBskyRichtextFacet.ByteSlice(
                    byte_start=0, byte_end=1 + len(world.ours.handle)
                ),
                features=[models.AppBskyRichtextFacet.Mention(did=world.ours.did)],
            )
            for number in range(105):
                last = await client.app.bsky.feed.post.create(
                    world.stranger.did,
                    models.AppBskyFeedPost.Record(
                        text=f"@{world.ours.handle} {number}",
                        created_at=client.get_current_time_iso(),
                        facets=[facet],
                    ),
                )
        await world.notified(last.uri)
        heard = await network.listen(session, None)
        assert len({mention.remote_id for mention in heard.mentions}) == 105
        assert (await network.listen(session, heard.cursor)).mentions == []


class TestMeasuring(OnTheWholeNetwork, MeasureContract):
    async def forgotten(self, world: World, published: Published) -> None:
        assert isinstance(world, BlueskyWorld)
        shown = world

        async def gone() -> bool:
            return not await shown.seen_by_all([published.remote_id])

        await eventually(gone)
