"""Which role each registered id needs, and the smallest payload that reaches its feature.

A new command, button, menu, form, shortcut or event needs one line here: `tests/handlers/
test_role_matrix.py` fails until it has one. ``needs`` is the `Action` that its use case begins
with; None means that anybody may, and ``because`` says why that is no harm.

In values, metadata and words, ``{post}`` and the like stand for ids of things that are there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.playground.seed import ALERTS, APPROVALS, BEN, DANA, SOCIAL
from bot.team import Action
from handlers.ids import COMMAND, Act, Form, Shortcut

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """:param value: what a button or option carries.
    :param metadata: of the view that it stands in; None: it stands on a message.
    :param state: of that view: block id -> element.
    :param action: what else Slack tells of what was pressed.
    :param words: behind a command.
    :param event: what happened.
    """

    needs: Action | None
    because: str = ""
    value: str = ""
    metadata: str | None = None
    state: Mapping[str, Json] = field(default_factory=dict)
    action: Json = field(default_factory=dict)
    words: str = ""
    event: Json | None = None


def ids(**values: str) -> str:
    return json.dumps(values)


def text(value: str) -> Json:
    return {"type": "plain_text_input", "value": value}


def chosen(value: str) -> Json:
    return {"type": "static_select", "selected_option": {"value": value}}


def ticked(*values: str) -> Json:
    return {"type": "checkboxes", "selected_options": [{"value": value} for value in values]}


def channel(value: str) -> Json:
    return {"type": "channels_select", "selected_channel": value}


def person(value: str) -> Json:
    return {"type": "users_select", "selected_user": value}


def people(*values: str) -> Json:
    return {"type": "multi_users_select", "selected_users": list(values)}


LOOK, DRAFT, DECIDE = Action.LOOK, Action.DRAFT, Action.DECIDE
RESPOND, REPORT, CONFIGURE = Action.RESPOND, Action.REPORT, Action.CONFIGURE
NUMBERS, AUDIT = Action.NUMBERS, Action.AUDIT

_POST = ids(post="{post}")
_DECIDING = ids(post="{post}", revision="{revision}", version="1")
_DRAFT = ids(draft="{draft}")
_DRAFTED = {
    "text": text("x"),
    "accounts": ticked("{account}"),
    "when": chosen("now"),
}
_MOVING = {"when": chosen("next_free")}
_HELD = ids(do="now", post="{post}", revision="{revision}")
_ROUND = ids(
    **{"posts": "{post}", "said": ".", "at": "0", "page": "0", "post": "{post}"},
    **{"revision": "{revision}", "version": "1", "button": "Approve"},
)
_SUGGESTING = ids(post="{post}", revision="{revision}", verdict="changes_requested")


def _policy(at: int | None = None) -> str:
    """The form of the workspace's policy with one step, and the step that is open on top."""
    steps = [["Somebody", 1, [BEN], None, None]]
    where = {"scope": "workspace", "scope_id": ""}
    return json.dumps({**where, "who": "steps", "also": [], "steps": steps, "at": at})


_GRANTING = {
    "campaign": chosen("{campaign}"),
    "person": person(BEN),
    f"granted:{{campaign}}:{BEN}": ticked("author"),
}
_NEWS = "Slack's own news; what it is about is asked of Slack anew"
_NOTHING = "nothing happens and nothing is shown"

_COMMANDS: dict[str, Line] = {
    "help": Line(None, "names the commands, nothing else"),
    "draft": Line(DRAFT, words="A new post"),
    "queue": Line(LOOK),
    "slots": Line(DRAFT),
    "connect": Line(LOOK),
    "team": Line(LOOK),
    "held": Line(LOOK),
    "mentions": Line(LOOK),
    "watch": Line(RESPOND, words="Oak Coffee"),
    "digest": Line(NUMBERS),
    "pause": Line(Action.BRAKE, words="A mistake"),
    "resume": Line(Action.RELEASE),
    "settings": Line(CONFIGURE),
    "record": Line(AUDIT),
}

EXPECTED: dict[str, Line] = {
    **{f"{COMMAND} {name}": line for name, line in _COMMANDS.items()},
    # desk and Home
    Act.OPEN_DRAFT: Line(DRAFT),
    Act.OPEN_QUEUE: Line(LOOK),
    Act.OPEN_MENTIONS: Line(LOOK),
    Act.OPEN_DIGEST: Line(NUMBERS),
    Act.OPEN_CONNECT: Line(LOOK),
    Act.OPEN_SLOTS: Line(DRAFT),
    Act.OPEN_TEAM: Line(LOOK),
    Act.OPEN_SETUP: Line(CONFIGURE),
    Act.CONTINUE_DRAFT: Line(DRAFT, value="{draft}"),
    Act.DROP_DRAFT: Line(DRAFT, value="{draft}"),
    # the draft form
    **{
        act: Line(DRAFT, metadata=_DRAFT, state=_DRAFTED)
        for act in (
            *(Act.DRAFT_TEXT, Act.DRAFT_ACCOUNTS, Act.DRAFT_LINK, Act.DRAFT_WHEN, Act.DRAFT_AT),
            *(Act.DRAFT_WORDS, Act.DRAFT_TAILOR, Act.DRAFT_CHECK, Act.DRAFT_ANEW),
            Act.DRAFT_CAMPAIGN,
            *(Act.TAILOR_TEXT, Act.TAILOR_ALT, Act.TAILOR_CHECK),
        )
    },
    Form.DRAFT: Line(DRAFT, metadata=_DRAFT, state=_DRAFTED),
    Form.TAILOR: Line(DRAFT, metadata=_DRAFT, state=_DRAFTED),
    f"{Form.DRAFT} closed": Line(DRAFT, metadata=_DRAFT),
    f"{Form.TAILOR} closed": Line(DRAFT, metadata=_DRAFT),
    Shortcut.MAKE_POST: Line(DRAFT),
    # the approval card, the queue
    Act.APPROVE: Line(DECIDE, value=_DECIDING),
    Act.REQUEST_CHANGES: Line(
        None, "opens an empty form, whose submission needs the role", value=_DECIDING
    ),
    Act.POST_MENU: Line(DRAFT, value=ids(do="cancel", post="{post}")),
    Act.EDIT_POST: Line(DRAFT, value=_POST),
    Act.TAKE_DOWN: Line(DRAFT, value=_POST),
    Act.RETRY: Line(DRAFT, value=_POST),
    Act.IS_LIVE: Line(DRAFT, value=ids(delivery="{delivery}")),
    Act.IS_NOT_LIVE: Line(DRAFT, value=ids(delivery="{delivery}")),
    Act.OPEN_LINK: Line(None, _NOTHING),
    Act.QUEUE_MENU: Line(DRAFT, value=ids(do="cancel", post="{post}")),
    Form.COMMENT: Line(
        DECIDE,
        metadata=ids(post="{post}", revision="{revision}", verdict="rejected"),
        state={"comment": text("No")},
    ),
    Form.LIVE_LINK: Line(
        DRAFT, metadata=ids(delivery="{delivery}"), state={"link": text("https://a.example/1")}
    ),
    **{act: Line(DRAFT, metadata=_POST, state=_MOVING) for act in (Act.WHEN, Act.AT, Act.WORDS)},
    Form.RESCHEDULE: Line(DRAFT, metadata=_POST, state=_MOVING),
    # another text
    Act.SUGGEST: Line(
        DECIDE, metadata=_SUGGESTING, state={"comment": text("What was typed already")}
    ),
    Act.USE_SUGGESTION: Line(DRAFT, value=ids(suggestion="{suggestion}")),
    Form.SUGGEST: Line(
        DECIDE,
        metadata=_SUGGESTING,
        state={"text:sandbox": text("Another text"), "comment": text("")},
    ),
    # many at once, a post by itself
    Act.OPEN_POST: Line(LOOK, value="{post}"),
    Act.NEXT_FREE: Line(DRAFT, value=ids(post="{post}", version="1")),
    Act.OPEN_REVIEW: Line(DECIDE),
    **{
        act: Line(DECIDE, metadata=_ROUND)
        for act in (Act.REVIEW_CHANGES, Act.REVIEW_REJECT, Act.REVIEW_BACK)
    },
    Act.REVIEW_SKIP: Line(
        None,
        "goes on in one's own round; the next post is shown to whom it waits for",
        metadata=_ROUND,
    ),
    Act.REVIEW_TIME: Line(DECIDE, metadata="", action={"selected_time": "08:15"}),
    Act.REVIEW_NEVER: Line(DECIDE, metadata=""),
    Act.REVIEW_DAILY: Line(DECIDE, metadata="", value="540"),
    Form.REVIEW: Line(DECIDE, metadata=_ROUND),
    # who must approve
    Act.OPEN_SETTINGS: Line(CONFIGURE),
    Act.POLICY_PLACE: Line(CONFIGURE, metadata="", value=ids(scope="campaign", id="{campaign}")),
    Act.POLICY_MENU: Line(CONFIGURE, metadata="", value=ids(do="change", scope="workspace", id="")),
    Act.POLICY_WHO: Line(CONFIGURE, metadata=_policy(), state={"who": chosen("nobody")}),
    Act.POLICY_BACK: Line(CONFIGURE, metadata=_policy()),
    Act.STEP_ADD: Line(CONFIGURE, metadata=_policy()),
    Act.STEP_MENU: Line(CONFIGURE, metadata=_policy(), value=ids(do="change", at="0")),
    Act.STEP_BACK: Line(CONFIGURE, metadata=_policy(0)),
    Form.STEP: Line(
        CONFIGURE,
        metadata=_policy(0),
        state={
            **{"name": text("Legal"), "needed": chosen("1"), "people": people(BEN)},
            **{"group": chosen("S0LEGAL0001"), "backup": person(DANA)},
        },
    ),
    Form.POLICY: Line(CONFIGURE, metadata=_policy(), state={"who": chosen("steps")}),
    # accounts
    Act.CONNECT_NETWORK: Line(LOOK, value="sandbox", metadata=""),
    Act.ACCOUNT_MENU: Line(LOOK, value=ids(do="disconnect", account="{account}"), metadata=""),
    Act.RECONNECT: Line(LOOK, value="{account}"),
    Act.SLOTS_ACCOUNT: Line(DRAFT, value="{account}", metadata=""),
    Form.CONNECT: Line(
        CONFIGURE,
        metadata=ids(network="sandbox"),
        state={
            "network": chosen("sandbox"),
            "sandbox:handle": text("acorn"),
            "sandbox:password": text("wrong"),
        },
    ),
    Form.DISCONNECT: Line(CONFIGURE, metadata=ids(account="{account}")),
    Form.SLOTS: Line(
        CONFIGURE,
        metadata=ids(account="{account}"),
        state={"days:{account}": ticked("1"), "times:{account}": text("9:00")},
    ),
    # set-up and team
    Form.SETUP: Line(
        CONFIGURE,
        metadata="",
        state={
            "mode": chosen("team"),
            "approvals": channel(APPROVALS),
            "alerts": channel(ALERTS),
            **{f"route:{name}": channel(ALERTS) for name in ("Care", "Content", "Product")},
            "words": text("Acorn Coffee"),
            "zone": chosen("Europe/Berlin"),
            "lateness": chosen("1800"),
        },
    ),
    Act.TEAM_PERSON: Line(LOOK, metadata="", state={"person": person(BEN)}),
    Form.TEAM: Line(
        CONFIGURE,
        metadata="",
        state={
            "person": person(BEN),
            f"roles:{BEN}": ticked("approver", "author"),
        },
    ),
    Act.TEAM_PREVIOUS: Line(LOOK, value="0", metadata=ids(page="1")),
    Act.TEAM_NEXT: Line(LOOK, value="1", metadata=ids(page="0")),
    Act.TEAM_GROUPS: Line(CONFIGURE, metadata=""),
    Act.GROUP_CHOSEN: Line(CONFIGURE, value="S0CARE00001", metadata=""),
    Form.GROUP: Line(
        CONFIGURE,
        metadata="",
        state={"group": chosen("S0CARE00001"), "roles:S0CARE00001": ticked("responder")},
    ),
    Act.TEAM_CAMPAIGNS: Line(CONFIGURE, metadata=""),
    Act.CAMPAIGN_CHOSEN: Line(CONFIGURE, metadata="", state=_GRANTING),
    Act.CAMPAIGN_PERSON: Line(CONFIGURE, metadata="", state=_GRANTING),
    Form.CAMPAIGN_GRANTS: Line(CONFIGURE, metadata="", state=_GRANTING),
    Act.ALLOW_SHARED: Line(CONFIGURE, value=ids(channel=SOCIAL, teams="T0OTHER0001")),
    # the record
    Act.RECORD_OLDER: Line(AUDIT, metadata="", value=ids(before="9")),
    Act.RECORD_NEWEST: Line(AUDIT, metadata="", value=ids()),
    Act.RECORD_EVERYBODY: Line(AUDIT, metadata="", value=ids()),
    Act.RECORD_PERSON: Line(AUDIT, metadata="", action={"selected_user": BEN}),
    # mentions
    Act.MENTION_REPLY: Line(RESPOND, value="{mention}"),
    Act.MENTION_ROUTE: Line(RESPOND, value=ids(mention="{mention}", team="Product")),
    Act.MENTION_MENU: Line(RESPOND, value=ids(do="resolve", mention="{mention}")),
    Act.REPLY_CHECK: Line(RESPOND, metadata=ids(mention="{mention}", reply="r1")),
    Act.REPLY_TEXT: Line(
        RESPOND, metadata=ids(mention="{mention}", reply="r1"), state={"text": text("Sorry!")}
    ),
    Act.REPLY_RESOLVES: Line(None, _NOTHING),
    Act.MENTIONS_MENU: Line(
        RESPOND, value=ids(do="dismiss", mention="{mention}"), metadata=ids(page="0")
    ),
    Act.MENTIONS_PREVIOUS: Line(LOOK, value="0", metadata=ids(page="1")),
    Act.MENTIONS_NEXT: Line(LOOK, value="1", metadata=ids(page="0")),
    Act.DOUBTFUL_MENU: Line(RESPOND, value=ids(do="dismiss", mention="{mention}")),
    Act.DOUBTFUL_DISMISS: Line(RESPOND, value="list1"),
    Form.REPLY: Line(
        RESPOND, metadata=ids(mention="{mention}", reply="r1"), state={"text": text("Sorry!")}
    ),
    Act.WATCH_MENU: Line(RESPOND, value=ids(do="remove", watch="{watch}"), metadata=""),
    Act.WATCH_TEXT: Line(None, _NOTHING),
    Form.WATCH: Line(RESPOND, metadata="", state={"watch": text("Beech Coffee")}),
    # digests
    Act.DIGEST_MENU: Line(REPORT, value="{plan}"),
    # the brake, what is held
    Act.OPEN_PAUSE: Line(Action.BRAKE),
    Act.OPEN_RESUME: Line(Action.RELEASE),
    Form.PAUSE: Line(
        Action.BRAKE,
        metadata="",
        state={"where": chosen("everywhere"), "reason": text("A mistake")},
    ),
    Form.RESUME: Line(Action.RELEASE, metadata=ids(brake="{brake}")),
    Act.OPEN_HELD: Line(LOOK),
    **{
        act: Line(LOOK, value=_HELD)
        for act in (
            *(Act.HELD_MENU, Act.HELD_NOW, Act.HELD_NEXT_FREE, Act.HELD_AS_ASKED, Act.HELD_DROP),
        )
    },
    Act.HELD_PREVIOUS: Line(LOOK, value="0", metadata=ids(page="1")),
    Act.HELD_NEXT: Line(LOOK, value="1", metadata=ids(page="0")),
    # events
    "app_home_opened": Line(
        None,
        "Home shows who has no role how to get one",
        event={"tab": "home", "channel": "D1"},
    ),
    "user_change": Line(None, "Slack's own news about people, whoever they are about"),
    "member_joined_channel": Line(
        None, "tries again what is owed to that channel", event={"channel": APPROVALS}
    ),
    "message": Line(
        None,
        "what anybody writes in a card's thread is kept as theirs and gives them nothing",
        event={"channel": SOCIAL, "ts": "2.2", "thread_ts": "1.1", "text": "Not about a card"},
    ),
    "channel_shared": Line(None, _NEWS, event={"channel": SOCIAL}),
    "channel_unshared": Line(None, _NEWS, event={"channel": SOCIAL}),
    "subteam_updated": Line(None, _NEWS, event={"subteam": {"id": "S0LEGAL0001"}}),
    "subteam_members_changed": Line(None, _NEWS, event={"subteam_id": "S0LEGAL0001"}),
    "app_uninstalled": Line(
        None, "Slack's own news; here the app has the token of its environment", event={}
    ),
    "team_access_revoked": Line(
        None, "the same, about an organisation's workspaces", event={"team_ids": ["T0NOBODYS01"]}
    ),
    "tokens_revoked": Line(None, "the same", event={"tokens": {"bot": ["U0NOBODYS01"]}}),
}

# Menus and pages that lead to more than one place.
OTHER_WAYS: list[tuple[str, Line]] = [
    (f"{COMMAND} digest", Line(REPORT, words="daily 9:00")),
    (f"{COMMAND} digest", Line(REPORT, words="stop")),
    (Act.POST_MENU, Line(LOOK, value=ids(do="record", post="{post}"))),
    (Act.POST_MENU, Line(DRAFT, value=ids(do="edit", post="{post}"))),
    (Act.POST_MENU, Line(DRAFT, value=ids(do="reschedule", post="{post}"))),
    (Act.QUEUE_MENU, Line(DRAFT, value=ids(do="edit", post="{post}"))),
    (Act.QUEUE_MENU, Line(DRAFT, value=ids(do="reschedule", post="{post}"))),
    (Act.RECORD_OLDER, Line(LOOK, metadata="", value=ids(before="9", post="{post}"))),
    (Act.RECORD_NEWEST, Line(LOOK, metadata="", value=ids(post="{post}"))),
    (
        Act.POLICY_MENU,
        Line(CONFIGURE, metadata="", value=ids(do="remove", scope="workspace", id="")),
    ),
    (Act.STEP_MENU, Line(CONFIGURE, metadata=_policy(), value=ids(do="remove", at="0"))),
    (Act.STEP_MENU, Line(CONFIGURE, metadata=_policy(), value=ids(do="change", at="7"))),
    (Form.POLICY, Line(CONFIGURE, metadata=_policy(), state={"who": chosen("nobody")})),
]
