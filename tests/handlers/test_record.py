"""The record: every use case that changes something leaves an entry, and people can read it."""

import inspect
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.audit import verify
from bot.comments import ThreadMessage
from bot.composing import PostForm
from bot.digest_plans import Rhythm
from bot.errors import NotAllowed
from bot.held_lists import seen_as
from bot.holds import Do
from bot.installations import Place
from bot.playground.sandbox_seed import BRAND, PEOPLE
from bot.playground.seed import ANA, APPROVALS, BEN, CARE, CHIDI, DANA, EVA, GENERAL, SOCIAL
from bot.policies import ANY_APPROVER
from bot.policy_settings import Rules
from bot.scheduling import NewTime
from bot.services import Services
from bot.setup import SetUpForm
from bot.team import Person, Profile
from bot.user_groups import SlackGroup
from storage import (
    accounts,
    deliveries,
    history,
    holds,
    installations,
    mentions,
    notices,
    parts,
    suggestions,
    workspaces,
)
from storage.records import (
    Card,
    DeliveryState,
    HistoryEntry,
    HoldReason,
    Installation,
    MentionState,
    Part,
    PartKind,
    PartState,
    Post,
    Role,
    Scope,
    Slot,
    Step,
    Urgency,
    UserGroup,
    Verdict,
    When,
)
from storage.rows import new_id
from tests.handlers.stage import Stage, text_of
from tests.servers.eventually import eventually
from tests.unit.said import a_mention

NO_USE_CASES = {
    "database": "a part",
    "clock": "a part",
    "media": "a folder of pictures; a post names what it uses",
    "charts": "draws",
    "metrics": "keeps numbers that networks tell; nobody decides them",
    "listening": "keeps what others say; nobody here does anything",
    "pace": "counts",
}
READS = {
    "accounts": {"choices", "show", "coming_on"},
    "drafting": {"start", "start_edit", "preview", "draft", "names"},
    "scheduling": {"coming", "movable", "look", "lately"},
    "policies": {"show"},
    "comments": {"said"},
    "suggestions": {"start"},
    "reviews": {"begin", "left", "look", "open", "list_of"},
    "inboxes": {"load"},
    "user_groups": {"check", "followed", "unknown"},
    "campaign_roles": {"show"},
    "leaving": {"look"},
    "outcomes": {"question", "look"},
    "brakes": {"start", "standing", "look", "card"},
    "held_lists": {"card", "page", "some"},
    "setting_up": {"is_done", "standing", "check"},
    "team": {"show", "roles_of"},
    "homes": {"load", "version"},
    "digests": {"show", "compose"},
    "digest_plans": {"check", "of_channel", "owed"},
    "mentions": {"card", "overview", "open_ones", "doubtful_list", "to_answer"},
    "replying": {"needs_approval"},
    "watches": {"all"},
    "record": {"of_post", "of_workspace"},
}
NOT_NOTED = {
    "drafting.keep": "one's own unfinished typing: nobody else sees it, and nothing comes of it",
    "drafting.drop": "the same",
    "replying.keep": "the same",
    "user_groups.claim_reading": "which process asks Slack; what it reads is noted by `keep`",
    "installations.meet": "that a workspace is there, before anybody did anything in it",
}
ORIGIN = "a test"


@dataclass
class Doing:
    """Does what people do, by the use cases alone."""

    services: Services
    team: str
    account_id: str

    def who(self, user_id: str) -> Person:
        return Person(self.team, user_id, origin=ORIGIN)

    async def submitted(self) -> Post:
        at = datetime.now(UTC) + timedelta(days=3)
        form = PostForm("Hello", (self.account_id,), when=When.AT, at=at)
        return (await self.services.drafting.submit(self.who(ANA), form)).post

    async def approved(self) -> Post:
        post = await self.submitted()
        decided = await self.services.approvals.decide(
            self.who(BEN), post.id, Verdict.APPROVED, revision_id=post.revision_id
        )
        return decided.post

    async def in_state(self, state: DeliveryState, **new: object) -> tuple[Post, str]:
        """A post whose delivery got into a state, and the delivery's id."""
        post = await self.approved()
        async with self.services.database.transaction() as tx:
            [delivery] = await deliveries.of_post(tx, post.id)
            assert await deliveries.move(tx, delivery.id, [delivery.state], state, **new)
        return post, delivery.id

    async def uncertain(self) -> str:
        _, delivery_id = await self.in_state(DeliveryState.UNKNOWN)
        begun = Part(
            new_id(),
            delivery_id,
            0,
            PartKind.POST,
            "key",
            {},
            PartState.BEGUN,
            datetime.now(UTC),
            None,
        )
        async with self.services.database.transaction() as tx:
            await parts.insert_all(tx, [begun])
        return delivery_id

    async def held(self) -> Post:
        now = datetime.now(UTC)
        async with self.services.database.transaction() as tx:
            hold_id, _ = await holds.join(tx, self.team, ANA, now)
        late = now - timedelta(hours=3)
        why = {"hold_reason": HoldReason.LATE, "hold_id": hold_id, "due_at": late}
        return (await self.in_state(DeliveryState.HELD, **why))[0]

    async def mention(self, **new: object) -> str:
        now = datetime.now(UTC)
        about = {"source": self.account_id, "account_id": self.account_id, "reply_to": {"id": "1"}}
        over = {"answer_due_at": now, "solve_due_at": now}
        said = a_mention(self.team, now, **about, **over, **new)
        async with self.services.database.transaction() as tx:
            await mentions.insert(tx, said)
        return said.id

    # One for each use case that changes something

    async def drafting_submit(self) -> None:
        await self.submitted()

    async def approvals_decide(self) -> None:
        await self.approved()

    async def scheduling_reschedule(self) -> None:
        post = await self.approved()
        at = datetime.now(UTC) + timedelta(days=4)
        await self.services.scheduling.reschedule(self.who(BEN), post.id, NewTime(When.AT, at=at))

    async def scheduling_cancel(self) -> None:
        post = await self.approved()
        await self.services.scheduling.cancel(self.who(BEN), post.id)

    async def scheduling_set_slots(self) -> None:
        slots = (Slot(0, 540), Slot(1, 540), Slot(4, 600))
        await self.services.scheduling.set_slots(self.who(EVA), self.account_id, slots)

    async def outcomes_retry(self) -> None:
        post, _ = await self.in_state(DeliveryState.FAILED)
        await self.services.outcomes.retry(self.who(ANA), post.id)

    async def outcomes_is_live(self) -> None:
        await self.services.outcomes.is_live(
            self.who(ANA), await self.uncertain(), "https://s.example/1"
        )

    async def outcomes_is_not_live(self) -> None:
        await self.services.outcomes.is_not_live(self.who(ANA), await self.uncertain())

    async def outcomes_take_down(self) -> None:
        post, _ = await self.in_state(DeliveryState.PUBLISHED)
        await self.services.outcomes.take_down(self.who(ANA), post.id)

    async def suggested(self) -> str:
        post = await self.submitted()
        texts = {"text:sandbox": "Hello, better"}
        await self.services.suggestions.suggest(self.who(BEN), post.id, post.revision_id, texts)
        async with self.services.database.reading() as tx:
            suggestion = await suggestions.newest(tx, post.id)
        assert suggestion is not None
        return suggestion.id

    async def campaign(self) -> str:
        at = datetime.now(UTC) + timedelta(days=3)
        form = PostForm("Hello", (self.account_id,), when=When.AT, at=at, new_campaign="Spring")
        post = (await self.services.drafting.submit(self.who(ANA), form)).post
        assert post.campaign_id is not None
        return post.campaign_id

    async def installed(self, organisation: str | None = None) -> Installation:
        made = Installation(
            id=new_id(),
            enterprise_id=organisation,
            team_id=self.team if organisation is None else None,
            app_id="A1",
            bot_id="B1",
            bot_user_id="UBOT",
            scopes="chat:write",
            bot_token=b"locked",
            refresh_token=None,
            token_expires_at=None,
            installed_by=EVA,
            installed_at=datetime.now(UTC),
            revoked_at=None,
        )
        async with self.services.database.transaction() as tx:
            kept = await installations.keep(tx, made)
            await self.services.installations.kept(tx, kept, "Acorn")
        return kept

    def group(self, *members: str, id_: str = "S0CARE00001") -> SlackGroup:
        return SlackGroup(id_, "care", "Customer Care", members, datetime.now(UTC))

    async def suggestions_suggest(self) -> None:
        await self.suggested()

    async def suggestions_take(self) -> None:
        await self.services.suggestions.take(self.who(ANA), await self.suggested())

    async def drafting_use_suggestion(self) -> None:
        await self.suggestions_take()

    async def comments_follow(self) -> None:
        post, now = await self.submitted(), datetime.now(UTC)
        async with self.services.database.transaction() as tx:
            await notices.owe(tx, self.team, Card.APPROVAL, post.id, APPROVALS, now)
        self.services.clock.alarm("notices").ring()

        async def card_ts() -> str | None:
            async with self.services.database.reading() as tx:
                card = await notices.of_card(tx, self.team, Card.APPROVAL, post.id)
            return card.ts if card is not None else None

        ts = await eventually(card_ts)
        assert ts is not None
        said = ThreadMessage(APPROVALS, ts, "1700000000.000100", "Really?", now)
        await self.services.comments.follow(self.who(CHIDI), said)

    async def policies_save(self) -> str:
        campaign_id = await self.campaign()
        rules = Rules((ANY_APPROVER,), own_card=True)
        await self.services.policies.save(self.who(EVA), Scope.CAMPAIGN, campaign_id, rules)
        return campaign_id

    async def policies_remove(self) -> None:
        campaign_id = await self.policies_save()
        await self.services.policies.remove(self.who(EVA), Scope.CAMPAIGN, campaign_id)

    async def policies_check_step(self) -> None:
        legal = self.group(CHIDI, DANA, id_="S0LEGAL0001")
        group = UserGroup(
            self.team, legal.id, "legal", "Legal", legal.members, frozenset(), legal.read_at
        )
        step = Step("Legal", group=group.id)
        place = Scope.WORKSPACE, ""
        await self.services.policies.check_step(self.who(EVA), place, step, group, ())

    async def campaign_roles_grant(self) -> None:
        chidi = Profile(CHIDI, "Chidi", "UTC", runs_slack=False, may_have_roles=True)
        await self.services.campaign_roles.grant(
            self.who(EVA), await self.campaign(), chidi, frozenset({Role.AUTHOR})
        )

    async def user_groups_set_roles(self) -> None:
        roles = frozenset({Role.RESPONDER})
        await self.services.user_groups.set_roles(self.who(EVA), self.group(DANA), roles)

    async def user_groups_keep(self) -> None:
        roles = frozenset({Role.AUTHOR})
        await self.services.user_groups.set_roles(self.who(EVA), self.group(DANA), roles)
        await self.services.user_groups.keep(self.team, self.group(CHIDI, DANA))

    async def shared_channels_may_post(self) -> None:
        await self.services.shared_channels.may_post(self.team, GENERAL, ("T0MAPLE", "T0OAK"))

    async def shared_channels_allow(self) -> None:
        await self.services.shared_channels.may_post(self.team, GENERAL, ("T0MAPLE",))
        await self.services.shared_channels.allow(self.who(EVA), GENERAL, ("T0MAPLE",))

    async def reviews_set_time(self) -> None:
        await self.services.reviews.set_time(self.who(BEN), 600)

    async def installations_access_revoked(self) -> None:
        await self.services.installations.meet(Place(self.team, "acorn", "E0OAK"))
        await self.installed(organisation="E0OAK")
        await self.services.installations.access_revoked("E0OAK", [self.team, "T0ELM"])

    async def installations_kept(self) -> None:
        await self.installed()

    async def installations_end(self) -> None:
        await self.services.installations.end(await self.installed(), "Gone.")

    async def installations_removed(self) -> None:
        await self.installed()
        await self.services.installations.removed(self.team, None)

    async def installations_tokens_revoked(self) -> None:
        await self.installed()
        await self.services.installations.tokens_revoked(self.team, None, ["UBOT"])

    async def brakes_pull(self) -> None:
        shown = await self.services.brakes.pull(self.who(DANA), "a crisis")
        await self.services.brakes.release(self.who(BEN), [shown.brake.id])

    async def brakes_release(self) -> None:
        await self.brakes_pull()

    async def holds_settle(self) -> None:
        await self.services.holds.settle(self.who(BEN), (await self.held()).id, Do.DROP)

    async def holds_settle_each(self) -> None:
        await self.services.holds.settle_each(self.who(BEN), Do.DROP, [(await self.held()).id])

    async def holds_settle_all(self) -> None:
        seen = seen_as([(await self.held()).id])
        await self.services.holds.settle_all(self.who(BEN), Do.DROP, seen=seen)

    async def setting_up_finish(self) -> None:
        async with self.services.database.reading() as tx:
            before = await workspaces.get(tx, self.team)
        assert before is not None
        form = SetUpForm(before.mode, APPROVALS, CARE, {"Care": CARE}, (), "Europe/Paris", 1800)
        eva = Profile(EVA, "Eva", "UTC", runs_slack=True, may_have_roles=True)
        await self.services.setting_up.finish(self.who(EVA), eva, form)

    async def team_set_roles(self) -> None:
        chidi = Profile(CHIDI, "Chidi", "UTC", runs_slack=False, may_have_roles=True)
        await self.services.team.set_roles(self.who(EVA), chidi, frozenset({Role.RESPONDER}))

    async def team_follow(self) -> None:
        gone = Profile(CHIDI, "Chidi", "UTC", runs_slack=False, may_have_roles=False)
        await self.services.team.follow(self.team, gone)

    async def accounts_connect(self) -> None:
        brand = next(person for person in PEOPLE if person.handle == BRAND)
        await self.services.accounts.connect(
            self.who(EVA), "sandbox", {"handle": brand.handle, "password": brand.password}
        )

    async def accounts_disconnect(self) -> None:
        await self.services.accounts.disconnect(self.who(EVA), self.account_id)
        await self.accounts_connect()

    async def digest_plans_plan(self) -> None:
        await self.services.digest_plans.plan(self.who(ANA), SOCIAL, Rhythm(0, 540))

    async def digest_plans_stop(self) -> None:
        planned, _ = await self.services.digest_plans.plan(self.who(ANA), SOCIAL, Rhythm(None, 540))
        await self.services.digest_plans.stop(self.who(ANA), planned.plan.id)

    async def watches_add(self) -> str:
        words = f"kettle {new_id()[:6]}"
        return (await self.services.watches.add(self.who(DANA), words)).watch.id

    async def watches_remove(self) -> None:
        await self.services.watches.remove(self.who(DANA), await self.watches_add())

    async def watches_set_everything(self) -> None:
        watch_id = await self.watches_add()
        await self.services.watches.set_everything(self.who(DANA), watch_id, everything=True)

    async def triage_claim(self) -> None:
        await self.services.triage.claim(self.who(DANA), await self.mention())

    async def triage_release(self) -> None:
        mine = await self.mention(owner_id=DANA)
        await self.services.triage.release(self.who(DANA), mine)

    async def triage_route(self) -> None:
        await self.services.triage.route(self.who(DANA), await self.mention(), "Care")

    async def triage_resolve(self) -> None:
        await self.services.triage.resolve(self.who(DANA), await self.mention())

    async def triage_dismiss(self) -> None:
        await self.services.triage.dismiss(self.who(DANA), await self.mention())

    async def triage_reopen(self) -> None:
        closed = await self.mention(state=MentionState.RESOLVED)
        await self.services.triage.reopen(self.who(DANA), closed)

    async def triage_is_negative(self) -> None:
        doubtful = await self.mention(urgency=Urgency.DOUBTFUL)
        await self.services.triage.is_negative(self.who(DANA), doubtful)

    async def triage_dismiss_list(self) -> None:
        await self.mention(urgency=Urgency.DOUBTFUL, listed_in="list")
        await self.services.triage.dismiss_list(self.who(DANA), "list")

    async def replying_start(self) -> None:
        await self.services.replying.start(self.who(DANA), await self.mention())

    async def replying_send(self) -> None:
        await self.services.replying.send(
            self.who(DANA), await self.mention(), "Sorry!", resolves=True, reply_id=new_id()
        )


def use_cases(services: Services) -> set[str]:
    """Every public coroutine of every use case there is."""
    return {
        f"{field.name}.{name}"
        for field in fields(services)
        if field.name not in NO_USE_CASES
        for name, _ in inspect.getmembers(
            type(getattr(services, field.name)), inspect.iscoroutinefunction
        )
        if not name.startswith("_")
    }


def drivers(doing: Doing) -> dict[str, Any]:
    reads = {f"{room}.{name}" for room, names in READS.items() for name in names}
    changing = use_cases(doing.services) - reads - NOT_NOTED.keys()
    return {name: getattr(doing, name.replace(".", "_"), None) for name in sorted(changing)}


# Which entry it must leave, by whom. A new use case stands here or among `READS`.
LEAVES = {
    "accounts.connect": (EVA, "reconnected"),
    "accounts.disconnect": (EVA, "disconnected"),
    "approvals.decide": (BEN, "approved"),
    "brakes.pull": (DANA, "pulled"),
    "brakes.release": (BEN, "released"),
    "digest_plans.plan": (ANA, "planned a digest"),
    "digest_plans.stop": (ANA, "stopped a digest"),
    "campaign_roles.grant": (EVA, "campaign roles"),
    "comments.follow": (CHIDI, "commented"),
    "drafting.submit": (ANA, "wrote and asked"),
    "drafting.use_suggestion": (ANA, "used a suggestion and asked"),
    "installations.access_revoked": (None, "uninstalled"),
    "installations.end": (None, "uninstalled"),
    "installations.kept": (EVA, "installed"),
    "installations.removed": (None, "uninstalled"),
    "installations.tokens_revoked": (None, "uninstalled"),
    "policies.check_step": (None, "group members"),
    "policies.remove": (EVA, "policy: campaign"),
    "policies.save": (EVA, "policy: campaign"),
    "reviews.set_time": (BEN, "list time"),
    "shared_channels.allow": (EVA, "allowed shared channel"),
    "shared_channels.may_post": (None, "channel is shared"),
    "suggestions.suggest": (BEN, "asked for changes"),
    "suggestions.take": (ANA, "used a suggestion and asked"),
    "user_groups.keep": (None, "group members"),
    "user_groups.set_roles": (EVA, "group roles"),
    "holds.settle": (BEN, "dropped"),
    "holds.settle_all": (BEN, "dropped"),
    "holds.settle_each": (BEN, "dropped"),
    "outcomes.is_live": (ANA, "said it is live"),
    "outcomes.is_not_live": (ANA, "said it isn't live"),
    "outcomes.retry": (ANA, "retried"),
    "outcomes.take_down": (ANA, "asked to take down"),
    "replying.send": (DANA, "wrote as a reply"),
    "replying.start": (DANA, "claimed"),
    "scheduling.cancel": (BEN, "cancelled"),
    "scheduling.reschedule": (BEN, "moved"),
    "scheduling.set_slots": (EVA, "posting times"),
    "setting_up.finish": (EVA, "changed the set-up"),
    "team.follow": (None, "roles"),
    "team.set_roles": (EVA, "roles"),
    "triage.claim": (DANA, "claimed"),
    "triage.dismiss": (DANA, "dismissed"),
    "triage.dismiss_list": (DANA, "dismissed"),
    "triage.is_negative": (DANA, "raised"),
    "triage.release": (DANA, "gave back"),
    "triage.reopen": (DANA, "reopened"),
    "triage.resolve": (DANA, "resolved"),
    "triage.route": (DANA, "routed"),
    "watches.add": (DANA, "watched"),
    "watches.remove": (DANA, "unwatched"),
    "watches.set_everything": (DANA, "changed the watch"),
}
SAYS = {  # what changed, from what to what
    "posting times": "the usual ones -> Mon, Tue at 9:00; Fri at 10:00",
    "planned a digest": f"in {SOCIAL}: none -> every Monday at 9:00 (Europe/Berlin)",
    "changed the set-up": "time zone: Europe/Berlin -> Europe/Paris",
    "policy: campaign": "nothing of its own -> any approver or admin; own card at once",
    "campaign roles": "Spring: none -> author",
    "group roles": "@care: author -> responder",
    "group members": f"@care: +{CHIDI}",
    "channel is shared": "T0MAPLE -> T0MAPLE, T0OAK",
    "list time": "9:00 -> 10:00",
}
LAST = ("installations.", "team.follow")  # after them, less can be done


async def test_every_use_case_that_changes_something_leaves_an_entry(stage: Stage) -> None:
    services, team = stage.services, stage.bot.team_id
    async with services.database.reading() as tx:
        [account] = await accounts.of_workspace(tx, team)
    doing = Doing(services, team, account.id)
    todo = drivers(doing)
    assert todo.keys() == LEAVES.keys()
    said: list[tuple[str, str]] = []
    for name, do in sorted(todo.items(), key=lambda one: one[0].startswith(LAST)):
        before = await record_of(services, team)
        await do()
        new = (await record_of(services, team))[len(before) :]
        assert LEAVES[name] in [(one.actor_id, one.action) for one in new], name
        # A reply that goes out meanwhile is its author's first answer, and comes from nowhere; who
        # installs the app does it on Slack's own page.
        from_nowhere = "answered", "resolved", "installed"
        by_hand = [one for one in new if one.actor_id and one.action not in from_nowhere]
        assert {one.origin for one in by_hand} <= {ORIGIN}, name
        about_posts = [
            one for one in new if one.action in ("approved", "moved", "wrote as a reply")
        ]
        assert all(one.revision_id for one in about_posts), name
        said += [(one.action, one.detail) for one in new]
    for action, detail in SAYS.items():
        assert any(action == did and detail in what for did, what in said), action
    brand = next(person for person in PEOPLE if person.handle == BRAND)
    assert not any(brand.password in what for _, what in said)
    assert await verify(services.database, print)


async def record_of(services: Services, team: str) -> list[HistoryEntry]:
    async with services.database.reading() as tx:
        return list(reversed(await history.newest(tx, team, 10_000)))


def test_what_only_reads_opens_no_transaction_that_writes(stage: Stage) -> None:
    """So that nothing can hide among `READS`."""
    for room, names in READS.items():
        for name in names:
            source = inspect.getsource(getattr(type(getattr(stage.services, room)), name))
            assert ".transaction()" not in source, f"{room}.{name}"
            assert ".surely(" not in source, f"{room}.{name}"


async def test_the_record_says_from_where_and_is_read_page_by_page(stage: Stage) -> None:
    """Ana writes in a form, Ben presses on the card, Dana pauses with a command; Eva reads it."""
    await stage.command(ANA, "/social draft")
    form = await stage.modal(ANA, "draft")
    await stage.submit(form, text="Harvest <!channel> time", when="As soon as it's approved")
    card = await stage.message(APPROVALS, "Harvest")
    await stage.press(BEN, card, "Approve")
    card = await stage.message(APPROVALS, "Published")
    await stage.press(CHIDI, card, "post_menu", "The whole record")
    shown = text_of(await stage.modal(CHIDI, "The post's record"))
    assert "approved it\n" in shown
    assert f"from a card in <#{APPROVALS}>" in shown
    assert "from the form “" in shown
    assert "*Socialdesk* published" in shown
    for number in range(14):
        await stage.services.watches.add(Person(stage.bot.team_id, DANA), f"kettle {number}")
    await stage.command(EVA, "/social record")
    first = await stage.modal(EVA, "The record")
    assert "kettle 13" in text_of(first)
    assert "Harvest" not in text_of(first)
    await stage.press(EVA, first, "Older")
    second = await stage.modal(EVA, "Harvest")
    assert "Harvest <!channel>" not in text_of(second)
    await stage.press(EVA, second, "record_person", BEN)
    his = text_of(await stage.modal(EVA, "Of everybody"))
    assert "*Ben" in his
    assert "*Ana" not in his
    await stage.press(EVA, await stage.modal(EVA), "Of everybody")
    assert "kettle 13" in text_of(await stage.modal(EVA, "kettle 13"))


async def test_only_admins_read_the_workspaces_record(stage: Stage) -> None:
    for user_id in (ANA, BEN, DANA):
        with pytest.raises(NotAllowed, match="you need the role admin"):
            await stage.services.record.of_workspace(Person(stage.bot.team_id, user_id))


async def test_another_workspaces_post_is_not_on_the_record_here(stage: Stage) -> None:
    async with stage.services.database.transaction() as tx:
        await workspaces.ensure(tx, "TOTHER", "Other", datetime.now(UTC))
        await history.note(tx, "TOTHER", "theirs", None, "published", datetime.now(UTC))
    eva = Person(stage.bot.team_id, EVA)
    assert not (await stage.services.record.of_post(eva, "theirs")).entries
    everything = await stage.services.record.of_workspace(eva)
    assert "theirs" not in {one.subject_id for one in everything.entries}
