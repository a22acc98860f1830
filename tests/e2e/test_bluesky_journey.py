"""From a draft in Slack to a live post on Bluesky's own servers, read back with another client."""

import io
import re
from pathlib import Path

import pytest
from atproto import models
from PIL import Image
from playwright.async_api import expect

from bot.playground.seed import ANA, APPROVALS, BEN
from tests.e2e.stage import dialog, messages, pick, png, staged, text_of, write
from tests.e2e.test_posts_decisions import approve
from tests.servers.bluesky import Bluesky, StoredPost
from tests.servers.chromium import NewPage, screenshot
from tests.servers.eventually import eventually

pytestmark = [pytest.mark.browser, pytest.mark.bluesky]


def covered(post: StoredPost, kind: type) -> list[tuple[str, object]]:
    """The facets of a kind: the text each covers (offsets are bytes) and its feature."""
    raw = post.record.text.encode()
    return [
        (raw[facet.index.byte_start : facet.index.byte_end].decode(), feature)
        for facet in post.record.facets or []
        for feature in facet.features
        if isinstance(feature, kind)
    ]


async def test_a_post_with_everything_in_it_goes_live_and_is_taken_down(
    tmp_path: Path, new_page: NewPage, pds: Bluesky
) -> None:
    brand = await pds.create_account(pds.unused_handle("acorn"))
    friend = await pds.create_account(pds.unused_handle("friend"))
    text = f"Grüße 👋🏽 from the roastery with @{friend.handle} #coffee"
    environment = {"BLUESKY_URL": pds.url}
    async with staged(tmp_path / "stage", new_page, environment=environment) as stage:
        await stage.connect("bluesky", handle=brand.handle, password=brand.password)
        ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
        await write(ana, f"/social draft {text}")
        form = dialog(ana, "Write a post")
        await expect(text_of(form)).to_have_value(text)
        # Each choice brings the form anew; who types meanwhile types into the old one.
        counts = form.locator(".block").filter(has_text=re.compile(r"\d+ / \d+")).last
        await form.get_by_label("Bluesky").check()
        await expect(counts).to_contain_text("Bluesky")
        await form.get_by_label("Sandbox").check()
        await expect(counts).to_contain_text("Sandbox")
        await form.get_by_label("Link").fill("https://example.com/menü?a=1&b=2")
        picture = {"name": "beans.png", "mimeType": "image/png", "buffer": png("#7a4a1e")}
        await form.get_by_label("Choose files").set_input_files([picture])
        await pick(form, "When", "As soon as")
        await expect(form).to_contain_text("Goes out as soon as it's approved")
        await form.get_by_role("button", name="Ask for approval").click()
        second = dialog(ana, "Tailor the post")
        await second.get_by_label("What beans.png shows").fill("Brown beans, close up")
        await second.get_by_role("button", name="Ask for approval").click()
        card = messages(ben, "from the roastery")
        await approve(card).click()
        await expect(card).to_contain_text("Published", timeout=45_000)
        await screenshot(ben, "posts-on-bluesky")

        await expect(card.get_by_role("link", name="See it")).to_have_count(2)
        on_sandbox = await stage.goes_live("from the roastery")
        assert on_sandbox["text"] == f"{text}\n\nhttps://example.com/menü?a=1&b=2"
        assert on_sandbox["pictures"][0]["alt"] == "Brown beans, close up"
        [post] = await pds.posts(brand)
        assert post.record.text == f"{text}\n\nhttps://example.com/menü?a=1&b=2"
        facets = models.AppBskyRichtextFacet
        [(link, to)] = covered(post, facets.Link)
        assert link == "https://example.com/menü?a=1&b=2"
        assert to.uri.startswith("https://example.com/men")
        [(tagged, tag)] = covered(post, facets.Tag)
        assert (tagged, tag.tag) == ("#coffee", "coffee")
        [(named, mention)] = covered(post, facets.Mention)
        assert (named, mention.did) == (f"@{friend.handle}", friend.did)
        [image] = post.record.embed.images
        assert image.alt == "Brown beans, close up"
        data = await pds.blob(brand, image.image.ref.link)
        with Image.open(io.BytesIO(data)) as stored:
            assert stored.size == (320, 200)
            assert stored.convert("RGB").getpixel((10, 10)) == (0x7A, 0x4A, 0x1E)
        links = await card.get_by_role("link", name="See it").all()
        hrefs = [await link.get_attribute("href") or "" for link in links]
        assert [post.uri.rsplit("/", 1)[1] in href for href in hrefs].count(True) == 1

        await card.get_by_role("button", name="Take down").click()
        sure = ben.get_by_role("dialog", name="Take it down?")
        await sure.get_by_role("button", name="Take down").click()
        await expect(card).to_contain_text("Taken down", timeout=30_000)

        async def gone() -> bool:
            return await pds.posts(brand) == []

        await eventually(gone)
        assert await stage.live("from the roastery") == []
