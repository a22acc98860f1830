"""A workspace with people of each kind and something of everything, and whoever presses on it: what
`expected_roles.py` says of each registered id, as Slack would send it."""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest

from bot.composing import PostForm
from bot.playground.payloads import channel_object, user_object
from bot.playground.records import User
from bot.playground.seed import ANA, BEN, DANA, EVA, SOCIAL, TEAM
from bot.team import Person
from handlers.draft_fields import DraftFields
from handlers.ids import COMMAND, Act, Shortcut
from handlers.payloads import profile_of
from storage import accounts, campaigns, deliveries, mentions, suggestions, workspaces
from storage.records import (
    Campaign,
    Member,
    Mention,
    Role,
    Urgency,
    Verdict,
    When,
)
from tests.handlers.expected_roles import Line
from tests.handlers.stage import Stage, text_of
from tests.unit.said import a_mention

VIEWER, NOBODY, GUEST, LEFT, STRANGER = (
    f"U0{name}0001" for name in ("VIEWER", "NOBODY", "GUEST", "LEFT", "STRANGER")
)
ELSEWHERE = "T0OTHER0001"

ROLES: Mapping[str, frozenset[Role]] = {
    EVA: frozenset({Role.ADMIN}),
    BEN: frozenset({Role.APPROVER}),
    ANA: frozenset({Role.AUTHOR}),
    DANA: frozenset({Role.RESPONDER}),
    VIEWER: frozenset({Role.VIEWER}),
    **dict.fromkeys((NOBODY, GUEST, LEFT, STRANGER), frozenset()),
}
CONFIDENTIAL = "Zanzibar"  # in everything that people and networks wrote here


@dataclass(frozen=True, slots=True)
class Cast:
    stage: Stage
    folder: Path
    ids: Mapping[str, str]
    acknowledged: list[str] = field(default_factory=list)

    def filled(self, template: str, who: str) -> str:
        for name, value in {**self.ids, "draft": f"draft-{who}"}.items():
            template = template.replace("{" + name + "}", value)
        return template

    async def do(self, registered: str, line: Line, people: Iterable[str]) -> dict[str, str]:
        """Each of them does it at the same time; what each is shown."""
        people = list(people)
        before = {who: self._seen(who) for who in people}
        acked = await asyncio.gather(*(self._send(registered, line, who) for who in people))
        await self.stage.settled()
        shown = {}
        for who, answer in zip(people, acked, strict=True):
            new = [text for text in self._seen(who) if text not in before[who]]
            shown[who] = "\n".join([answer, *new])
            self.stage.slack.workspace.views.clear(who)
        return shown

    def _seen(self, who: str) -> list[str]:
        slack = self.stage.slack.workspace
        places = [slack.im_with_app(who).id, SOCIAL]
        told = [
            f"{m.ts} {text_of(m)}"
            for place in places
            for m in self.stage.messages(place, who)
            if m.ephemeral_to == who or place != SOCIAL
        ]
        views = [*slack.views.stack(who), *filter(None, [slack.views.home(who)])]
        return told + [f"{view.id} {view.hash} {text_of(view)}" for view in views]

    async def _send(self, registered: str, line: Line, who: str) -> str:
        body = await self._body(registered, line, who)
        request = AsyncBoltRequest(body=body, mode="socket_mode")
        answer = await self.stage.bot.desk.app.async_dispatch(request)
        assert answer.status == 200, (registered, answer.body)
        self.acknowledged.append(answer.body or "")
        return answer.body or ""

    async def _body(self, registered: str, line: Line, who: str) -> dict[str, Any]:
        slack = self.stage.slack.workspace
        team = slack.user(who).team_id or slack.team.id
        common = {
            "team": {"id": slack.team.id, "domain": slack.team.domain},
            "user": {"id": who, "team_id": team},
            "trigger_id": slack.grants.new_trigger(who).id,
        }
        if registered.startswith(COMMAND):
            words = f"{registered.removeprefix(COMMAND).strip()} {line.words}".strip()
            named = {"team_id": team, "user_id": who, "channel_id": SOCIAL, "text": words}
            return {**common, **named, "command": COMMAND, "user": who}
        if line.event is not None or registered in ("user_change",):
            about: Any = user_object(slack, slack.user(who)) if line.event is None else who
            event = {"type": registered, "user": about, **(line.event or {})}
            return {
                "type": "event_callback",
                "team_id": slack.team.id,
                "event_id": f"Ev{registered}{who}",
                "event": event,
            }
        channel = channel_object(slack, slack.channel(SOCIAL))
        if registered in set(Shortcut):
            message = {"text": "Something that was said", "ts": "1.1", "user": ANA}
            kind = {"type": "message_action", "callback_id": registered}
            return {**common, **kind, "channel": channel, "message": message}
        if registered in set(Act) and line.metadata is None:
            return {**common, **self._pressed(registered, line, who), "channel": channel}
        view = await self._view(registered, line, who)
        if registered in set(Act):
            return {**common, **self._pressed(registered, line, who), "view": view}
        kind = "view_closed" if registered.endswith(" closed") else "view_submission"
        return {**common, "type": kind, "view": view}

    def _pressed(self, registered: str, line: Line, who: str) -> dict[str, Any]:
        value = self.filled(line.value, who)
        action = {"action_id": registered, "block_id": "b", "value": value}
        action |= {"type": "button", "action_ts": str(time.time()), **line.action}
        return {"type": "block_actions", "actions": [action]}

    async def _view(self, registered: str, line: Line, who: str) -> dict[str, Any]:
        """A view that the person has open, with what the line says in it."""
        client = await self.stage.bot.desk.clients.of(TEAM.id)
        opened = await client.views_open(
            trigger_id=self.stage.slack.workspace.grants.new_trigger(who).id,
            view={
                "type": "modal",
                "callback_id": registered.removesuffix(" closed"),
                "title": {"type": "plain_text", "text": "A form"},
                "blocks": [{"type": "divider"}],
            },
        )
        filled = json.loads(self.filled(json.dumps(line.state), who))
        state = {block: {"an_action": element} for block, element in filled.items()}
        return {
            **opened["view"],
            "private_metadata": self.filled(line.metadata or "", who),
            "state": {"values": state},
        }


async def furnished(stage: Stage, folder: Path, said: str = CONFIDENTIAL) -> Cast:
    """People of each kind, and something of everything to press on; all of it says ``said``."""
    slack, services, team = stage.slack.workspace, stage.services, stage.bot.team_id
    ana, eva, dana, ben = (Person(team, who) for who in (ANA, EVA, DANA, BEN))
    slack.put_user(User(VIEWER, "vera", "Vera"))
    slack.put_user(User(NOBODY, "noor", "Noor"))
    slack.put_user(User(GUEST, "gil", "Gil", is_restricted=True))
    slack.put_user(User(LEFT, "lee", "Lee"))
    slack.put_user(User(STRANGER, "sam", "Sam", is_stranger=True, team_id=ELSEWHERE))
    async with services.database.transaction() as tx:
        for who, role in ((VIEWER, Role.VIEWER), (LEFT, Role.ADMIN)):
            await workspaces.save_member(tx, Member(team, who, who, "UTC", frozenset({role})))
        [account] = await accounts.of_workspace(tx, team)
    gone = replace(slack.user(LEFT), deleted=True)
    await stage.bot.desk.app.async_dispatch(
        AsyncBoltRequest(
            body={
                "type": "event_callback",
                "team_id": team,
                "event_id": "EvLEFT",
                "event": {"type": "user_change", "user": user_object(slack, gone)},
            },
            mode="socket_mode",
        )
    )
    await stage.settled()
    await _clients(stage)
    form = PostForm(f"The {said[:200]} plan", (account.id,), new_campaign=said[:60])
    post = (await services.drafting.submit(ana, form)).post
    later = PostForm(form.text, form.account_ids, when=When.AT, at=_now() + timedelta(days=3))
    other = (await services.drafting.submit(ana, later)).post
    await services.approvals.decide(
        ben, other.id, Verdict.APPROVED, revision_id=other.revision_id, version=other.version
    )
    better = PostForm(f"Also about {said[:200]}", (account.id,))
    third = (await services.drafting.submit(ana, better)).post
    await services.suggestions.suggest(
        ben, third.id, third.revision_id, {"text:sandbox": f"More of {said[:150]}"}, said[:900]
    )
    kept = DraftFields(form.text, form.account_ids).to_json()
    for writer in (ana, ben, eva):
        await services.drafting.keep(writer, f"draft-{writer.user_id}", kept, None)
    watch = (await services.watches.add(dana, CONFIDENTIAL)).watch
    brake = (await services.brakes.pull(eva, f"The {said} crisis")).brake
    async with services.database.transaction() as tx:
        await mentions.insert(tx, _mention(team, account.id, said))
        [delivery] = await deliveries.of_post(tx, other.id)
        suggestion = await suggestions.newest(tx, third.id)
        assert suggestion is not None
    await quiet(stage)
    ids = {
        "post": post.id,
        "revision": post.revision_id,
        "delivery": delivery.id,
        "account": account.id,
        "mention": "mention1",
        "watch": watch.id,
        "brake": brake.id,
        "plan": "plan1",
        "campaign": post.campaign_id or "",
        "suggestion": suggestion.id,
        "suggested": third.id,
    }
    return Cast(stage, folder, ids)


async def _clients(stage: Stage) -> None:
    """The guest and the stranger decide in a campaign that none of the posts here is of."""
    services, team = stage.services, stage.bot.team_id
    async with services.database.transaction() as tx:
        await campaigns.insert_new(tx, Campaign("elsewhere", team, "Another one", EVA, _now()))
    slack = stage.slack.workspace
    for who in (GUEST, STRANGER):
        client = profile_of(user_object(slack, slack.user(who)), team)
        await services.campaign_roles.grant(
            Person(team, EVA), "elsewhere", client, frozenset({Role.APPROVER})
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _mention(team: str, account_id: str, said: str) -> Mention:
    return a_mention(
        team,
        _now(),
        id="mention1",
        source=account_id,
        account_id=account_id,
        author="@angry",
        author_name=f"Angry of {said[:200]}",
        text=f"{said} is broken",
        reply_to={"id": "remote1"},
        urgency=Urgency.NONE,
    )


async def quiet(stage: Stage) -> None:
    """Wait until all that is owed was sent: from here on only people change anything."""
    async with asyncio.timeout(30):
        while True:
            async with stage.services.database.reading() as tx:
                found = await tx.connection.exec_driver_sql(
                    "SELECT count(*) FROM notices WHERE state != 'sent'"
                )
            if found.scalar_one() == 0:
                return
            await asyncio.sleep(0.1)
