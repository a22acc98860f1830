"""Home: for each role what is theirs, whatever the amount, and true after what is pressed."""

from dataclasses import replace

import pytest

from bot.accounts import mark_expired
from bot.playground.changes import Change, ChangeKind
from bot.playground.faults import ApiTrouble, DeliveryTrouble
from bot.playground.records import View
from bot.playground.seed import ALERTS, ANA, APPROVALS, BEN, CHIDI, DANA, EVA, TEAM
from bot.team import Person
from storage import accounts, drafts, posts, workspaces
from storage.records import Draft, Member, Post, PostState, Role
from tests.handlers.stage import Stage, labels_of, text_of
from tests.handlers.test_posts import asked, later
from tests.servers.eventually import eventually

EVA_HERSELF = Person(TEAM.id, EVA)


async def write(stage: Stage, text: str, *, who: str = ANA, when: str = "now") -> None:
    await stage.command(who, f"/social draft {text}")
    form = await stage.modal(who, text)
    assert (await stage.submit(form, when=when)).ok
    await stage.no_modal(who)


async def newest_post(stage: Stage) -> Post:
    async with stage.services.database.reading() as tx:
        found = await posts.of_author(tx, stage.bot.team_id, ANA, list(PostState))
    return found[0]


def urls_of(view: View) -> list[str]:
    return [
        block["accessory"]["url"] for block in view.blocks if "url" in block.get("accessory", {})
    ]


async def test_each_role_has_its_own_ways_in(stage: Stage) -> None:
    ana = await stage.open_home(ANA, "What goes out next")
    everybody = ["What is coming", "Mentions", "The numbers", "Pause publishing"]
    assert labels_of(ana) == ["Write a post", *everybody]
    dana = await stage.open_home(DANA, "What goes out next")
    assert labels_of(dana) == everybody
    assert "No mention waits for your answer" in text_of(dana)
    eva = await stage.open_home(EVA, "What goes out next")
    for_admins = ["Connect an account", "Team", "Who approves", "Posting times", "Set-up"]
    assert labels_of(eva)[-5:] == for_admins
    assert "all well" in text_of(eva)


async def test_an_approver_sees_what_waits_with_the_way_to_its_card(stage: Stage) -> None:
    await write(stage, "Fresh beans")
    card = await stage.message(APPROVALS, "Fresh beans")
    home = await stage.open_home(BEN, "Waiting for your approval")
    assert "Fresh beans" in text_of(home)
    link = f"{stage.address}/archives/{APPROVALS}/p{card.ts.replace('.', '')}"

    async def leads_there() -> bool:  # once the bot knows where its card is
        return link in urls_of(await stage.open_home(BEN))

    await eventually(leads_there)
    ana = await stage.open_home(ANA, "waits for approval")
    assert "Waiting for your approval" not in text_of(ana)


async def test_what_waits_for_me_is_not_listed_twice(stage: Stage) -> None:
    await write(stage, "Ana's words", when="next_free")
    await write(stage, "Ben's words", who=BEN, when="next_free")
    await stage.message(APPROVALS, "Ben's words")
    home = text_of(await stage.open_home(BEN, "Ana's words"))
    assert home.count("Ana's words") == 1
    assert home.index("What goes out next") < home.index("Ben's words")


async def test_a_responder_sees_the_mentions_that_wait_for_an_answer(stage: Stage) -> None:
    async with stage.sandbox() as sandbox:
        login = {"handle": "mia", "password": "mia-sandbox"}
        token = (await sandbox.post("/api/login", json=login)).json()["token"]
        said = {"text": "@acorn My order never arrived. This is the worst service, I am angry!"}
        bearer = {"Authorization": f"Bearer {token}"}
        (await sandbox.post("/api/posts", json=said, headers=bearer)).raise_for_status()
    card = await stage.message(ALERTS, "My order never arrived")
    home = await stage.open_home(DANA, "Mentions to answer")
    assert "answer by" in text_of(home)
    link = f"{stage.address}/archives/{ALERTS}/p{card.ts.replace('.', '')}"

    async def leads_there() -> bool:  # once the bot knows where its card is
        return link in urls_of(await stage.open_home(DANA))

    await eventually(leads_there)
    ana = await stage.open_home(ANA, "What goes out next")
    assert "Mentions to answer" not in text_of(ana)


async def test_home_follows_what_others_do(stage: Stage) -> None:
    await stage.open_home(BEN, "Nothing waits for your approval")
    await write(stage, "Fresh beans")
    home = await stage.home(BEN, "Waiting for your approval")  # he did nothing
    assert "Fresh beans" in text_of(home)
    card = await stage.message(APPROVALS, "Fresh beans")
    await stage.press(CHIDI, card, "Approve")
    await stage.home(BEN, "Nothing waits for your approval")


async def test_what_is_on_fire_stands_on_top_and_goes_out(stage: Stage) -> None:
    calm = await stage.open_home(ANA, "What goes out next")
    assert "On fire" not in text_of(calm)
    async with stage.services.database.transaction() as tx:
        [account] = await accounts.of_workspace(tx, stage.bot.team_id)
        await mark_expired(tx, account, "the token was withdrawn", stage.services.clock.now())
    await asked(stage, "In half an hour", **later(0.5))
    home = text_of(await stage.open_home(ANA, "1* post is due within the hour"))
    assert "Must be connected again: Sandbox · @acorn" in home
    assert home.index("On fire") < home.index("What goes out next")


async def test_nobody_is_asked_to_approve_their_own(stage: Stage) -> None:
    await write(stage, "My own words", who=BEN)
    await stage.message(APPROVALS, "My own words")
    ben = await stage.open_home(BEN, "Nothing waits for your approval")
    assert "Waiting for your approval" not in text_of(ben)
    await stage.open_home(CHIDI, "Waiting for your approval")


async def test_changes_asked_for_are_the_authors_to_mend(stage: Stage) -> None:
    await write(stage, "Fresh beans")
    card = await stage.message(APPROVALS, "Fresh beans")
    await stage.press(BEN, card, "Request changes")
    form = await stage.modal(BEN, "comment_form")
    assert (await stage.submit(form, comment="Name the <price>")).ok
    home = await stage.open_home(ANA, "Yours to mend")
    assert f"<@{BEN}> asks for changes:* “Name the &lt;price&gt;”" in text_of(home)
    await stage.press(ANA, home, "Edit it")
    form = await stage.modal(ANA, "Fresh beans")
    assert (await stage.submit(form, text="Fresh beans, 9 euros")).ok
    await stage.home(ANA, "Fresh beans, 9 euros")  # without opening it again

    async def nothing_to_mend() -> bool:
        home = stage.slack.workspace.views.home(ANA)
        return home is not None and "Yours to mend" not in text_of(home)

    await eventually(nothing_to_mend)


async def test_a_failed_post_is_tried_again_from_home(stage: Stage) -> None:
    await write(stage, "Fresh beans")
    card = await stage.message(APPROVALS, "Fresh beans")
    connected = stage.services.accounts
    [choice] = (await connected.show(EVA_HERSELF))[1]
    await connected.disconnect(EVA_HERSELF, choice.account.id)
    await stage.press(BEN, card, "Approve")

    async def failed() -> bool:
        return (await newest_post(stage)).state is PostState.FAILED

    await eventually(failed)
    home = await stage.open_home(ANA, "didn't go out")
    assert {"Try again", "Edit it"} <= set(labels_of(home))
    login = {"handle": "acorn", "password": "acorn-coffee"}
    await connected.connect(EVA_HERSELF, "sandbox", login)
    await stage.press(ANA, home, "Try again")
    await stage.message(APPROVALS, "Take down")


async def test_an_account_that_expired_is_reconnected_from_home_and_its_posts_go_out(
    stage: Stage,
) -> None:
    await write(stage, "Fresh beans")
    card = await stage.message(APPROVALS, "Fresh beans")
    async with stage.sandbox() as sandbox:
        await sandbox.post("/control/expire-tokens")
    await stage.press(BEN, card, "Approve")
    told = await stage.message(ANA, "must be connected again")
    assert labels_of(told) == ["Drop"]
    home = await stage.open_home(ANA, "1 of your posts is held")
    assert "See" in labels_of(home)
    eva = await stage.open_home(EVA, "must be connected again")
    await stage.press(EVA, eva, "Reconnect")
    form = await stage.modal(EVA, "Connect it again")
    await stage.submit_fields(form, {"sandbox:password": "acorn-coffee"})
    await stage.home(EVA, "all well")
    await stage.message(APPROVALS, "Take down")
    await stage.message(ANA, "Nothing of yours is held any more")


async def test_drafts_are_continued_and_thrown_away(stage: Stage) -> None:
    await stage.command(ANA, "/social draft")
    form = await stage.modal(ANA, "draft")
    await stage.press(ANA, form, "draft_text", "Half a thought")
    await stage.settled()
    await stage.slack.people.close_view(ANA, form.id)
    home = await stage.open_home(ANA, "Half a thought")
    await stage.press(ANA, home, "Continue")
    form = await stage.modal(ANA, "Half a thought")
    await stage.slack.people.close_view(ANA, form.id)
    await stage.press(ANA, home, "Throw away")

    async def gone() -> bool:
        view = stage.slack.workspace.views.home(ANA)
        return view is not None and "Half a thought" not in text_of(view)

    await eventually(gone)
    async with stage.services.database.reading() as tx:
        assert await drafts.of_person(tx, stage.bot.team_id, ANA) == []


async def test_an_expired_account_is_shown_and_only_admins_reconnect_it(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        [account] = await accounts.of_workspace(tx, stage.bot.team_id)
        await mark_expired(tx, account, "the token was withdrawn", stage.services.clock.now())
    ana = await stage.open_home(ANA, "must be connected again. the token was withdrawn.")
    assert "Reconnect" not in labels_of(ana)
    await stage.open_home(EVA, "Reconnect")


async def test_who_has_no_role_is_told_who_gives_one(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        await workspaces.save_member(
            tx, Member(stage.bot.team_id, DANA, "Dana Weber", "Europe/Berlin", frozenset())
        )
    dana = await stage.open_home(DANA, "no role here yet")
    assert f"<@{EVA}> can give you one" in text_of(dana)


async def fill(stage: Stage, number: int) -> None:
    """As much of everything as nobody has: posts that wait, failed, scheduled; drafts; accounts."""
    await write(stage, "The first of many")
    first = await newest_post(stage)
    now = stage.services.clock.now()
    async with stage.services.database.transaction() as tx:
        revision = await posts.revision(tx, first.workspace_id, first.revision_id)
        [account] = await accounts.of_workspace(tx, stage.bot.team_id)
        assert revision is not None
        long = "Kaffee & <Kuchen> *_~ " * 100
        for index in range(number):
            for state in (PostState.IN_REVIEW, PostState.SCHEDULED, PostState.FAILED):
                key = f"{state}{index}"
                post = replace(first, id=key, state=state, revision_id=f"r{key}", due_at=now)
                await posts.insert(
                    tx, post, replace(revision, id=f"r{key}", post_id=key, base_text=long)
                )
            draft = Draft(f"d{index}", first.workspace_id, ANA, None, {"text": long}, now)
            await drafts.save(tx, draft)
            other = replace(account, id=f"a{index}", remote_id=f"r{index}", handle="@" + "x" * 200)
            await accounts.insert(tx, other)
            await mark_expired(tx, other, "e" * 3000, now)
        ana = await workspaces.member(tx, stage.bot.team_id, ANA)
        assert ana is not None
        await workspaces.save_member(tx, replace(ana, roles=frozenset(Role)))


async def test_home_fits_whatever_the_amount(stage: Stage) -> None:
    await fill(stage, 60)
    home = await stage.open_home(ANA, "Yours to mend (50)")
    assert len(home.blocks) <= 100
    assert "… and 45 more" in text_of(home)
    await stage.open_home(BEN, "Waiting for your approval (50)")


async def test_a_conflict_with_another_view_is_read_and_shown_anew(stage: Stage) -> None:
    await stage.open_home(ANA, "Nothing is scheduled")
    await write(stage, "Fresh beans")
    stage.slack.faults.trouble_calls("views.publish", ApiTrouble.ERROR, error="hash_conflict")
    await stage.open_home(ANA, "Fresh beans")
    assert stage.slack.faults.pending()["calls"] == []


async def test_a_home_that_slack_refuses_does_no_harm(stage: Stage) -> None:
    await stage.open_home(ANA, "Nothing is scheduled")
    stage.slack.faults.trouble_calls("views.publish", ApiTrouble.ERROR, error="internal_error")
    home = await stage.open_home(ANA)
    await stage.press(ANA, home, "Write a post")
    await stage.modal(ANA, "draft")


async def test_a_repeated_event_is_one_event(stage: Stage) -> None:
    stage.slack.faults.trouble_deliveries(DeliveryTrouble.REPEATED)
    with stage.slack.workspace.changes.subscribe() as changes:
        await stage.open_home(ANA, "What goes out next")
        await stage.settled()
        stage.slack.workspace.changes.announce(Change(ChangeKind.EVERYTHING))
        seen = []
        async for change in changes:
            if change.kind is ChangeKind.EVERYTHING:
                break
            seen.append(change.kind)
    delivered = [entry.payload["event_id"] for entry in stage.slack.delivery.log]
    assert len(delivered) == 2
    assert len(set(delivered)) == 1
    assert seen.count(ChangeKind.HOME) == 1


async def test_the_messages_tab_is_no_home(stage: Stage) -> None:
    stage.slack.people.open_home(ANA, "messages")
    await stage.settled()
    assert stage.slack.workspace.views.home(ANA) is None


@pytest.mark.parametrize("label", ["What is coming", "Write a post"])
async def test_a_button_on_home_opens_a_modal(stage: Stage, label: str) -> None:
    home = await stage.open_home(ANA, "What goes out next")
    await stage.press(ANA, home, label)
    await stage.modal(ANA)
