"""A text that an approver suggests: its form, its difference, the button that takes it."""

from collections.abc import Sequence
from dataclasses import replace

from bot.changes import between
from bot.overview import PostOverview
from bot.suggestions import SuggestedField
from handlers.draft_fields import INPUT_LIMIT, inputs_for
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import escape, shorten, visible
from handlers.views.blocks import (
    MESSAGE_LIMIT,
    Block,
    actions,
    button,
    context,
    cost,
    field,
    modal,
    section,
    text_input,
)
from handlers.views.changes import all_told
from handlers.views.differences import difference_blocks
from handlers.views.texts import units
from storage.records import Revision, Suggestion

LONGEST_NAME = 100
LONGEST_LABELS = 150
LONGEST_COMMENT = 1500
IN_THREAD = MESSAGE_LIMIT - 500
TO_COPY = 11_500
MORE = "Taken, all of it stands on the card."


def suggestion_form(fields: Sequence[SuggestedField], metadata: str, *, comment: str) -> Block:
    """Each different text of the post once, to be changed.

    :param comment: what was typed already.
    """
    blocks = []
    for one in fields:
        label = shorten(visible(", ".join(one.labels)), LONGEST_LABELS)
        for position, (name, piece) in enumerate(inputs_for(one.name, one.text)):
            blocks.append(
                field(
                    name,
                    f"{label}, continued" if position else label,
                    text_input(
                        Act.SUGGESTED_TEXT,
                        initial=piece,
                        multiline=True,
                        max_length=INPUT_LIMIT,
                    ),
                    optional=True,
                )
            )
    blocks.append(
        field(
            "comment",
            "Comment",
            text_input(Act.COMMENT, initial=comment, multiline=True, max_length=1000),
            hint="The author can use your text with one press. Then somebody other than you two "
            "has to approve it.",
            optional=True,
        )
    )
    return modal(Form.SUGGEST, "Suggest another text", blocks, submit="Send", metadata=metadata)


def suggested(shown: PostOverview, suggestion: Suggestion, on: Revision) -> tuple[str, list[Block]]:
    """The message in the card's thread, as it is true now."""
    who = _name(shown, suggestion.user_id)
    text = f"{who} suggests another text"
    above = [section(f":bulb: *{who}* suggests another text:")]
    if suggestion.comment:
        comment = shorten(escape(suggestion.comment), LONGEST_COMMENT)
        above.append(section("\n".join(f">{line}" for line in comment.split("\n"))))
    below = [actions(use(suggestion))]
    if shown.offer != suggestion:
        taken_by = suggestion.taken_by
        became = f"{_name(shown, taken_by)} used it." if taken_by else "The post went on without."
        below = [context(became)]
    room = IN_THREAD - cost([*above, *below])
    return text, [*above, *difference(shown, suggestion, on, room), *below]


def difference(shown: PostOverview, suggestion: Suggestion, on: Revision, room: int) -> list[Block]:
    """What the suggestion would change of the revision that it was made on.

    :param room: what the blocks may cost, see `cost`.
    """
    changes = between(on.content, replace(on.content, texts=suggestion.texts))
    told = all_told(changes, shown.accounts, shown.media)
    return difference_blocks(told, room, more=MORE)


def use(suggestion: Suggestion) -> Block:
    ids = pack(suggestion=suggestion.id)
    return button("Use this text", Act.USE_SUGGESTION, ids, style="primary")


def to_copy(said: str, suggestion: Suggestion, shown: PostOverview) -> list[Block]:
    """For whoever can't take it with a press any more: each suggested text as it is."""
    by_text: dict[str, list[str]] = {}
    for account_id, text in suggestion.texts.items():
        choice = shown.accounts.get(account_id)
        by_text.setdefault(text, []).append(choice.label if choice else "?")
    blocks = [section(said)]
    room = TO_COPY // len(by_text)
    for text, labels in by_text.items():
        if len(by_text) > 1:
            blocks.append(context(f"*{shorten(escape(', '.join(labels)), LONGEST_LABELS)}*"))
        whole = shorten(visible(text), room) if units(visible(text)) > room else visible(text)
        element = {"type": "text", "text": whole or " "}
        part = {"type": "rich_text_preformatted", "elements": [element]}
        blocks.append({"type": "rich_text", "elements": [part]})
    return blocks


def _name(shown: PostOverview, user_id: str) -> str:
    """A name, not a mention: it pings nobody."""
    return shorten(escape(shown.names.get(user_id, "somebody")), LONGEST_NAME)
