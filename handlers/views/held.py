"""What is held: the card of one person's list, and the list of everybody's."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.held_lists import (
    DID,
    MOST_ON_A_CARD,
    HeldOn,
    HeldPage,
    HeldPost,
    HoldOverview,
    Rights,
)
from bot.holds import Do
from bot.posts import text_of
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import (
    MESSAGE_LIMIT,
    Block,
    actions,
    button,
    confirm,
    context,
    cost,
    menu,
    modal,
    option,
    section,
)
from handlers.views.texts import excerpt
from storage.records import Brake, HistoryEntry, HoldReason, When

EXCERPT = 120
SHORT = 60
LONGEST_NAMES = 200
LONGEST_REASON = 200
LONGEST_LINE = 1500
FULL = MESSAGE_LIMIT - 500  # which leaves room for the line about the rest

TO_DO = {When.NOW: "publish it now", When.NEXT_FREE: "move it to its next free time"}
ACTS = {
    Do.NOW: Act.HELD_NOW,
    Do.NEXT_FREE: Act.HELD_NEXT_FREE,
    Do.AS_ASKED: Act.HELD_AS_ASKED,
    Do.DROP: Act.HELD_DROP,
}
LABELS = {Do.NOW: "Publish now", Do.NEXT_FREE: "Next free time", Do.DROP: "Drop"}
ASK_LABELS = {Do.NOW: "Ask: publish now", Do.NEXT_FREE: "Ask: next free time", Do.DROP: "Drop"}
Names = Mapping[str, str]


# The card


def held_card(
    shown: HoldOverview, *, for_author: bool, room: int = FULL, most: int = MOST_ON_A_CARD
) -> tuple[str, list[Block]]:
    """A person's list, to them; or what they ask for, to those who may grant it.

    :param room: characters of blocks, as `cost` counts them.
    :param most: posts that are shown.
    """
    if not shown.posts:
        return _record(shown, for_author=for_author)
    text = _headline(shown, for_author=for_author)
    alone = shown.posts[0] if shown.total == 1 else None
    below = _below(shown, alone, for_author=for_author)
    blocks = [section(text)]
    room -= cost([*blocks, *below])
    for held in shown.posts[:most]:
        said = _asked_line(held, shown.names, shown.asked_at.get(held.post.id))
        block = _item(held, shown.names, said, with_menu=alone is None)
        room -= cost([block])
        if room < 0:
            break
        blocks.append(block)
    rest = shown.total - (len(blocks) - 1)
    if rest > 0:
        blocks += [context(f"… and {rest} more."), actions(button("See all", Act.OPEN_HELD))]
    return text, [*blocks, *below]


def _headline(shown: HoldOverview, *, for_author: bool) -> str:
    many = shown.total > 1
    if not for_author:
        who = name_of(shown.names, shown.hold.author_id)
        what = f"*{shown.total} held posts*" if many else "*a held post*"
        return f":raising_hand: {who} asks to let {what} go out."
    one = "reply" if shown.posts[0].post.mention_id else "post"
    what = f"*{shown.total} of your posts are held.*" if many else f"*Your {one} is held.*"
    them = "them is" if many else "it is"
    return f":double_vertical_bar: {what} Nothing of {them} lost: say what becomes of it."


def _asked_line(held: HeldPost, names: Names, at: datetime | None) -> str:
    if held.wish is None or held.wished_by is None:
        return ""
    when = f" {date(at)}" if at else ""
    who = name_of(names, held.wished_by)
    return f"\n:raising_hand: {who} asked{when} to {TO_DO[held.wish]}."


def _item(held: HeldPost, names: Names, said: str, *, with_menu: bool) -> Block:
    line = shorten(f"{held_line(held)}\n{why_lines(held.on, names)}{said}", LONGEST_LINE)
    options = _menu_options(held) if with_menu else []
    return section(line, accessory=menu(Act.HELD_MENU, options) if options else None)


def held_line(held: HeldPost) -> str:
    """A held post in a list: when it was due, where, how it begins."""
    due_at = min(one.delivery.due_at for one in held.on)
    labels = shorten(escape(", ".join(one.label for one in held.on)), LONGEST_NAMES)
    what = "A reply to a mention · " if held.post.mention_id else ""
    text = excerpt(text_of(held.revision), EXCERPT) or "_only pictures_"
    return f"*Was due {date(due_at)}* · {what}{labels}\n>{text}"


def why_lines(on: Sequence[HeldOn], names: Names) -> str:
    """Why it is held; each reason once, with its accounts where they differ."""
    by_reason: dict[str, list[str]] = {}
    for one in on:
        by_reason.setdefault(_why(one, names), []).append(one.label)
    if len(by_reason) == 1:
        return next(iter(by_reason))
    return "\n".join(
        f"{shorten(escape(', '.join(labels)), LONGEST_NAMES)}: {why}"
        for why, labels in by_reason.items()
    )


def _why(one: HeldOn, names: Names) -> str:
    still = " Publishing is still paused." if one.stopped_by else ""
    if one.must_reconnect:
        owner = name_of(names, one.owner_id)
        return (
            f"{escape(one.label)} must be connected again: {owner} or an admin does it with "
            f"`/social connect`.{still}"
        )
    if one.delivery.hold_reason is HoldReason.BRAKE and one.due_under is not None:
        return f"It came due while publishing was paused{_by(one.due_under, names)}.{still}"
    if one.stopped_by is not None:
        return f"Publishing is paused{_by(one.stopped_by, names)}."
    return "It couldn't go out in time, and nothing old goes out unasked."


def _by(brake: Brake, names: Names) -> str:
    reason = shorten(escape(brake.reason), LONGEST_REASON)
    return f" by {name_of(names, brake.pulled_by)} (“{reason}”)"


def name_of(names: Names, user_id: str) -> str:
    """A name, not a mention: what is there for others pings nobody."""
    name = names.get(user_id)
    return shorten(escape(name), 100) if name else f"<@{user_id}>"


def _choices(can_go: bool, rights: Rights) -> Mapping[Do, str]:
    """What can be pressed, with its label."""
    going = can_go and (rights.release or rights.ask)
    labels = LABELS if rights.release else ASK_LABELS
    offered = [Do.NOW, Do.NEXT_FREE] if going else []
    return {do: labels[do] for do in [*offered, *([Do.DROP] if rights.drop else [])]}


def _menu_options(held: HeldPost) -> list[Block]:
    return [
        option(label, pack(do=do, post=held.post.id, revision=held.revision.id))
        for do, label in _choices(held.can_go, held.rights).items()
    ]


def _below(shown: HoldOverview, alone: HeldPost | None, *, for_author: bool) -> list[Block]:
    """The buttons for the one post or for all of them, and how it goes on."""
    if alone is not None:
        elements = _buttons_for_one(alone)
    elif for_author:
        rights = Rights(
            release=any(held.rights.release for held in shown.posts),
            ask=any(held.rights.ask for held in shown.posts),
            drop=any(held.rights.drop for held in shown.posts),
        )
        ids = {"hold": shown.hold.id, "seen": shown.seen}
        can_go = any(held.can_go for held in shown.posts)
        elements = _buttons_for_all(shown.total, can_go, rights, ids)
    else:
        elements = _buttons_for_asked(shown)
    blocks = [actions(*elements)] if elements else []
    hint = _hint(shown, for_author=for_author)
    if hint:
        blocks.append(context(hint))
    done = _entries(shown)
    return [*blocks, context(done)] if done else blocks


def _hint(shown: HoldOverview, *, for_author: bool) -> str:
    """How it goes on, where the buttons don't say it."""
    if any(one.stopped_by for held in shown.posts for one in held.on):
        return "As long as publishing is paused it can only be dropped; the rest can wait."
    asks = any(held.rights.ask and held.can_go for held in shown.posts)
    if for_author and asks:
        return "A new time needs a press of somebody who may approve: yours asks them for it."
    return ""


def _buttons_for_one(held: HeldPost) -> list[Block]:
    wish = None if held.wish is None else Do(held.wish.value)
    elements = []
    for do, label in _choices(held.can_go, held.rights).items():
        if do is wish and not held.rights.release:
            continue  # that is asked for already
        value = pack(do=do, post=held.post.id, revision=held.revision.id)
        first = do is (wish or Do.NOW) and held.rights.release
        elements.append(
            button(
                label,
                ACTS[do],
                value,
                style="primary" if first else None,
                confirm=_sure_to_drop(1) if do is Do.DROP else None,
            )
        )
    return elements


def _buttons_for_all(
    total: int, can_go: bool, rights: Rights, ids: Mapping[str, str]
) -> list[Block]:
    words = {
        Do.NOW: f"Publish all {total} now",
        Do.NEXT_FREE: "Next free times for all",
        Do.DROP: f"Drop all {total}",
    }
    if not rights.release:
        words |= {
            Do.NOW: f"Ask: publish all {total} now",
            Do.NEXT_FREE: "Ask: next free times for all",
        }
    sure = {Do.DROP: _sure_to_drop(total)}
    if rights.release:
        sure[Do.NOW] = confirm(
            f"Publish {total} posts now?", "They go out at once, one after the other.", "Publish"
        )
    return [
        button(words[do], ACTS[do], pack(do=do, **ids), confirm=sure.get(do))
        for do in _choices(can_go, rights)
    ]


def _buttons_for_asked(shown: HoldOverview) -> list[Block]:
    ids = {"hold": shown.hold.id, "seen": shown.seen, "only": "asked"}
    label = f"As asked, all {shown.total}"
    value = pack(do=Do.AS_ASKED, **ids)
    as_asked = button(label, ACTS[Do.AS_ASKED], value, style="primary")
    drop = button(
        f"Drop all {shown.total}",
        ACTS[Do.DROP],
        pack(do=Do.DROP, **ids),
        confirm=_sure_to_drop(shown.total),
    )
    return [as_asked, drop] if any(held.can_go for held in shown.posts) else [drop]


def _sure_to_drop(number: int) -> Block:
    what = "Drop it?" if number == 1 else f"Drop all {number}?"
    return confirm(
        what, "What is held doesn't go out. The text is kept on its card.", "Drop", danger=True
    )


def _record(shown: HoldOverview, *, for_author: bool) -> tuple[str, list[Block]]:
    """When nothing is left: what was done, by whom."""
    text = "Nothing of yours is held any more." if for_author else "Nothing is asked for any more."
    done = _entries(shown)
    blocks = [section(f":white_check_mark: *{text}*")]
    return text, [*blocks, context(done)] if done else blocks


def _entries(shown: HoldOverview) -> str:
    """Who did what with which post; the newest lines."""
    return "\n".join(_entry(entry, shown) for entry in shown.done)


def _entry(entry: HistoryEntry, shown: HoldOverview) -> str:
    who = name_of(shown.names, entry.actor_id) if entry.actor_id else "Socialdesk"
    text = excerpt(shown.said.get(entry.detail, ""), SHORT) or "_only pictures_"
    return f"{date(entry.at)} {who} {DID[entry.action]}: {text}"


# Everybody's


def held_modal(shown: HeldPage, *, note: str = "") -> Block:
    """A page of everything that is held.

    :param note: what was just done, on top.
    """
    blocks = [context(note)] if note else []
    if not shown.posts:
        blocks.append(section(":white_check_mark: Nothing is held."))
        return modal(Form.MESSAGE, "Held posts", blocks, close="Close", metadata=pack(page="0"))
    what = "1 post is" if shown.total == 1 else f"{shown.total} posts are"
    blocks.append(section(f":double_vertical_bar: *{what} held*, soonest due first."))
    for held in shown.posts:
        said = _asked_line(held, shown.names, None)
        author = f"\nby {name_of(shown.names, held.post.author_id)}"
        blocks.append(_item(held, shown.names, f"{author}{said}", with_menu=True))
    blocks += _turning(shown)
    blocks += _for_all(shown)
    return modal(
        Form.MESSAGE, "Held posts", blocks, close="Close", metadata=pack(page=str(shown.page))
    )


def _turning(shown: HeldPage) -> list[Block]:
    if shown.pages == 1:
        return []
    elements = []
    if shown.page > 0:
        elements.append(button("Previous", Act.HELD_PREVIOUS, str(shown.page - 1)))
    if shown.page < shown.pages - 1:
        elements.append(button("Next", Act.HELD_NEXT, str(shown.page + 1)))
    return [actions(*elements), context(f"Page {shown.page + 1} of {shown.pages}")]


def _for_all(shown: HeldPage) -> list[Block]:
    """For who may let go what others wrote; what they wrote themselves is asked for."""
    granted = [held for held in shown.posts if held.rights.release]
    if not granted or shown.total == 1:
        return []
    can_go = any(held.can_go for held in shown.posts)
    elements = _buttons_for_all(shown.total, can_go, granted[0].rights, {"seen": shown.seen})
    return [actions(*elements)]
