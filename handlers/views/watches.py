"""`/social watch`: what is listened for, and the field that adds to it."""

from bot.accounts import AccountChoice
from bot.watches import Added, Watched
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.blocks import (
    Block,
    context,
    field,
    header,
    menu,
    modal,
    option,
    section,
    text_input,
)
from storage.records import Watch, WatchKind


def watch_form(shown: Watched, *, note: str = "") -> Block:
    """What is listened for. Who may change it gets a field to add something.

    :param note: what was just done, on top.
    """
    blocks = [section(note)] if note else []
    if shown.may_change:
        blocks.append(
            field(
                "watch",
                "Words, or a feed's address",
                text_input(Act.WATCH_TEXT, placeholder="acorn kettle, or https://…"),
                hint="Words are looked for in the feeds below. A feed (RSS or Atom) can be a "
                "blog, a forum, or a search such as Google Alerts.",
            )
        )
    blocks.append(header("Mentions and replies"))
    if shown.accounts:
        blocks.append(section("\n".join(_account_line(choice) for choice in shown.accounts)))
    else:
        blocks.append(section("No account is connected. An admin does it with `/social connect`."))
    blocks.append(header("Words"))
    brand = ", ".join(escape(word) for word in shown.workspace.brand_words)
    blocks.append(context(f"Your brand: {brand or 'no words yet'}. An admin changes them in Home."))
    blocks += _watches(shown, WatchKind.WORDS)
    blocks.append(header("Feeds"))
    feeds = _watches(shown, WatchKind.FEED)
    blocks += feeds or [context("No feed is followed yet.")]
    return modal(
        Form.WATCH,
        "What we listen for",
        blocks,
        submit="Add" if shown.may_change else None,
        close="Close",
    )


def _account_line(choice: AccountChoice) -> str:
    account = choice.account
    if account.problem:
        return f":warning: {escape(choice.label)}: {shorten(escape(account.problem), 200)}"
    return f":white_check_mark: {escape(choice.label)}"


def _watches(shown: Watched, kind: WatchKind) -> list[Block]:
    return [_watch(watch, shown.may_change) for watch in shown.watches if watch.kind is kind]


def _watch(watch: Watch, may_change: bool) -> Block:
    title = shorten(escape(watch.title or watch.value), 150)
    lines = [f"*{title}*"]
    options = []
    if watch.kind is WatchKind.FEED:
        lines.append(shorten(escape(watch.value), 200))
        lines.append("Every entry counts." if watch.everything else "Entries with our words count.")
        if watch.problem:
            lines.append(f":warning: {shorten(escape(watch.problem), 300)}")
        elif watch.polled_at is not None:
            lines[-1] += f" Read {date(watch.polled_at)}."
        options.append(
            option("Only entries with our words", pack(do="some", watch=watch.id))
            if watch.everything
            else option("Count every entry", pack(do="all", watch=watch.id))
        )
    options.append(option("Remove", pack(do="remove", watch=watch.id)))
    accessory = menu(Act.WATCH_MENU, options) if may_change else None
    return section("\n".join(lines), accessory=accessory)


def added_note(added: Added, shown: Watched) -> str:
    """What adding did, in a sentence or two."""
    watch = added.watch
    title = shorten(escape(watch.title), 150)
    if watch.kind is WatchKind.WORDS:
        if not any(one.kind is WatchKind.FEED for one in shown.watches):
            return (
                f":warning: *{title}* is noted, but no feed is followed yet, so nothing can be "
                "found. Add one: `/social watch` and the feed's address."
            )
        return f":white_check_mark: Listening for *{title}* in the feeds that are followed."
    entries = f"{added.entries} {'entry' if added.entries == 1 else 'entries'}"
    if watch.everything:
        return (
            f":white_check_mark: Following *{title}* ({entries} now). It is a search, so every "
            "entry counts."
        )
    named = f"{added.matching} of {entries} {'names' if added.matching == 1 else 'name'}"
    return (
        f":white_check_mark: Following *{title}*. {named} your brand or other watched words now; "
        "only such entries count. If the feed is a search for your brand, choose *Count every "
        "entry* in its menu."
    )
