"""The message to admins about a channel, or a person, that takes no messages."""

from bot.destinations import DestinationOverview
from handlers.ids import Act
from handlers.views.blocks import Block, actions, button, section

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
    kept = (
        "1 message is kept and comes"
        if shown.kept == 1
        else f"{shown.kept} messages are kept and come"
    )
    blocks = [section(f"{text}\n{kept} as soon as that works again. {what_to_do}")]
    if not is_person:
        blocks.append(actions(button("Open the set-up", Act.OPEN_SETUP, style="primary")))
    return text, blocks
