"""On the whole Bluesky network: people complain about the brand, Slack hears, answers and counts.

The network is Bluesky's own servers; what goes out and what is said there is written and read with
a client by others (atproto).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from atproto import models
from playwright.async_api import expect

from bot.playground.seed import ALERTS, ANA, APPROVALS, BEN, CARE, DANA, EVA, TEAM
from storage import accounts
from tests.e2e.stage import Stage, dialog, messages, pick, staged, write
from tests.servers.bluesky import Bluesky, BlueskyAccount, PostRef, StoredPost
from tests.servers.chromium import NewPage, screenshot
from tests.servers.eventually import eventually

pytestmark = [pytest.mark.browser, pytest.mark.bluesky]

WRONG = "wrong-wrong-wrong"
POST = "Our new app is out: order ahead, skip the queue."
IN_A_MENTION = "your app lost my order and nobody answers, this is terrible"
IN_A_REPLY = "It crashes every time I open it. Really disappointed."
PRAISE = "Love it, so fast! Thank you"
QUESTION = "when do you open on Sunday?"
ANSWER = "I'm sorry about the crashes. Version 1.1 mends them, and your coffee is on us."


@dataclass(frozen=True, slots=True)
class People:
    """Who is on the network in this journey."""

    network: Bluesky
    brand: BlueskyAccount
    nils: BlueskyAccount
    zoe: BlueskyAccount

    async def like(self, who: BlueskyAccount, post: PostRef) -> None:
        subject = models.ComAtprotoRepoStrongRef.Main(uri=post.uri, cid=post.cid)
        async with self.network.client(who) as client:
            record = models.AppBskyFeedLike.Record(
                subject=subject, created_at=client.get_current_time_iso()
            )
            await client.app.bsky.feed.like.create(who.did, record)

    async def likes_and_replies(self, post: PostRef) -> tuple[int, int]:
        """What the AppView shows to everybody."""
        async with self.network.client(self.nils) as client:
            params = models.AppBskyFeedGetPosts.Params(uris=[post.uri])
            found = await client.app.bsky.feed.get_posts(params)
        return next(((p.like_count or 0, p.reply_count or 0) for p in found.posts), (0, 0))

    async def brands_post(self, text: str) -> StoredPost | None:
        posts = await self.network.posts(self.brand)
        return next((post for post in posts if post.record.text == text), None)


@pytest.fixture
async def people(bluesky_network: Bluesky) -> People:
    async def somebody(name: str) -> BlueskyAccount:
        return await bluesky_network.create_account(bluesky_network.unused_handle(name))

    return People(
        bluesky_network, await somebody("brand"), await somebody("nils"), await somebody("zoe")
    )


@pytest.fixture
async def stage(tmp_path: Path, new_page: NewPage, people: People) -> AsyncIterator[Stage]:
    settings = {"BLUESKY_URL": people.network.url}
    async with staged(tmp_path / "stage", new_page, environment=settings) as made:
        yield made


async def connected(stage: Stage) -> list[str]:
    async with stage.services.database.reading() as tx:
        return [account.handle for account in await accounts.of_workspace(tx, TEAM.id)]


async def connect(stage: Stage, brand: BlueskyAccount) -> None:
    """The admin mistypes the password first."""
    eva = await stage.tab(EVA)
    await write(eva, "/social connect")
    form = dialog(eva, "Accounts")
    await pick(form, "Network", "Bluesky")
    await form.get_by_label("Handle").fill(brand.handle)
    await form.get_by_label("App password").fill(WRONG)
    await form.get_by_role("button", name="Connect", exact=True).click()
    await expect(form).to_contain_text(f"Tried to log in at {stage.environment['BLUESKY_URL']}")
    await expect(form).to_contain_text(f"as {brand.handle}: ")
    await expect(form).to_contain_text("Nothing was stored")
    await expect(form.get_by_label("Handle")).to_have_value(brand.handle)
    await expect(form.get_by_label("App password")).to_have_value("")
    assert WRONG not in await form.inner_html()
    assert await connected(stage) == ["@acorn"]
    await screenshot(eva, "bluesky-wrong-password")

    await form.get_by_label("App password").fill(brand.password)
    await form.get_by_role("button", name="Connect", exact=True).click()
    await expect(form).to_contain_text(f"Bluesky · {brand.handle} is connected")
    assert brand.password not in await form.inner_html()
    assert await connected(stage) == ["@acorn", brand.handle]
    assert WRONG not in stage.log()
    assert brand.password not in stage.log()


async def publish(stage: Stage, people: People) -> StoredPost:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await write(ana, f"/social draft {POST}")
    form = dialog(ana, "Write a post")
    await form.get_by_label("Sandbox · @acorn").uncheck()
    await form.get_by_label(f"Bluesky · {people.brand.handle}").check()
    await expect(form).to_contain_text(f"Bluesky · {people.brand.handle} {len(POST)} / 300")
    await expect(form).not_to_contain_text("Sandbox · @acorn 4")  # both changes are through
    await pick(form, "When", "As soon as")
    await form.get_by_role("button", name="Ask for approval").click()
    await expect(form).to_be_hidden()
    card = messages(ben, POST)
    await card.get_by_role("button", name="Approve", exact=True).click()
    await expect(card).to_contain_text("Published", timeout=30_000)
    post = await people.brands_post(POST)
    assert post is not None
    return post


async def test_complaints_come_to_slack_answers_go_back_and_the_digest_counts_them(
    stage: Stage, people: People
) -> None:
    network, brand = people.network, people.brand
    await connect(stage, brand)
    post = await publish(stage, people)

    mention = f"@{brand.handle} {IN_A_MENTION}"
    await network.post(people.nils, mention, mentions=[brand])
    complaint = await network.post(people.zoe, IN_A_REPLY, reply_to=post)
    await network.post(people.nils, PRAISE, reply_to=post)
    await network.post(people.zoe, f"@{brand.handle} {QUESTION}", mentions=[brand])
    dana = await stage.tab(DANA, ALERTS)
    in_mention, in_reply = messages(dana, IN_A_MENTION), messages(dana, IN_A_REPLY)
    await expect(in_mention).to_contain_text("Needs an answer", timeout=30_000)
    await expect(in_reply).to_contain_text("Needs an answer", timeout=30_000)
    await expect(in_reply).to_contain_text(people.zoe.handle)
    await screenshot(dana, "bluesky-mentions")

    await in_reply.get_by_text("Reply", exact=True).click()
    form = dialog(dana, "Reply")
    await expect(form).to_contain_text(IN_A_REPLY)
    await form.get_by_label(f"Your reply, public, as Bluesky · {brand.handle}").fill(ANSWER)
    await form.get_by_label("Resolve with this").check()
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_be_hidden()
    await expect(in_reply).to_contain_text("Resolved", timeout=30_000)
    answer = await people.brands_post(ANSWER)
    assert answer is not None
    assert answer.record.reply is not None
    root, parent = answer.record.reply.root, answer.record.reply.parent
    assert (root.uri, root.cid) == (post.uri, post.cid)
    assert (parent.uri, parent.cid) == (complaint.uri, complaint.cid)

    await pick(in_mention, "Route to …", "Care")
    await expect(in_mention).to_contain_text("with Care")

    await people.like(people.nils, post)
    await people.like(people.zoe, post)

    async def everybody_sees_it() -> bool:
        return await people.likes_and_replies(post) == (2, 2)

    await eventually(everybody_sees_it)
    ana = await stage.tab(ANA)
    await write(ana, "/social digest")
    digest = messages(ana, "The last 7 days, up to now")
    await expect(digest).to_contain_text("Mentions 4", timeout=30_000)
    await screenshot(ana, "bluesky-digest")
    await expect(digest).to_contain_text("2 negative · 1 neutral · 1 positive")
    await expect(digest).to_contain_text("engagement 4 · followers ±0 · 1 post")
    await expect(digest).to_contain_text("The best post 2 likes · 2 replies")
    await expect(digest).to_contain_text("1 open now")
    await expect(messages(dana)).to_have_count(2)
    await expect(messages(dana, IN_A_MENTION)).to_have_count(1)
    care = await stage.tab(DANA, CARE)
    await expect(messages(care)).to_have_count(1)
    await expect(messages(care, IN_A_MENTION)).to_contain_text("Needs an answer")
