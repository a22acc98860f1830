"""Guests and people of other workspaces press nothing, unless they are a client of the campaign:
then they decide on its posts, and nothing else."""

from dataclasses import replace

import pytest

from bot.playground.records import Message, User
from bot.playground.seed import ANA, APPROVALS, BEN, EVA, SOCIAL
from bot.team import Person, Profile
from storage import approvals, campaigns, notices, posts
from storage.records import Campaign, Post, PostState, Role
from tests.handlers.stage import Stage, labels_of, text_of
from tests.servers.eventually import eventually

NOOR = "U0NOOR00001"
STRANGER = User(NOOR, "noor", "Noor Haddad", is_stranger=True, team_id="T0OTHER0001")
GUEST = User(NOOR, "noor", "Noor Haddad", is_restricted=True)
LONE_GUEST = User(NOOR, "noor", "Noor Haddad", is_restricted=True, is_ultra_restricted=True)
OUTSIDERS = pytest.mark.parametrize("outsider", [STRANGER, GUEST, LONE_GUEST])


async def come_in(stage: Stage, outsider: User) -> None:
    """They see the channels that the cards are in."""
    stage.slack.workspace.put_user(outsider)
    for channel in (APPROVALS, SOCIAL):
        stage.slack.workspace.add_member(channel, NOOR)


async def write(stage: Stage, text: str) -> Message:
    await stage.command(ANA, f"/social draft {text}")
    assert (await stage.submit(await stage.modal(ANA, text), when="next_free")).ok
    await stage.settled()
    left = stage.slack.workspace.views.modal(ANA)
    if left is not None:  # on a busy machine it says that it is done
        await stage.slack.people.close_view(ANA, left.id, everything=True)
    return await stage.message(APPROVALS, text)


async def post_of(stage: Stage, text: str) -> Post:
    async with stage.services.database.reading() as tx:
        for post in await posts.of_author(tx, stage.bot.team_id, ANA, list(PostState)):
            revision = await posts.revision(tx, stage.bot.team_id, post.revision_id)
            if revision is not None and text in revision.base_text:
                return post
    raise LookupError(text)


async def make_client(stage: Stage, outsider: User, *texts: str) -> None:
    """Of a campaign that these posts belong to."""
    made = Campaign("c1", stage.bot.team_id, "Spring", EVA, stage.services.clock.now())
    async with stage.services.database.transaction() as tx:
        await campaigns.insert_new(tx, made)
    for text in texts:
        post = await post_of(stage, text)
        async with stage.services.database.transaction() as tx:
            assert await posts.change(tx, post, stage.services.clock.now(), campaign_id=made.id)
            # The card names the version that it shows.
    home = outsider.team_id or None
    profile = Profile(NOOR, outsider.real_name, "UTC", False, False, True, False, home)
    eva = Person(stage.bot.team_id, EVA)
    await stage.services.campaign_roles.grant(eva, made.id, profile, frozenset({Role.APPROVER}))


async def is_in(stage: Stage, text: str, state: PostState) -> None:
    async def look() -> bool:
        return (await post_of(stage, text)).state is state

    await eventually(look)


@OUTSIDERS
async def test_an_outsider_presses_nothing(stage: Stage, outsider: User) -> None:
    await come_in(stage, outsider)
    card = await write(stage, "Fresh beans")
    await stage.press(NOOR, card, "Approve")
    await stage.whispered(NOOR, "Nothing was", APPROVALS)
    await stage.press(NOOR, card, "Request changes")
    form = await stage.modal(NOOR, "comment_form")
    refused = await stage.submit(form, comment="Make it green")
    await stage.settled()
    assert not refused.ok or "Nothing was" in text_of(await stage.modal(NOOR))
    assert (await post_of(stage, "Fresh beans")).state is PostState.IN_REVIEW


@OUTSIDERS
async def test_a_client_decides_on_its_campaigns_posts(stage: Stage, outsider: User) -> None:
    await come_in(stage, outsider)
    await write(stage, "Spring one")
    await write(stage, "Spring two")
    other = await write(stage, "Other words")
    await make_client(stage, outsider, "Spring one", "Spring two")
    await reshown(stage, "Spring one", "Spring two")
    await stage.press(NOOR, await stage.message(APPROVALS, "Spring one"), "Approve")
    await is_in(stage, "Spring one", PostState.SCHEDULED)
    await stage.press(NOOR, await stage.message(APPROVALS, "Spring two"), "Request changes")
    form = await stage.modal(NOOR, "comment_form")
    assert (await stage.submit(form, comment="Make it green")).ok
    await is_in(stage, "Spring two", PostState.CHANGES_REQUESTED)
    async with stage.services.database.reading() as tx:
        post = await post_of(stage, "Spring two")
        [decision] = await approvals.of_post(tx, post.id)
    assert (decision.workspace_id, decision.user_id) == (stage.bot.team_id, NOOR)
    await stage.press(NOOR, other, "Approve")
    await stage.whispered(NOOR, "only to decide on posts of the campaigns", APPROVALS)
    assert (await post_of(stage, "Other words")).state is PostState.IN_REVIEW


async def reshown(stage: Stage, *texts: str) -> None:
    """The cards' buttons name the newest version of their posts."""
    for text in texts:
        post = await post_of(stage, text)
        async with stage.services.database.transaction() as tx:
            await notices.refresh(tx, stage.bot.team_id, post.id, stage.services.clock.now())
        stage.services.clock.alarm("notices").ring()
        wanted = f'"version": "{post.version}"'

        async def shows() -> bool:
            card = await stage.message(APPROVALS, text)  # noqa: B023  # awaited within the loop
            return wanted in str(card.blocks)  # noqa: B023

        await eventually(shows)


COMMANDS = ("queue", "draft Hello", "mentions", "digest", "pause", "team", "connect", "slots")


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_client_has_no_command(stage: Stage, command: str) -> None:
    """A guest can type commands; somebody of another workspace has only their own apps'."""
    await come_in(stage, GUEST)
    await make_client(stage, GUEST)
    await stage.command(NOOR, f"/social {command}")
    await stage.whispered(NOOR, "only to decide on posts of the campaigns")
    assert stage.slack.workspace.views.modal(NOOR) is None


async def test_a_guests_home_has_nothing_on_it(stage: Stage) -> None:
    await come_in(stage, GUEST)
    await make_client(stage, GUEST)
    home = await stage.open_home(NOOR, "Guests have no desk here")
    assert labels_of(home) == []


async def test_somebody_who_becomes_a_guest_loses_their_roles(stage: Stage) -> None:
    card = await write(stage, "Fresh beans")
    stage.slack.people.change_user(replace(stage.slack.workspace.user(BEN), is_restricted=True))
    await stage.settled()
    await stage.press(BEN, card, "Approve")
    await stage.whispered(BEN, "only to decide on posts of the campaigns", APPROVALS)
