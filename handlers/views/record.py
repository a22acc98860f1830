"""A page of the record: of a post, of a person, of the whole workspace."""

import re

from bot.record import RecordPage
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import date, escape, shorten
from handlers.views.approvals import RECORDED
from handlers.views.blocks import Block, actions, button, context, divider, modal, plain, section
from handlers.views.texts import excerpt
from storage.records import HistoryEntry

LONGEST_NAME = 80
LONGEST_DETAIL = 400
LONGEST_SUBJECT = 100
DID = {
    **RECORDED,
    "asked to take down": "asked to take it down",
    "wrote as a reply": "wrote it as a reply",
    "asked to reply": "wrote a reply and asked for approval",
    "policy: workspace": "changed who must approve",
    "policy: account": "changed who must approve on an account",
    "policy: campaign": "changed who must approve in a campaign",
    "campaign": "named a campaign",
    "roles": "changed roles",
    "group roles": "changed the roles of a user group",
    "group members": "saw that a user group changed",
    "campaign roles": "changed roles in a campaign",
    "left": "saw that they left Slack",
    "handed over": "handed their account over",
    "allowed shared channel": "allowed cards in a channel that others see",
    "channel is shared": "saw that others see a channel",
    "list time": "changed when their list comes",
    "installed": "installed Socialdesk",
    "uninstalled": "isn't installed any more",
    "posting times": "changed the posting times",
    "connected": "connected an account",
    "reconnected": "connected an account again",
    "disconnected": "disconnected an account",
    "expired": "was refused by the network: the account must be connected again",
    "pulled": "paused publishing",
    "set up": "set Socialdesk up",
    "watched": "began to listen",
    "unwatched": "stopped listening",
    "claimed": "claimed it",
    "took over": "took it over",
    "routed": "routed it",
    "resolved": "resolved it",
    "dismissed": "said that it isn't negative",
    "reopened": "opened it again",
    "raised": "said that it is negative",
    "replied": "replied",
    "answered": "gave the first answer",
}
_CHANNEL = re.compile(r"(?<= in )#([CG][A-Z0-9]{2,})$")  # of our words, not of a typed command's


def record_view(
    page: RecordPage, *, post_id: str | None = None, actor_id: str | None = None
) -> Block:
    """A page of a post's record, or of the workspace's (of one person there)."""
    blocks: list[Block] = []
    if post_id is None:
        blocks.append(_filter(actor_id))
    if not page.entries:
        blocks.append(section("Nothing is on the record here."))
    for entry in page.entries:
        blocks += [section(_what(page, entry, with_subject=post_id is None)), context(_when(entry))]
    blocks += _turning(page, post_id, actor_id)
    blocks.append(
        context(
            "Nothing here can be changed. `python -m bot export record` gives all of it, "
            "`python -m bot audit verify` checks it."
        )
        if post_id is None
        else context("Newest first. Nothing here can be changed.")
    )
    title = "The record" if post_id is None else "The post's record"
    return modal(Form.MESSAGE, title, blocks, close="Close")


def _filter(actor_id: str | None) -> Block:
    element: Block = {
        "type": "users_select",
        "action_id": Act.RECORD_PERSON,
        "placeholder": plain("Of one person"),
    }
    if actor_id is None:
        return actions(element, block_id="whose")
    element["initial_user"] = actor_id
    everybody = button("Of everybody", Act.RECORD_EVERYBODY, pack())
    return actions(element, everybody, block_id=f"whose:{actor_id}")


def _what(page: RecordPage, entry: HistoryEntry, *, with_subject: bool) -> str:
    said = DID.get(entry.action, entry.action)
    line = f"*{_who(page, entry)}* {escape(said)}"
    detail = shorten(escape(" ".join(entry.detail.split())), LONGEST_DETAIL)
    if detail and detail not in page.subjects:
        line += f": {detail}"
    subject = excerpt(page.subjects.get(entry.subject_id, ""), LONGEST_SUBJECT)
    return f"{line}\n>{subject}" if with_subject and subject else line


def _who(page: RecordPage, entry: HistoryEntry) -> str:
    if entry.actor_id is None:
        return "Socialdesk"
    name = page.names.get(entry.actor_id)
    return shorten(escape(name), LONGEST_NAME) if name else f"<@{escape(entry.actor_id)}>"


def _when(entry: HistoryEntry) -> str:
    origin = _CHANNEL.sub(r"<#\1>", escape(entry.origin))
    came_from = f" · from {origin}" if origin else ""
    return f"{date(entry.at)}{came_from} · no. {entry.seq}"


def _turning(page: RecordPage, post_id: str | None, actor_id: str | None) -> list[Block]:
    elements = []
    if not page.is_first:
        elements.append(
            button("Back to the newest", Act.RECORD_NEWEST, pack(post=post_id, actor=actor_id))
        )
    if page.older is not None:
        values = pack(post=post_id, actor=actor_id, before=str(page.older))
        elements.append(button("Older", Act.RECORD_OLDER, values))
    return [divider(), actions(*elements)] if elements else []
