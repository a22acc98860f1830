"""The message to admins about a channel, or a person, that takes no messages."""

from collections.abc import Sequence

from bot.destinations import DestinationOverview
from handlers.ids import Act
from handlers.payloads import pack
from handlers.slack_text import escape, shorten
from handlers.views.blocks import Block, actions, button, confirm, section

MOST_NAMED = 5
LONGEST_NAME = 80
LONGEST_IN_CONFIRM = 80  # all names together: Slack takes 300 characters there
PERSON = ("U", "W")  # how people's ids begin
INVITE = "Type `/invite @Socialdesk` in that channel, or choose another one."
LET_IT = "Let Socialdesk post there, or choose another channel."
WHY = {
    "not_in_channel": ("Socialdesk isn't in it", INVITE),
    "channel_not_found": ("it is gone, or private and without Socialdesk", INVITE),
    "is_archived": ("it is archived", "Choose another channel."),
    "restricted_action": ("only some people may post there", LET_IT),
    "restricted_action_read_only_channel": ("only some people may post there", LET_IT),
    "restricted_action_thread_only_channel": ("only threads may be written there", LET_IT),
    "user_disabled": (
        "their Slack account is deactivated",
        "See on the app's Home whether somebody else has to take over what was theirs.",
    ),
    "messages_tab_disabled": (
        "messages by the app are switched off",
        "On the app's page at https://api.slack.com/apps, under App Home, switch on the "
        "Messages tab.",
    ),
}


def shared_channel(shown: DestinationOverview, names: Sequence[str]) -> tuple[str, list[Block]]:
    """Asks whether cards may go where people outside see them.

    :param names: what their teams are called.
    """
    named = [shorten(escape(name), LONGEST_NAME) for name in names[:MOST_NAMED]]
    who = ", ".join(named) or "another organisation"
    if len(names) > MOST_NAMED:
        who += f" and {len(names) - MOST_NAMED} more"
    text = f":eyes: People of *{who}* can see <#{shown.id}>, which is shared through Slack Connect."
    what = "Cards show posts before they are public, so none goes there until an admin allows it."
    if shown.kept:
        what += f" {_kept(shown.kept)} as soon as it is allowed, or goes to the channel you choose."
    asked = confirm(
        "Let them see the cards?",
        f"People of *{shorten(who, LONGEST_IN_CONFIRM)}* will see every card in <#{shown.id}>: "
        "posts that aren't public yet, who wrote and approved them, and complaints. They can press "
        "nothing unless you make them a campaign's client.",
        "Allow it",
        "Not now",
        danger=True,
    )
    value = pack(channel=shown.id, teams=",".join(shown.outside))
    return text, [
        section(f"{text}\n{what}"),
        actions(
            button("Allow cards there", Act.ALLOW_SHARED, value, confirm=asked),
            button("Choose another channel", Act.OPEN_SETUP, style="primary"),
        ),
    ]


def _kept(number: int) -> str:
    return "1 message is kept and comes" if number == 1 else f"{number} messages are kept and come"


def dead_channel(shown: DestinationOverview) -> tuple[str, list[Block]]:
    """The message as it is true now: its text for notifications, and its blocks."""
    is_person = shown.id.startswith(PERSON)
    place = f"<@{shown.id}>" if is_person else f"<#{shown.id}>"
    if shown.problem is None:
        text = f":white_check_mark: Socialdesk's messages reach {place} again. Nothing was lost."
        return text, [section(text)]
    why, what_to_do = WHY.get(shown.problem, (f"Slack says {shown.problem}", "Choose another one."))
    text = f":warning: Socialdesk's messages don't reach {place} any more: {why}."
    if not shown.kept:
        return text, [section(f"{text}\nNothing waits for it, so there is nothing to do.")]
    blocks = [section(f"{text}\n{_kept(shown.kept)} as soon as that works again. {what_to_do}")]
    if not is_person:
        blocks.append(actions(button("Open the set-up", Act.OPEN_SETUP, style="primary")))
    return text, blocks
