"""The record in Chromium: what was done is there, with who, when and from where."""

import pytest
from playwright.async_api import expect

from bot.playground.seed import ANA, APPROVALS, BEN, EVA
from tests.e2e.stage import Stage, dialog, messages, write
from tests.e2e.test_posts_decisions import approve, asked
from tests.servers.chromium import screenshot

pytestmark = pytest.mark.browser


async def test_an_admin_reads_who_did_what_from_where(stage: Stage) -> None:
    ana, ben = await stage.tab(ANA), await stage.tab(BEN, APPROVALS)
    await asked(ana, "Harvest is in")
    card = messages(ben, "Harvest is in")
    await approve(card).click()
    await expect(card).to_contain_text("Published", timeout=15_000)
    eva = await stage.tab(EVA)
    await write(eva, "/social record")
    record = dialog(eva, "The record")
    await expect(record).to_contain_text("approved it")
    await expect(record).to_contain_text("from a card in")
    await expect(record).to_contain_text("wrote it and asked for approval")
    await screenshot(eva, "record")
