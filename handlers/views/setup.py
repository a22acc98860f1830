"""The set-up form, and what is said until it is filled in."""

from collections.abc import Mapping, Sequence

from bot.setup import ROUTES, Standing
from bot.zone_names import zones_by_area
from handlers.ids import Act, Form
from handlers.views.blocks import (
    Block,
    actions,
    button,
    context,
    field,
    modal,
    option,
    plain,
    section,
    select,
    text_input,
)
from storage.records import Mode, Workspace

MODES = (
    option("A team", Mode.TEAM.value, "Each post needs another person's approval."),
    option("Just me", Mode.ALONE.value, "Posts go out without approval; the record says so."),
)
LATENESS = {  # in seconds
    5 * 60: "Up to 5 minutes late",
    15 * 60: "Up to 15 minutes late",
    30 * 60: "Up to 30 minutes late",
    60 * 60: "Up to an hour late",
    2 * 60 * 60: "Up to 2 hours late",
    6 * 60 * 60: "Up to 6 hours late",
}
ABOUT_ROUTES = {
    "Care": "The channel of Customer Care: mentions can be passed on to it.",
    "Content": "The channel of those who write: mentions about what was posted can go there.",
    "Product": "The channel of those who make the product: what people miss can go there.",
}


def setup_form(workspace: Workspace, own_zone: str) -> Block:
    """The form, filled with what was chosen before.

    :param own_zone: the zone of who opens it, for the first time.
    """
    is_new = workspace.set_up_at is None
    chosen = MODES[0] if workspace.mode is Mode.TEAM else MODES[1]
    return modal(
        Form.SETUP,
        "Set up Socialdesk",
        [
            section(
                "Two minutes, and everything can be changed later. "
                "Socialdesk posts a test message into each channel that you choose. One that "
                "people outside can see gets nothing else before an admin allows it."
            ),
            field(
                "mode",
                "Who works here?",
                {
                    "type": "radio_buttons",
                    "action_id": Act.SETUP_MODE,
                    "options": list(MODES),
                    "initial_option": chosen,
                },
            ),
            field(
                "approvals",
                "Approvals",
                _channel(Act.SETUP_APPROVALS, workspace.approvals_channel),
                hint="The channel where posts wait for a decision and where their record stays.",
            ),
            field(
                "alerts",
                "Alerts",
                _channel(Act.SETUP_ALERTS, workspace.alerts_channel),
                hint="The channel for mentions that need an answer, and for what is due.",
            ),
            *(
                field(
                    f"route:{name}",
                    f"Team {name}",
                    _channel(Act.SETUP_ROUTE, workspace.routes.get(name)),
                    hint=ABOUT_ROUTES[name],
                    optional=True,
                )
                for name in ROUTES
            ),
            field(
                "words",
                "Brand words",
                text_input(
                    Act.SETUP_WORDS,
                    initial="\n".join(workspace.brand_words),
                    placeholder="Acorn Coffee, @acorn, #acorncoffee",
                    multiline=True,
                ),
                hint="What people write when they mean you. One a line, or with commas between.",
                optional=True,
            ),
            field(
                "zone",
                "Time zone",
                _zones(own_zone if is_new else workspace.zone),
                hint="For posting times and digests. Everybody sees times in their own zone. "
                "Type to search.",
            ),
            field(
                "lateness",
                "Late posts",
                _lateness(workspace.lateness_limit_s),
                hint="When a post couldn't go out in time (a network was down, Socialdesk wasn't "
                "running) it still goes out this late. Later it is held, and its author is asked.",
            ),
        ],
        submit="Save",
    )


def _channel(action_id: str, chosen: str | None) -> Block:
    element: Block = {
        "type": "conversations_select",
        "action_id": action_id,
        "placeholder": plain("Choose a channel"),
        "filter": {"include": ["public", "private"]},
    }
    if chosen is not None:
        element["initial_conversation"] = chosen
    return element


def _lateness(chosen: int) -> Block:
    labels = dict(LATENESS) if chosen in LATENESS else {**LATENESS, chosen: f"{chosen} seconds"}
    options = [option(label, str(seconds)) for seconds, label in sorted(labels.items())]
    return select(Act.SETUP_LATENESS, options, initial=str(chosen))


def _zones(chosen: str) -> Block:
    """Slack's menu of groups can be searched by typing, so a zone can't be misspelt."""
    groups = dict(zones_by_area())
    if not any(chosen in names for names in groups.values()):
        groups = {"Yours": [chosen], **groups}  # an old name, like Asia/Calcutta
    return {
        "type": "static_select",
        "action_id": Act.SETUP_ZONE,
        "option_groups": [
            {"label": plain(label), "options": [_zone(name) for name in names]}
            for label, names in groups.items()
        ],
        "initial_option": _zone(chosen),
    }


def _zone(name: str) -> Block:
    return option(name.replace("_", " "), name)


def not_set_up(standing: Standing) -> tuple[str, list[Block]]:
    """What is missing and who can finish it, with the button for who can."""
    *most, last = standing.missing
    missing = f"{', '.join(most)} and {last}" if most else last
    text = f"Socialdesk isn't set up here yet. Still missing: {missing}."
    if standing.may_set_up:
        return text, [
            section(f"*Socialdesk isn't set up here yet.*\nStill missing: {missing}."),
            actions(button("Set up Socialdesk", Act.OPEN_SETUP, style="primary")),
            context("It takes two minutes. You become its admin."),
        ]
    who = named(standing.finishers) or "An owner or admin of this Slack workspace"
    how = "can finish it: open the app *Socialdesk* (under Apps), tab *Home*. It takes two minutes."
    return text, [
        section(f"*Socialdesk isn't set up here yet.*\nStill missing: {missing}."),
        section(f"{who} {how}"),
    ]


def named(user_ids: Sequence[str], most: int = 3) -> str:
    """The first few people, as mentions."""
    mentions = [f"<@{user_id}>" for user_id in user_ids[:most]]
    return " or ".join(filter(None, [", ".join(mentions[:-1]), *mentions[-1:]]))


def channel_problems(refusals: Mapping[str, str]) -> Mapping[str, str]:
    """What to do about Slack's refusal of a test message, by channel."""
    return {channel: _PROBLEMS.get(name, _OTHER.format(name)) for channel, name in refusals.items()}


_INVITE = "Type /invite @Socialdesk there, then press Save again."
_PROBLEMS = {
    "not_in_channel": f"Socialdesk isn't in this channel. {_INVITE}",
    "channel_not_found": f"Socialdesk can't see this channel. {_INVITE}",
    "is_archived": "This channel is archived. Choose another one.",
    "restricted_action": "Only some people may post in this channel. Choose another one, or let "
    "Socialdesk post there.",
    "restricted_action_read_only_channel": "Only some people may post in this channel. Choose "
    "another one, or let Socialdesk post there.",
}
_OTHER = "Slack refused a test message in this channel ({}). Choose another one."


def channel_test(uses: Sequence[str], user_id: str) -> tuple[str, list[Block]]:
    """The test message in a channel."""
    *most, last = uses
    listed = f"{', '.join(most)} and {last}" if most else last
    text = f"{listed[0].upper()}{listed[1:]} will appear here."
    return text, [section(text), context(f"<@{user_id}> set up Socialdesk.")]
