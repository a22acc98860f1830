"""The playground's page in Chromium: what Slack's client does, it does."""

import asyncio
import copy
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.async_api import Locator, Route, expect
from playwright.async_api import Page as Tab
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.page import Page
from bot.playground.seed import ANA, APPROVALS, BEN, DANA, SOCIAL, seed
from bot.playground.server import create_app, serving
from bot.playground.slack import Slack
from bot.playground.workspace import Workspace
from tests.e2e.tiny_app import Json, card, form, tiny_app
from tests.playground.manifest import MANIFEST
from tests.servers.chromium import DESKTOP, PHONE, NewPage
from tests.servers.eventually import eventually

pytestmark = pytest.mark.browser


def manifest() -> Json:
    """With a command that names its sub-commands, and one the app never answers."""
    rich = copy.deepcopy(MANIFEST)
    rich["features"]["slash_commands"] = [
        {
            "command": "/social",
            "description": "Draft, approve, publish, answer",
            "usage_hint": "[draft <text> | queue | help]",
            "should_escape": True,
        },
        {"command": "/silent", "description": "Never answers", "should_escape": True},
    ]
    return rich


@dataclass(frozen=True, slots=True)
class Desk:
    """A playground with the tiny app in it; `heard` is what the app was told."""

    slack: Slack
    page: Page
    handler: AsyncSocketModeHandler
    heard: list[Json]

    @property
    def workspace(self) -> Workspace:
        return self.slack.workspace

    @property
    def client(self) -> AsyncWebClient:
        """What the app would call Slack with."""
        return AsyncWebClient(
            self.workspace.app.bot_token, base_url=f"{self.workspace.base_url}/api/"
        )

    def address(self, user: str, place: str = SOCIAL) -> str:
        return f"{self.workspace.base_url}/w/{user}/{place}"

    async def told(self, kind: str) -> Json:
        """The newest thing of a kind the app was told of."""

        async def look() -> Json | None:
            return next((body for body in reversed(self.heard) if body.get("type") == kind), None)

        found = await eventually(look)
        assert found is not None
        return found


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    workspace = Workspace(tmp_path / "slack", manifest())
    seed(workspace)
    slack = Slack.around(workspace, event_retry_seconds=())
    page = Page(workspace, slack.people, lambda: slack.delivery.is_app_there)
    heard: list[Json] = []
    async with serving(slack, create_app(slack, strict=True, extra_routes=page.routes())):
        app = tiny_app(workspace.app.bot_token, workspace.base_url, heard)
        handler = AsyncSocketModeHandler(app, workspace.app.app_token)
        handler.client.web_client.base_url = f"{workspace.base_url}/api/"
        await handler.connect_async()
        yield Desk(slack, page, handler, heard)
        page.close()
        await handler.close_async()
    await slack.close()


def composer(tab: Tab) -> Locator:
    return tab.get_by_role("main").get_by_role("combobox", name=re.compile("^Message "))


def messages(tab: Tab) -> Locator:
    return tab.get_by_role("main").get_by_role("article")


async def write(tab: Tab, text: str) -> None:
    await composer(tab).fill(text)
    await composer(tab).press("Enter")


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 40), "#0b6e63").save(content, "PNG")
    return content.getvalue()


async def test_a_slash_suggests_the_apps_commands_and_sub_commands(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    await composer(page).press_sequentially("/so")
    suggestions = page.get_by_role("listbox", name="Commands").get_by_role("option")
    await expect(suggestions).to_have_count(4)
    await expect(suggestions.nth(0)).to_contain_text("Draft, approve, publish, answer")
    await expect(suggestions.nth(1)).to_have_text("/social draft <text>")
    await composer(page).press("ArrowDown")
    await composer(page).press("ArrowDown")
    await expect(page.get_by_role("option", selected=True)).to_contain_text("/social queue")
    await composer(page).press("Tab")
    await expect(composer(page)).to_have_value("/social queue ")
    await expect(suggestions.first).to_be_hidden()


async def test_an_answer_to_a_command_is_seen_by_nobody_else(new_page: NewPage, desk: Desk) -> None:
    ana, ben = await new_page(), await new_page()
    await ana.goto(desk.address(ANA))
    await ben.goto(desk.address(BEN))
    await write(ana, "/social hello")
    answer = messages(ana).filter(has_text="You said hello.")
    await expect(answer).to_contain_text("Only visible to you")
    await expect(answer).to_contain_text("APP")
    await write(ana, "/social card")
    posted = messages(ana).filter(has_text="A post")
    await expect(posted.locator(".author")).to_be_visible()  # it isn't taken for only Ana's, too
    await write(ana, "now everybody")
    await expect(messages(ben).filter(has_text="now everybody")).to_be_visible()
    await expect(messages(ben).filter(has_text="You said")).to_have_count(0)


async def test_a_message_appears_in_another_persons_tab_without_reloading(
    new_page: NewPage, desk: Desk
) -> None:
    ana, ben = await new_page(), await new_page(timezone_id="Asia/Tokyo")
    await ana.goto(desk.address(ANA))
    await ben.goto(desk.address(BEN, APPROVALS))
    await write(ana, "Hi @ben, *look* <b>here</b> 🎉")
    social = ben.get_by_role("navigation", name="Acorn").get_by_role(
        "link", name=re.compile("^social unread")
    )
    await expect(social).to_contain_text("1 for you")
    await social.click()
    message = messages(ben).filter(has_text="look")
    await expect(message).to_contain_text("@Ben Okafor, look <b>here</b> 🎉")
    await expect(message.locator("strong", has_text="look")).to_be_visible()
    await expect(social).to_have_count(0)


async def test_a_button_answers_and_the_card_changes_for_everybody(
    new_page: NewPage, desk: Desk
) -> None:
    ana, ben = await new_page(), await new_page()
    await ana.goto(desk.address(ANA))
    await ben.goto(desk.address(BEN))
    await write(ana, "/social card")
    await ben.get_by_role("button", name="Approve", exact=True).click()
    await expect(messages(ana).filter(has_text="Approved by @Ben Okafor")).to_contain_text(
        "(edited)"
    )
    await expect(ana.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    pressed = await desk.told("block_actions")
    assert pressed["user"]["id"] == BEN
    assert pressed["actions"][0]["value"] == "1"


async def test_the_keyboard_stays_at_a_button_while_its_message_changes_or_else_at_the_message(
    page: Tab, desk: Desk
) -> None:
    said = desk.workspace.say(desk.workspace.app.bot_user_id, SOCIAL, "A post", blocks=card())
    await page.goto(desk.address(ANA))
    take_down = page.get_by_role("button", name="Take down")
    await take_down.focus()
    nameless = [{key: block[key] for key in block if key != "block_id"} for block in card()]
    await desk.client.chat_update(channel=SOCIAL, ts=said.ts, text="A post", blocks=nameless)
    await expect(messages(page)).to_contain_text("(edited)")
    await expect(take_down).to_be_focused()
    await desk.client.chat_update(
        channel=SOCIAL, ts=said.ts, text="B", blocks=[*nameless, *nameless]
    )
    await expect(take_down).to_have_count(2)
    await expect(messages(page)).to_be_focused()  # either could be another post's
    await page.get_by_role("button", name="Approve", exact=True).first.press("Enter")
    await expect(messages(page)).to_contain_text("Approved by @Ana Novak")
    await expect(messages(page)).to_be_focused()


async def test_a_dangerous_button_asks_first(page: Tab, desk: Desk) -> None:
    desk.workspace.say(desk.workspace.app.bot_user_id, SOCIAL, "A post", blocks=card())
    await page.goto(desk.address(ANA))
    await page.get_by_role("button", name="Take down").click()
    dialog = page.get_by_role("dialog", name="Take it down?")
    await dialog.get_by_role("button", name="Keep it").click()
    await expect(dialog).to_be_hidden()
    assert not [body for body in desk.heard if body.get("type") == "block_actions"]
    await page.get_by_role("button", name="Take down").click()
    await dialog.get_by_role("button", name="Take down").click()
    assert (await desk.told("block_actions"))["actions"][0]["action_id"] == "take_down"


async def test_a_menu_on_a_card_is_chosen_from_with_the_keyboard(page: Tab, desk: Desk) -> None:
    desk.workspace.say(desk.workspace.app.bot_user_id, SOCIAL, "A post", blocks=card())
    await page.goto(desk.address(ANA))
    more = messages(page).locator(".block").get_by_role("button", name="More actions")
    await more.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitem", name="Edit")).to_be_focused()
    await page.keyboard.press("Enter")
    action = (await desk.told("block_actions"))["actions"][0]
    assert action["selected_option"]["value"] == "edit"
    await expect(page.get_by_role("menu")).to_have_count(0)


async def test_a_menu_stays_at_its_button_while_messages_come(page: Tab, desk: Desk) -> None:
    app = desk.workspace.app.bot_user_id
    for number in range(80):
        desk.workspace.say(app, SOCIAL, f"Message {number}")
    desk.workspace.say(app, SOCIAL, "A post", blocks=card())
    await page.goto(desk.address(ANA))
    more = messages(page).locator(".block").get_by_role("button", name="More actions")
    await more.click()
    before = await more.bounding_box()
    desk.workspace.say(app, SOCIAL, "Another message")
    await expect(messages(page).last).to_contain_text("Another message")
    after, menu = await more.bounding_box(), await page.get_by_role("menu").bounding_box()
    assert before is not None
    assert after is not None
    assert menu is not None
    assert after["y"] < before["y"]
    above, below = after["y"] - menu["y"] - menu["height"], menu["y"] - after["y"] - after["height"]
    assert 0 <= max(above, below) < 10
    await messages(page).filter(has_text="Message 70").hover()
    await page.mouse.wheel(0, -5000)
    await expect(page.get_by_role("menu")).to_have_count(0)


async def test_a_form_says_what_is_wrong_beside_the_field_and_keeps_what_was_typed(
    page: Tab, desk: Desk
) -> None:
    await page.goto(desk.address(ANA))
    await write(page, "/social draft")
    dialog = page.get_by_role("dialog", name="New post")
    text = dialog.get_by_label("Text")
    await dialog.get_by_role("button", name="Next").click()
    await expect(dialog.get_by_text("Please complete this required field.")).to_be_visible()
    await expect(text).to_be_focused()
    await text.fill("something wrong")
    await dialog.get_by_label("Later").check()
    await dialog.get_by_role("button", name="Next").click()
    await expect(dialog.get_by_text("This text is wrong.")).to_be_visible()
    await expect(text).to_have_value("something wrong")
    await expect(dialog.get_by_label("Later")).to_be_checked()
    await text.fill("something right")
    await dialog.get_by_role("button", name="Next").click()
    await expect(dialog).to_be_hidden()
    await expect(composer(page)).to_be_focused()
    sent = (await desk.told("view_submission"))["view"]["state"]["values"]
    assert sent["text"]["text"]["value"] == "something right"
    assert sent["when"]["when"]["selected_option"]["value"] == "later"


async def test_one_types_straight_on_when_a_form_closes(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    dialog = page.get_by_role("dialog", name="New post")
    for button in (None, "Cancel", "Close", "Next"):
        await page.keyboard.type("/social draft x")
        await expect(composer(page)).to_have_value("/social draft x")
        await page.keyboard.press("Enter")
        await expect(dialog.get_by_label("Text")).to_be_focused()
        if button is None:
            await page.keyboard.press("Escape")
        else:
            await dialog.get_by_role("button", name=button).click()
        await expect(dialog).to_be_hidden()
    await page.keyboard.type("and on")
    await expect(composer(page)).to_have_value("and on")


async def test_too_long_a_text_is_counted_and_not_sent(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    await write(page, "/social draft")
    dialog = page.get_by_role("dialog", name="New post")
    await dialog.get_by_label("Text").fill("x" * 43)
    await expect(dialog.locator(".counter")).to_have_text("-3")
    await dialog.get_by_role("button", name="Next").click()
    await expect(dialog.locator(".field-error:visible")).to_contain_text("no more than 40")
    assert not [body for body in desk.heard if body.get("type") == "view_submission"]


async def test_an_update_of_a_form_keeps_what_was_typed(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    await write(page, "/social draft")
    dialog = page.get_by_role("dialog", name="New post")
    await dialog.get_by_label("Text").fill("twelve chars")
    accounts = dialog.get_by_role("combobox", name="Accounts")
    await accounts.fill("blue")
    await accounts.press("Enter")
    await accounts.press("Escape")
    await expect(dialog.get_by_role("button", name="Remove Bluesky")).to_be_visible()
    chosen = (await desk.told("block_actions"))["actions"][0]
    assert [entry["value"] for entry in chosen["selected_options"]] == ["sandbox", "bluesky"]
    await dialog.get_by_label("Date and time: date").fill("2027-03-28")
    await dialog.get_by_label("Date and time: time").fill("03:30")
    await dialog.get_by_role("combobox", name="Ask").fill("dana")
    await dialog.get_by_role("combobox", name="Ask").press("Enter")
    await dialog.get_by_role("button", name="Check").click()
    await expect(dialog.get_by_text("Checked 12 characters.")).to_be_visible()
    await expect(dialog.get_by_label("Text")).to_have_value("twelve chars")
    await expect(dialog.get_by_role("button", name="Remove Bluesky")).to_be_visible()
    await expect(dialog.get_by_role("combobox", name="Ask")).to_have_value("Dana Weber")
    await expect(dialog.get_by_role("button", name="Check")).to_be_focused()
    values = (await desk.told("block_actions"))["view"]["state"]["values"]
    assert values["who"]["who"]["selected_user"] == DANA
    # 3:30 in Berlin on the day the clocks go forward.
    assert values["at"]["at"]["selected_date_time"] == 1806197400


async def test_a_list_stays_as_it_is_typed_in_when_its_form_is_updated(
    page: Tab, desk: Desk
) -> None:
    await page.goto(desk.address(ANA))
    await write(page, "/social draft")
    dialog = page.get_by_role("dialog", name="New post")
    await dialog.get_by_role("button", name="Check").click()
    view = (await desk.told("block_actions"))["view"]["id"]
    await expect(dialog.get_by_text("Checked 0 characters.")).to_be_visible()
    ask, lists = dialog.get_by_role("combobox", name="Ask"), dialog.get_by_role("listbox")
    await ask.press_sequentially("a")
    await ask.press("ArrowDown")
    before = await page.locator(".option.is-active").text_content()
    assert before
    await updated(desk, view, "Changed by the app.")
    await expect(dialog.get_by_text("Changed by the app.")).to_be_visible()
    await expect(ask).to_be_focused()
    await expect(ask).to_have_value("a")
    await expect(page.locator(".option.is-active")).to_have_text(before)
    await ask.press("Enter")
    await expect(ask).to_have_value(before)
    await expect(lists).to_have_count(0)

    # What was emptied to be typed anew isn't taken for chosen, and whoever leaves closes the list.
    await ask.fill("")
    await expect(lists).to_have_count(1)
    await updated(desk, view, "And changed again.")
    await expect(dialog.get_by_text("And changed again.")).to_be_visible()
    await expect(ask).to_have_value("")
    await ask.press("Escape")
    await expect(ask).to_have_value(before)
    await ask.press("Enter")
    await expect(lists).to_have_count(1)
    await dialog.get_by_label("Text").click()
    await expect(lists).to_have_count(0)


async def updated(desk: Desk, view: str, note: str) -> None:
    await desk.client.views_update(view_id=view, view=form(note))


async def test_forms_lie_on_each_other_three_deep_and_come_back_as_they_were(
    page: Tab, desk: Desk
) -> None:
    await page.goto(desk.address(ANA))
    await write(page, "/social draft")
    first = page.get_by_role("dialog", name="New post")
    await first.get_by_label("Text").fill("still here")
    await first.get_by_role("button", name="Advanced").click()
    second = page.get_by_role("dialog", name="Advanced")
    await second.get_by_label("Live").press_sequentially("abc")
    await expect(second.get_by_text("You typed abc.")).to_be_visible()
    await expect(second.get_by_label("Live")).to_be_focused()
    await expect(second.get_by_label("Live")).to_have_value("abc")
    await second.get_by_role("button", name="Deeper").click()
    await expect(second.get_by_text("Nothing typed.")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(second.get_by_text("You typed abc.")).to_be_visible()
    await second.get_by_role("button", name="Back").last.click()
    await expect(first.get_by_label("Text")).to_have_value("still here")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert (await desk.told("view_closed"))["view"]["callback_id"] == "form"


async def test_a_form_survives_a_reload(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    await write(page, "/social draft")
    dialog = page.get_by_role("dialog", name="New post")
    async with page.expect_response(re.compile("/typed$")):
        await dialog.get_by_label("Text").fill("not lost 🎉")
    await page.reload()
    await expect(dialog.get_by_label("Text")).to_have_value("not lost 🎉")


async def test_files_are_added_to_a_form_with_names_and_sizes(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    await write(page, "/social draft With a picture")
    dialog = page.get_by_role("dialog", name="New post")
    sun = {"name": "sun.png", "mimeType": "image/png", "buffer": picture()}
    notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"x" * 12_300}
    await dialog.get_by_label("Choose files").set_input_files([sun, notes])
    chosen = dialog.get_by_role("list", name="Chosen files").get_by_role("listitem")
    await expect(chosen).to_have_count(2)
    await expect(chosen.filter(has_text="notes.txt")).to_contain_text("12 kB")
    await dialog.get_by_role("button", name="Remove notes.txt").click()
    await dialog.get_by_role("button", name="Check").click()
    await expect(dialog.get_by_text("Checked 14 characters.")).to_be_visible()
    await expect(chosen).to_have_count(1)
    await dialog.get_by_role("button", name="Next").click()
    await expect(dialog).to_be_hidden()
    await page.get_by_role("link", name=re.compile("^social-approvals")).click()
    await expect(messages(page).filter(has_text="With a picture with sun.png")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_a_file_with_a_long_name_can_be_removed(
    new_page: NewPage, desk: Desk, size: tuple[int, int]
) -> None:
    page = await new_page(size)
    await page.goto(desk.address(ANA))
    await write(page, "/social draft")
    dialog = page.get_by_role("dialog", name="New post")
    names = [f"{' '.join(['Screenshot'] * 10)}.png", f"{'x' * 116}.png"]
    files = [{"name": name, "mimeType": "image/png", "buffer": picture()} for name in names]

    async def looks_right() -> None:
        for name in names:
            await expect(dialog.get_by_title(name)).to_be_visible()
            remove = dialog.get_by_role("button", name=f"Remove {name}")
            await expect(remove).to_be_in_viewport(ratio=1)
        body = dialog.locator(".modal-body")
        assert await body.evaluate("body => body.scrollWidth <= body.clientWidth")

    async with page.expect_response(re.compile("/typed$")):
        await dialog.get_by_label("Choose files").set_input_files(files)
    await looks_right()
    await page.reload()
    await looks_right()


async def test_a_form_is_sent_once_its_files_have_arrived(page: Tab, desk: Desk) -> None:
    async def slowly(route: Route) -> None:
        await asyncio.sleep(1)
        await route.continue_()

    await page.route("**/upload", slowly)
    await page.goto(desk.address(ANA))
    await write(page, "/social draft In a hurry")
    dialog = page.get_by_role("dialog", name="New post")
    sun = {"name": "sun.png", "mimeType": "image/png", "buffer": picture()}
    await dialog.get_by_label("Choose files").set_input_files([sun])
    await dialog.get_by_role("button", name="Next").click()
    await expect(dialog).to_be_hidden()
    await page.get_by_role("link", name=re.compile("^social-approvals")).click()
    await expect(messages(page).filter(has_text="In a hurry with sun.png")).to_be_visible()


async def test_what_the_page_says_in_a_form_is_said_in_the_next_one_too(
    page: Tab, desk: Desk
) -> None:
    await page.goto(desk.address(ANA))
    dialog = page.get_by_role("dialog", name="New post")
    for _ in range(2):
        await write(page, "/social draft Too many")
        most = await dialog.locator("[data-files]").get_attribute("data-max")
        notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"x"}
        files = [notes] * (int(most or 0) + 1)
        await dialog.get_by_label("Choose files").set_input_files(files)
        await expect(dialog.get_by_text(f"No more than {most} files")).to_be_visible()
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(dialog).to_be_hidden()


async def test_a_press_that_began_before_the_form_was_renewed_counts(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    await write(page, "/social draft In a hurry")
    dialog = page.get_by_role("dialog", name="New post")
    await dialog.get_by_role("button", name="Next").hover()
    await page.mouse.down()
    await dialog.get_by_role("button", name="Check").dispatch_event("click")
    await expect(dialog.get_by_text("Checked 10 characters.")).to_be_visible()
    await page.mouse.up()
    await expect(dialog).to_be_hidden()


async def test_a_picture_is_sent_with_a_message_and_shown(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    sun = {"name": "sun.png", "mimeType": "image/png", "buffer": picture()}
    await page.get_by_label("Attach files").set_input_files([sun])
    await expect(page.get_by_role("button", name="Remove sun.png")).to_be_visible()
    await write(page, "Look at that")
    image = messages(page).filter(has_text="Look at that").get_by_role("button", name="sun.png")
    await expect(image).to_be_visible()
    assert await image.evaluate("image => image.naturalWidth") == 64
    await image.press("Enter")
    await expect(page.get_by_role("dialog", name="Picture")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_thread_opens_beside_the_channel_and_is_live(new_page: NewPage, desk: Desk) -> None:
    desk.workspace.say(DANA, SOCIAL, "Who writes the post?")
    ana, ben = await new_page(), await new_page()
    for tab, user in ((ana, ANA), (ben, BEN)):
        await tab.goto(desk.address(user))
        await messages(tab).filter(has_text="Who writes").hover()
        await messages(tab).get_by_role("button", name="Reply in thread").click()
    thread = ana.get_by_role("complementary", name="Thread")
    reply = thread.get_by_role("combobox", name="Reply")
    await expect(reply).to_be_focused()
    await reply.fill("I do")
    await reply.press("Enter")
    there = ben.get_by_role("complementary", name="Thread").get_by_role("article")
    await expect(there.filter(has_text="I do")).to_be_visible()
    await expect(messages(ben).get_by_role("link", name="1 reply")).to_be_visible()
    await expect(messages(ben).filter(has_text="I do")).to_have_count(0)
    await ana.reload()
    await expect(thread.get_by_role("article")).to_have_count(2)
    await thread.get_by_role("link", name="Close thread").click()
    await expect(thread).to_be_hidden()


async def test_a_message_shortcut_opens_a_form_filled_from_the_message(
    page: Tab, desk: Desk
) -> None:
    desk.workspace.say(DANA, SOCIAL, "The oat bar is here")
    await page.goto(desk.address(ANA))
    message = messages(page).filter(has_text="oat bar")
    await message.hover()
    await message.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name=re.compile("Make a post")).click()
    await expect(page.get_by_role("dialog").get_by_label("Text")).to_have_value(
        "The oat bar is here"
    )


async def test_the_apps_home_appears_and_answers(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    await (
        page.get_by_role("navigation", name="Acorn")
        .get_by_role("link", name="Socialdesk")
        .last.click()
    )
    home = page.get_by_role("region", name="Home")
    await expect(home).to_contain_text("Hello @Ana Novak, pressed 0 times.")
    await home.get_by_role("button", name="Count").click()
    await expect(home).to_contain_text("pressed 1 times.")
    await (
        page.get_by_role("navigation", name="Socialdesk")
        .get_by_role("link", name="Messages")
        .click()
    )
    await write(page, "Hello app")
    await expect(messages(page).filter(has_text="Hello app")).to_be_visible()
    assert (await desk.told("event_callback"))["event"]["channel_type"] == "im"


async def test_one_becomes_somebody_else_in_the_same_place(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA, APPROVALS))
    await page.get_by_role("button", name="You are: Ana (author)").click()
    await page.get_by_role("menuitemradio", name=re.compile("Ben Okafor")).click()
    await expect(page.get_by_role("button", name="You are: Ben (approver)")).to_be_visible()
    assert page.url == desk.address(BEN, APPROVALS)
    await page.goto(desk.workspace.base_url)
    assert page.url == desk.address(BEN)


async def test_slackbot_says_when_a_command_got_no_answer(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    await write(page, "/silent")
    answer = messages(page).filter(has_text="/silent failed")
    await expect(answer).to_contain_text("Only visible to you")


async def test_it_is_said_that_the_app_is_gone_and_a_press_is_answered(
    page: Tab, desk: Desk
) -> None:
    desk.workspace.say(desk.workspace.app.bot_user_id, SOCIAL, "A post", blocks=card())
    await page.goto(desk.address(ANA))
    away = page.get_by_text("Socialdesk isn't connected")
    await expect(away).to_be_hidden()
    await desk.handler.close_async()
    await expect(away).to_be_visible()
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Socialdesk isn't running")
    await page.get_by_role("button", name="Dismiss", exact=True).click()
    await expect(page.get_by_role("alert")).to_be_empty()


async def test_a_first_visit_says_what_to_try_until_it_is_dismissed(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    note = page.get_by_role("complementary", name="What to try first")
    await note.get_by_role("button", name="/social draft").click()
    await expect(composer(page)).to_have_value("/social draft")
    await note.get_by_role("button", name="Dismiss this note").click()
    await page.reload()
    await expect(messages(page).first.or_(composer(page)).first).to_be_visible()
    await expect(note).to_have_count(0)
    await expect(
        page.get_by_role("link", name=re.compile("Sandbox network")).first
    ).to_have_attribute("href", "/sandbox/")


async def test_a_post_is_drafted_with_the_keyboard_alone(page: Tab, desk: Desk) -> None:
    await page.goto(desk.address(ANA))
    await expect(composer(page)).to_be_focused()
    await page.keyboard.type("/so")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.keyboard.type("By hand")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="New post")
    await expect(dialog.get_by_label("Text")).to_be_focused()
    await expect(dialog.get_by_label("Text")).to_have_value("By hand")
    await page.keyboard.press("Tab")  # the chip's button
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(dialog.get_by_role("button", name="Remove Bluesky")).to_be_visible()
    for _ in range(30):
        await page.keyboard.press("Tab")
        inside = await dialog.evaluate("dialog => dialog.contains(document.activeElement)")
        name = await page.evaluate("document.activeElement.textContent")
        if inside and name.strip() == "Next":
            break
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(composer(page)).to_be_focused()
    sent = (await desk.told("view_submission"))["view"]["state"]["values"]
    assert [o["value"] for o in sent["accounts"]["accounts"]["selected_options"]] == [
        "sandbox",
        "bluesky",
    ]


async def test_everything_fits_a_phone(new_page: NewPage, desk: Desk) -> None:
    desk.workspace.say(desk.workspace.app.bot_user_id, APPROVALS, "A post", blocks=card())
    page = await new_page(PHONE, has_touch=True)
    await page.goto(desk.address(DANA))  # (responder): the longest
    mark = page.locator(".wordmark")
    assert await mark.evaluate("mark => mark.scrollWidth <= mark.clientWidth")
    await page.goto(desk.address(ANA))
    sidebar = page.get_by_role("navigation", name="Acorn")
    await expect(sidebar).to_be_hidden()
    await page.get_by_role("button", name="Channels").click()
    await expect(sidebar.get_by_role("link").first).to_be_focused()
    await sidebar.get_by_role("link", name=re.compile("social-approvals")).click()
    await expect(page.get_by_role("button", name="Approve", exact=True)).to_be_in_viewport(ratio=1)
    await write(page, "/social draft")
    await expect(page.get_by_role("button", name="Next")).to_be_in_viewport(ratio=1)
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide == PHONE[0]


async def test_nothing_is_seen_of_a_channel_one_is_not_in(page: Tab, desk: Desk) -> None:
    desk.slack.people.leave_channel(ANA, APPROVALS)
    desk.workspace.say(BEN, APPROVALS, "a secret")
    answer = await page.goto(desk.address(ANA, APPROVALS))
    assert answer is not None
    assert answer.status == 404
    await expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    link = await page.request.get(desk.address(ANA, f"{APPROVALS}/messages"))
    assert link.status == 404


async def test_a_stopping_server_waits_for_no_page(desk: Desk) -> None:
    async with (
        httpx.AsyncClient() as client,
        client.stream("GET", desk.address(ANA, "stream")) as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == ":"
        desk.page.close()
        assert [line async for line in lines if line.startswith("data:")] == []
