"""The draft form in Slack: its ways in, its second step, what is kept, what is shown before."""

import io
from dataclasses import replace

from PIL import Image

from bot.playground.records import View
from bot.playground.seed import ANA, APPROVALS, BEN, EVA, TEAM
from bot.team import Person
from handlers.draft_fields import of_post
from storage import accounts, policies, workspaces
from storage.records import Mode, PostState, Scope
from tests.handlers.shown_posts import NOW, shown
from tests.handlers.stage import Stage, inputs_of, labels_of, text_of
from tests.servers.eventually import eventually


async def with_room(stage: Stage, limit: int) -> None:
    """Sandbox, as a network that takes longer texts."""
    async with stage.services.database.transaction() as tx:
        for account in await accounts.of_workspace(tx, TEAM.id):
            await accounts.save(tx, replace(account, limits={"text": limit}))


async def kept(stage: Stage) -> str | None:
    draft = (await stage.services.drafting.start(Person(TEAM.id, ANA))).draft
    return None if draft is None else str(draft.fields["text"])


def texts_in(form: View) -> list[str]:
    return [
        block["element"].get("initial_value", "")
        for block in inputs_of(form)
        if block["block_id"].startswith("text")
    ]


async def test_a_text_longer_than_one_input_is_continued_in_others(stage: Stage) -> None:
    await with_room(stage, 20_000)
    text = "".join(f"{number:05} " for number in range(1200))  # 7,200 characters
    await stage.command(ANA, "/social draft " + text)
    form = await stage.modal(ANA, "draft")
    assert [len(piece) for piece in texts_in(form)] == [3000, 3000, 1199]
    await stage.submit(form, when="now")
    await stage.no_modal(ANA)
    card = await stage.message(APPROVALS, "The text goes on in the thread")
    rest = await stage.message(APPROVALS, "01199")
    assert rest.thread_ts == card.ts
    await stage.press(ANA, card, "post_menu", "Edit")
    assert "".join(texts_in(await stage.modal(ANA, "draft"))) == text.strip()


async def test_a_full_input_gets_a_second_one_while_typing(stage: Stage) -> None:
    await stage.command(ANA, "/social draft")
    form = await stage.modal(ANA, "draft")
    await stage.press(ANA, form, "draft_text", "x" * 3000)

    async def two() -> bool:
        return len(texts_in(await stage.modal(ANA, "draft"))) == 2

    await eventually(two)
    assert texts_in(await stage.modal(ANA, "draft")) == ["x" * 3000, ""]


async def test_what_was_tailored_is_kept_when_the_second_step_is_closed(stage: Stage) -> None:
    await stage.command(ANA, "/social draft For all")
    await stage.submit(await stage.modal(ANA, "draft"), tailor=["yes"], when="now")
    second = await stage.modal(ANA, "tailor")
    await stage.press(ANA, second, "text:sandbox", "For Sandbox")
    await stage.settled()
    await stage.slack.people.close_view(ANA, second.id)
    left = await stage.whispered(ANA, "What you typed is kept")
    await stage.press(ANA, left, "Go on writing")
    form = await stage.modal(ANA, "draft")
    await stage.submit(form)
    assert texts_in(await stage.modal(ANA, "tailor")) == ["For Sandbox"]


async def test_a_network_without_a_text_of_its_own_follows_the_common_one(stage: Stage) -> None:
    await stage.command(ANA, "/social draft First")
    await stage.submit(await stage.modal(ANA, "draft"), tailor=["yes"], when="now")
    second = await stage.modal(ANA, "tailor")
    await stage.press(ANA, second, "Check")
    await stage.settled()
    await stage.slack.people.close_view(ANA, second.id)
    await stage.command(ANA, "/social draft")
    await stage.submit(await stage.modal(ANA, "draft"), text="Second")
    assert texts_in(await stage.modal(ANA, "tailor")) == ["Second"]


async def test_editing_begins_with_what_goes_out(stage: Stage) -> None:
    await stage.command(ANA, "/social draft Common")
    await stage.submit(await stage.modal(ANA, "draft"), tailor=["yes"], when="now")
    await stage.submit_fields(await stage.modal(ANA, "tailor"), {"text:sandbox": "Special"})
    card = await stage.message(APPROVALS, "Special")
    await stage.press(ANA, card, "post_menu", "Edit")
    form = await stage.modal(ANA, "draft")
    texts = {block["block_id"]: block["element"].get("initial_value") for block in inputs_of(form)}
    assert texts["text"] == "Special"
    unchanged = await stage.submit(form)
    assert "Nothing here is different" in dict(unchanged.errors)["text"]
    await stage.submit(form, text="Corrected")
    await stage.no_modal(ANA)
    assert "Corrected" in text_of(await stage.message(APPROVALS, "edited it"))


async def test_a_picture_that_was_taken_out_again_is_out(stage: Stage) -> None:
    def upload(name: str, color: str) -> str:
        content = io.BytesIO()
        Image.new("RGB", (8, 8), color).save(content, "PNG")
        return stage.slack.people.upload_file(ANA, name, content.getvalue()).id

    red, blue = upload("red.png", "red"), upload("blue.png", "blue")
    await stage.command(ANA, "/social draft " + "x" * 301)
    form = await stage.modal(ANA, "draft")
    refused = await stage.submit(form, pictures=[red], when="now")
    assert "1 over" in dict(refused.errors)["text"]
    await stage.submit(form, pictures=[blue], text="short", when="now")
    second = await stage.modal(ANA, "tailor")
    assert "blue.png" in text_of(second)
    assert "red.png" not in text_of(second)


async def test_changes_of_a_post_that_were_closed_by_mistake_come_back(stage: Stage) -> None:
    await stage.command(ANA, "/social draft As it was")
    await stage.submit(await stage.modal(ANA, "draft"), when="now")
    card = await stage.message(APPROVALS, "As it was")
    await stage.press(ANA, card, "post_menu", "Edit")
    form = await stage.modal(ANA, "As it was")
    await stage.press(ANA, form, "draft_text", "As it shall be")
    await stage.settled()
    await stage.slack.people.close_view(ANA, form.id)
    await stage.press(ANA, card, "post_menu", "Edit")
    again = await stage.modal(ANA, "Your unfinished changes are back")
    assert texts_in(again) == ["As it shall be"]
    await stage.press(ANA, again, "Show the post")

    async def the_post() -> bool:
        return texts_in(await stage.modal(ANA, "draft")) == ["As it was"]

    await eventually(the_post)


async def test_a_late_answer_still_names_what_is_wrong(stage: Stage) -> None:
    """A submission that took too long to be answered beside its fields says it on top."""
    await stage.command(ANA, "/social draft")
    form = await stage.modal(ANA, "draft")
    async with stage.services.database.transaction():
        await stage.submit(form, text="x" * 301, when="now")
        await stage.modal(ANA, "Checking")
    shown = await stage.modal(ANA, "1 over Sandbox")
    assert texts_in(shown) == ["x" * 301]


async def test_alone_a_post_goes_out_without_another_and_the_card_says_so(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        workspace = await workspaces.get(tx, TEAM.id)
        assert workspace is not None
        await workspaces.save(tx, replace(workspace, mode=Mode.ALONE))
        await policies.remove(tx, TEAM.id, Scope.WORKSPACE, "")  # as the set-up does
    await stage.command(EVA, "/social draft On my own")
    form = await stage.modal(EVA, "draft")
    assert "Schedule" in text_of(form)
    await stage.submit(form, when="now")
    card = await stage.message(APPROVALS, "Published")
    assert "nobody else has to approve" in text_of(card)
    assert "Approve" not in labels_of(card)


async def test_a_person_without_a_role_is_told_who_can_give_it(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        member = await workspaces.member(tx, TEAM.id, BEN)
        assert member is not None
        await workspaces.save_member(tx, replace(member, roles=frozenset()))
    await stage.command(BEN, "/social draft Let me")
    told = await stage.whispered(BEN, "To write posts you need the role")
    assert "Eva Lindt" in text_of(told)


async def test_the_form_that_comes_twice_makes_one_post(stage: Stage) -> None:
    await stage.command(ANA, "/social draft Once")
    form = await stage.modal(ANA, "draft")
    await stage.submit(form, when="now")
    sent = stage.slack.delivery.log[-1]
    await stage.slack.delivery.request(sent.kind, sent.payload)
    await stage.message(APPROVALS, "Once")
    _, total = await stage.services.scheduling.coming(Person(TEAM.id, ANA))
    assert total == 1
    assert await kept(stage) is None


def test_a_failed_post_comes_without_its_time_which_has_passed() -> None:
    def times(state: PostState) -> tuple[str, int | None]:
        one = shown(state=state)
        fields = of_post(one.post, one.revision, one.media, {"account0": "sandbox"})
        return fields.when, fields.at

    assert times(PostState.SCHEDULED) == ("at", int(NOW.timestamp()))
    assert times(PostState.FAILED) == ("now", None)
