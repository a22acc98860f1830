"""Hostile text stays text, on every card and in every view: from a network, a feed, a colleague.

A workspace in which everything that anybody ever wrote is hostile; everything registered is done
by who may, every card is owed; the playground's Slack refuses what Slack refuses, and all that it
was sent is looked through.
"""

import ast
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.comments import ThreadMessage
from bot.composing import PostForm
from bot.playground.payloads import user_object
from bot.playground.records import Team
from bot.playground.seed import ALERTS, ANA, APPROVALS, BEN, CARE, DANA, EVA, GENERAL, SOCIAL
from bot.policy_settings import LONGEST_STEP, Rules
from bot.team import Person
from handlers.payloads import profile_of
from storage import history, mentions, notices, posts, user_groups
from storage.records import Card, Role, Scope, Step, Urgency, UserGroup, Verdict
from tests.handlers.cast import GUEST, Cast, furnished, quiet
from tests.handlers.stage import Stage, staged
from tests.handlers.test_role_matrix import WAYS, may
from tests.servers.eventually import eventually

HOSTILE = (
    "<!channel> <!here> <@U0HOSTILE1> <#C0HOSTILE1> <https://evil.example|good.example> "
    "<!subteam^S0CARE00001> <!date^1^{date}|now> &lt;!channel&gt; *b* _i_ ~s~ `c` ```d``` > q\n> r "
    "\u202egnp.exe\u202c zero\u200bwidth \u2066iso\u2069 \ufeff\u00ad \x07\x1b[31m "
    "🎉👩\u200d👩\u200d👧 e\u0301\u0327\u0338 :tada: "
)
LONG = (HOSTILE + "🎉" * 300 + "&<>" * 300 + "\u202e" * 200 + "word " * 300)[:2_900]
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\ufeff\u00ad\x00-\x08\x0b-\x1f\x7f]")
CONTROL = re.compile(r"<([^<>]*)>")
OURS = re.compile(
    r"!date\^\d{6,}\^[^|]*\|[^|]*|@[UW]0(?:ANA|BEN|CHIDI|DANA|EVA|VIEWER)\w*|#C0(?!HOSTILE)\w+"
    r"|https?://(?!evil)[^|]*(?:\|[^<>]*)?"
)
NOT_MARKED_UP = ("plain_text", "text")  # the second is an element of rich text
# Cards that something else here shows by the same function.
SHOWN_ELSEWHERE = {Card.DIGEST: "`/social digest`"}

Place = Callable[[Cast], tuple[str, str]]
CARDS: dict[Card, Place] = {
    Card.APPROVAL: lambda cast: (cast.ids["post"], APPROVALS),
    Card.APPROVAL_REST: lambda cast: (cast.ids["post"], APPROVALS),
    Card.APPROVAL_REST_2: lambda cast: (cast.ids["post"], APPROVALS),
    Card.TROUBLE: lambda cast: (cast.ids["failed"], ANA),
    Card.MENTION: lambda cast: (cast.ids["mention"], ALERTS),
    Card.ROUTED: lambda cast: (cast.ids["mention"], CARE),
    Card.WROTE_AGAIN: lambda cast: ("mention2", ALERTS),
    Card.DOUBTFUL: lambda cast: ("list1", ALERTS),
    Card.HELD: lambda cast: (cast.ids["hold"], APPROVALS),
    Card.BRAKE: lambda cast: (cast.ids["brake"], APPROVALS),
    Card.DEAD_CHANNEL: lambda cast: (SOCIAL, EVA),
    Card.CHANGED: lambda cast: (cast.ids["changed"], APPROVALS),
    Card.SUGGESTED: lambda cast: (cast.ids["suggestion"], APPROVALS),
    Card.REVIEW: lambda cast: (BEN, BEN),
    Card.INBOX: lambda cast: (ANA, ANA),
    Card.LEFT: lambda cast: (ANA, EVA),
}
# Cards that take the place of another one that stands, which is sent anew.
BEFORE = {
    Card.REVIEW: Card.REVIEW_BEFORE,
    Card.INBOX: Card.INBOX_BEFORE,
    Card.TROUBLE: Card.TROUBLE_BEFORE,
}


def test_every_card_is_shown_here() -> None:
    assert {*CARDS, *BEFORE.values(), *SHOWN_ELSEWHERE} == set(Card)


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    record = {"PLAYGROUND_RECORD": str(tmp_path / "calls.jsonl")}
    async with staged(tmp_path, poll_seconds=3600, environment=record) as stage:
        made = await furnished(stage, tmp_path, LONG)
        worse = replace(made, ids={**made.ids, **await _worse(stage, made)})
        await _discussed(stage, worse)
        await _governed(stage, worse)
        yield worse


async def _worse(stage: Stage, cast: Cast) -> dict[str, str]:
    """A post that failed and one that is held; and all names are hostile too."""
    services, team = stage.services, stage.bot.team_id
    ana, ben = Person(team, ANA), Person(team, BEN)
    form = {"account_ids": (cast.ids["account"],), "text": LONG[:250]}
    passes = (await services.drafting.submit(ana, _form(**form))).post
    made = []
    for _ in range(2):
        post = (await services.drafting.submit(ana, _form(**form))).post
        await services.approvals.decide(
            ben, post.id, Verdict.APPROVED, revision_id=post.revision_id, version=post.version
        )
        made.append(post.id)
    changed = (await services.drafting.submit(ana, _form(**form))).post
    await services.approvals.decide(
        ben, changed.id, Verdict.CHANGES_REQUESTED, revision_id=changed.revision_id, comment=LONG
    )
    edited = _form(account_ids=form["account_ids"], text=LONG[50:300])
    newer = await services.drafting.submit(
        ana, edited, post_id=changed.id, revision_id=changed.revision_id
    )
    await stage.settled()

    async def holds() -> str | None:
        async with services.database.reading() as tx:
            found = await tx.connection.exec_driver_sql("SELECT id FROM holds")
            return found.scalar()

    hold = await _once(holds)
    async with services.database.transaction() as tx:
        known = await mentions.get(tx, team, cast.ids["mention"])
        assert known is not None
        again = replace(known, id="mention2", remote_id="remote2", continues=known.id)
        await mentions.insert(tx, again)
        doubtful = replace(known, id="mention3", remote_id="remote3", listed_in="list1")
        await mentions.insert(tx, doubtful)
        for statement in (
            "UPDATE accounts SET handle = ?, name = ?, problem = ?",
            "UPDATE members SET name = ?, zone = zone WHERE ? = ? OR 1",
            "UPDATE deliveries SET problem = ? WHERE ? = ? OR 1",
            "UPDATE campaigns SET name = substr(id, 1, 4) || ? WHERE ? = ? OR 1",
            "UPDATE watches SET title = ?, problem = ? WHERE ? != ''",
        ):
            await tx.connection.exec_driver_sql(statement, (LONG[:255], LONG[:255], LONG[:255]))
        await tx.connection.exec_driver_sql(
            "UPDATE posts SET state = 'failed' WHERE id = ?", (made[0],)
        )
        await tx.connection.exec_driver_sql(
            "UPDATE deliveries SET state = 'failed' WHERE post_id = ?", (made[0],)
        )
    return {"failed": made[0], "hold": hold, "changed": newer.post.revision_id, "passes": passes.id}


async def _discussed(stage: Stage, cast: Cast) -> None:
    """Comments in the thread of a card whose post is due soon; another one's time has passed."""
    services, team, now = stage.services, stage.bot.team_id, stage.services.clock.now()
    await quiet(stage)
    async with services.database.transaction() as tx:
        for name, until in (("post", timedelta(hours=1)), ("passes", -timedelta(hours=1))):
            post = await posts.get(tx, team, cast.ids[name])
            assert post is not None
            assert await posts.change(tx, post, now, due_at=now + until)
        card = await notices.of_card(tx, team, Card.APPROVAL, cast.ids["post"])
    assert card is not None
    assert card.channel is not None
    assert card.ts is not None
    for number, who in enumerate((BEN, GUEST)):
        said = ThreadMessage(card.channel, card.ts, f"{number}.5", LONG, now)
        await services.comments.follow(Person(team, who, origin=f"{HOSTILE} in #C1"), said)


async def _governed(stage: Stage, cast: Cast) -> None:
    """Policies, user groups, roles in a campaign, a team that sees a channel, and the record."""
    services, team, now = stage.services, stage.bot.team_id, stage.services.clock.now()
    slack, eva = stage.slack, Person(team, EVA)
    dana = profile_of(user_object(slack.workspace, slack.workspace.user(DANA)), team)
    campaign, roles = cast.ids["campaign"], frozenset({Role.AUTHOR})
    await services.campaign_roles.grant(eva, campaign, replace(dana, name=LONG[:255]), roles)
    ana = profile_of(user_object(slack.workspace, slack.workspace.user(ANA)), team)
    await services.team.set_roles(eva, ana, frozenset({Role.AUTHOR, Role.RESPONDER}))
    for known in list(slack.workspace.user_groups.values()):
        slack.people.change_group(replace(known, name=LONG[:255]))
    async with services.database.transaction() as tx:
        members, gives = (BEN, DANA), frozenset({Role.RESPONDER})
        group = UserGroup(team, "S0LEGAL0001", LONG[:255], LONG[:255], members, gives, now)
        await user_groups.save(tx, group)
        await history.note(tx, team, cast.ids["post"], GUEST, "commented", now, LONG)
        known = await mentions.get(tx, team, cast.ids["mention"])
        assert known is not None
        late = replace(known, id="mention4", remote_id="remote4", answer_due_at=now)
        await mentions.insert(tx, replace(late, urgency=Urgency.ALERT, route=LONG[:100]))
    by_name = Step(LONG[:LONGEST_STEP], 1, (BEN, EVA), None, DANA)
    by_group = Step("", 1, (), "S0LEGAL0001", EVA)
    for scope, place in ((Scope.WORKSPACE, ""), (Scope.CAMPAIGN, campaign)):
        rules = Rules((by_name, by_group), author_counts=False, replies=True, own_card=True)
        await services.policies.save(eva, scope, place, rules)
    slack.people.share_channel(GENERAL, Team("T0OTHER0001", LONG[:255], "other"))
    await stage.settled()


def _form(**fields: Any) -> Any:
    return PostForm(**fields)


async def _once(look: Callable[[], Awaitable[str | None]]) -> str:
    found = await eventually(look)
    assert found is not None
    return found


def texts(part: Any, kind: str = "mrkdwn") -> Iterator[tuple[str, str]]:
    """(kind, text) of everything that Slack would show; what a person typed is theirs to see."""
    if isinstance(part, dict):
        kind = str(part.get("type", kind)) if "text" in part else kind
        for key, value in part.items():
            if key in ("initial_value", "private_metadata", "value", "url", "metadata", "state"):
                continue
            if isinstance(value, str) and key in ("text", "alt_text", "alt_txt"):
                plain = kind in NOT_MARKED_UP or key != "text"
                yield ("plain" if plain else "mrkdwn", value)
            else:
                yield from texts(value)
    elif isinstance(part, list):
        for one in part:
            yield from texts(one)


def harm_in(kind: str, text: str) -> Iterator[str]:
    """What Slack would make of a text that isn't ours, or what a reader couldn't see."""
    if HIDDEN.search(text):
        yield f"hidden signs ({kind}): {text!r}"
    if kind == "mrkdwn":
        for control in CONTROL.findall(text):
            if not OURS.fullmatch(control):
                yield f"<{control}> in {text!r}"


def calls(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]


async def test_hostile_text_does_nothing_on_any_card_or_view(cast: Cast) -> None:
    stage = cast.stage
    async with stage.services.database.transaction() as tx:
        for card, place in CARDS.items():
            subject, destination = place(cast)
            now = stage.services.clock.now()
            await notices.owe(tx, stage.bot.team_id, card, subject, destination, now)
    stage.services.clock.alarm("notices").ring()
    await quiet(stage)
    async with stage.services.database.transaction() as tx:
        for card, before in BEFORE.items():
            subject, destination = CARDS[card](cast)
            again = stage.bot.team_id, card, subject
            await notices.start_anew(tx, *again, before, now)
            await notices.owe(tx, *again, destination, now)
    stage.services.clock.alarm("notices").ring()
    await quiet(stage)
    for registered, line in WAYS:
        people = [who for who in (ANA, BEN, EVA, DANA) if may(who, line.needs)]
        for who, shown in (await cast.do(registered, line, people)).items():
            assert "Something went wrong on our side" not in shown, f"{registered} by {who}"
    await quiet(stage)
    shown: list[tuple[str, str]] = []
    for call in calls(cast.folder):
        assert call["answer"].get("error") in (None, *EXPECTED_OF_SLACK), call
        shown += texts(_shown_by(call["arguments"]))
    for acknowledged in cast.acknowledged:
        shown += texts(json.loads(acknowledged) if acknowledged[:1] == "{" else {})
    assert len(shown) > 1_000
    assert any("negative mention is overdue" in text for _, text in shown)
    harms = [harm for kind, text in dict.fromkeys(shown) for harm in harm_in(kind, text)]
    assert not harms, "\n".join(harms)


EXPECTED_OF_SLACK = ("not_found", "hash_conflict", "expired_trigger_id", "exchanged_trigger_id")


def _shown_by(arguments: dict[str, Any]) -> Any:
    return {
        key: json.loads(value) if isinstance(value, str) and key in ("blocks", "view") else value
        for key, value in arguments.items()
        if key in ("blocks", "view", "text")
    }


async def test_nothing_is_posted_with_unfurls(cast: Cast) -> None:
    posted = [
        call["arguments"] for call in calls(cast.folder) if call["method"] == "chat.postMessage"
    ]
    assert posted
    for arguments in posted:
        off = [arguments.get("unfurl_links"), arguments.get("unfurl_media")]
        assert [str(value).lower() for value in off] in (["false"] * 2, ["0"] * 2), arguments


def test_no_call_in_the_source_posts_with_unfurls() -> None:
    """`chat.postEphemeral` and `chat.update` have no unfurls; these two have."""
    found = 0
    for path in (Path(__file__).parents[2] / "handlers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if not named or node.func.attr not in ("chat_postMessage", "send"):
                continue
            if node.func.attr == "send" and "Webhook" not in ast.unparse(node.func):
                continue
            given = {one.arg: ast.unparse(one.value) for one in node.keywords}
            assert (given["unfurl_links"], given["unfurl_media"]) == ("False", "False"), path
            found += 1
    assert found >= 4


async def test_what_no_database_takes_is_cleaned_on_the_way_in(stage: Stage) -> None:
    """Half a surrogate pair and NUL in a reason: kept, with � in their places."""
    body = {
        **{"command": "/social", "text": "pause a\x00b\ud83dc \ud83d\ude00", "user_id": EVA},
        **{"team_id": stage.bot.team_id, "channel_id": SOCIAL, "trigger_id": "1"},
    }
    request = AsyncBoltRequest(body=body, mode="socket_mode")
    assert (await stage.bot.desk.app.async_dispatch(request)).status == 200
    await stage.settled()
    standing = await stage.services.brakes.standing(stage.bot.team_id)
    reasons = [shown.brake.reason for shown in standing]
    assert any(reason.startswith("a�b�c") for reason in reasons), reasons
