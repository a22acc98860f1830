"""`/social mentions`, and the list of possibly negative ones."""

from bot.mentions import DoubtfulList, Listed, MentionOverview, OpenMentions
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import (
    Block,
    actions,
    button,
    confirm,
    context,
    header,
    menu,
    modal,
    option,
    section,
)
from handlers.views.mentions import author_of, excerpt, member, menu_options
from handlers.views.texts import link
from storage.mentions import NEEDS_ANSWER, OTHER, POSSIBLY_NEGATIVE, UNCLASSIFIED
from storage.records import MentionState, Urgency

EXCERPT = 160
LONGEST_LINK = 200  # in a list; the card has the whole of it
MOST_TROUBLE = 5

TITLES = {
    NEEDS_ANSWER: "To answer or to solve",
    POSSIBLY_NEGATIVE: "Possibly negative",
    UNCLASSIFIED: "Couldn't be read",
    OTHER: "All others of 30 days",
}
ABOUT = {
    UNCLASSIFIED: "Not in English, or no words: look at them yourself.",
}


def mentions_modal(shown: OpenMentions, *, note: str = "") -> Block:
    """What is open, by how much it needs somebody.

    :param note: what was just done, on top.
    """
    blocks = [context(note)] if note else []
    blocks += [
        context(f":warning: {shorten(escape(line), 300)}") for line in shown.trouble[:MOST_TROUBLE]
    ]
    blocks.append(section(_counts(shown)))
    rank = None
    for item in shown.items:
        if item.rank != rank:
            rank = item.rank
            blocks.append(header(f"{TITLES[rank]} ({shown.counts[rank]})"))
            if rank in ABOUT:
                blocks.append(context(ABOUT[rank]))
        blocks.append(_open_item(item))
    blocks += _pages(shown)
    return modal(
        Form.MESSAGE, "Mentions", blocks, close="Close", metadata=pack(page=str(shown.page))
    )


def _counts(shown: OpenMentions) -> str:
    if not shown.counts:
        return (
            "Nothing is open. What people write about you appears here and in the alerts channel."
        )
    alerts = shown.counts.get(NEEDS_ANSWER, 0)
    if not alerts:
        return ":white_check_mark: Nothing is left to answer or to solve."
    return f":rotating_light: *{alerts}* to answer or to solve."


def _open_item(item: Listed) -> Block:
    mention = item.mention
    where = f"{author_of(mention)} on {escape(item.place)}, {date(mention.posted_at)}"
    owner = f" · with <@{mention.owner_id}>" if mention.owner_id else ""
    if mention.route:
        owner += f" · {escape(mention.route)}"
    if mention.answered_at is not None:
        owner += " · answered"
    see = link(mention.url, "Open", longest=LONGEST_LINK)
    text = f"{where}{owner}\n>{excerpt(mention.text, EXCERPT)} {see}".rstrip()
    options = menu_options(mention) if item.rank == NEEDS_ANSWER else doubtful_options(mention.id)
    if mention.account_id is not None and mention.reply_to:
        options.insert(0, option("Reply", pack(do="reply", mention=mention.id)))
    return section(text, accessory=menu(Act.MENTIONS_MENU, options))


def doubtful_options(mention_id: str) -> list[Block]:
    """What a person can say about a mention that no card was made for."""
    return [
        option("It is negative", pack(do="raise", mention=mention_id)),
        option("Not negative", pack(do="dismiss", mention=mention_id)),
    ]


def _pages(shown: OpenMentions) -> list[Block]:
    if shown.pages == 1:
        return []
    turning = []
    if shown.page > 0:
        turning.append(button("Previous", Act.MENTIONS_PREVIOUS, str(shown.page - 1)))
    if shown.page + 1 < shown.pages:
        turning.append(button("Next", Act.MENTIONS_NEXT, str(shown.page + 1)))
    return [context(f"Page {shown.page + 1} of {shown.pages}"), actions(*turning)]


def doubtful_list(list_id: str, shown: DoubtfulList) -> tuple[str, list[Block]]:
    """The list as a message; what was decided stays on it as a record."""
    left = [item for item in shown.items if _is_left(item)]
    if left:
        things = "mention" if len(left) == 1 else "mentions"
        head = f":mag: *{len(left)} possibly negative {things}.* Choose what is; dismiss the rest."
    else:
        head = ":white_check_mark: *Possibly negative mentions*: everything was looked at."
    blocks = [section(head), *(_doubtful_item(item) for item in shown.items)]
    if left:
        sure = confirm(
            "None of them is negative?",
            f"All {len(left)} that are left are put aside. They stay in the numbers.",
            "Dismiss all",
        )
        blocks.append(actions(button("Dismiss all", Act.DOUBTFUL_DISMISS, list_id, confirm=sure)))
    text = f"{len(left)} possibly negative mentions" if left else "Everything was looked at"
    return text, blocks


def _is_left(item: MentionOverview) -> bool:
    mention = item.mention
    return mention.state is MentionState.OPEN and mention.urgency is Urgency.DOUBTFUL


def _doubtful_item(item: MentionOverview) -> Block:
    mention = item.mention
    see = link(mention.url, "Open", longest=LONGEST_LINK)
    said = f"{author_of(mention)} on {escape(item.place)}\n>{excerpt(mention.text, EXCERPT)} {see}"
    if _is_left(item):
        return section(
            said.rstrip(), accessory=menu(Act.DOUBTFUL_MENU, doubtful_options(mention.id))
        )
    return context(f"{_became(item)}: {author_of(mention)} {excerpt(mention.text, 80)}")


def _became(item: MentionOverview) -> str:
    if item.mention.urgency is Urgency.ALERT:
        return f":rotating_light: Negative{_said_by(item, 'raised')}"
    return f":heavy_multiplication_x: Not negative{_said_by(item, 'dismissed')}"


def _said_by(item: MentionOverview, action: str) -> str:
    who = [entry.actor_id for entry in item.history if entry.action == action]
    return f", says {member(item, who[-1])}" if who else ""
