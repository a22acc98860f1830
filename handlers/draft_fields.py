"""The draft form's content as it is kept while somebody fills it in, and as a `PostForm`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bot.composing import PostForm
from bot.errors import FieldErrors, UserError
from bot.posts import with_link, without_link
from handlers.slack_text import form_to_post_text
from storage.records import Medium, Picture, Post, PostState, Revision, When

INPUT_LIMIT = 3000  # characters of one of Slack's text inputs
IN_WORDS = "words"
NO_CAMPAIGN = "none"
NEW_CAMPAIGN = "new"


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A picture that was copied already."""

    sha256: str
    name: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class DraftFields:
    """What is in the form. ``when`` is a `When` value or ``words``; ``at`` is a Unix time;
    ``campaign`` an id, ``none`` or ``new``."""

    text: str = ""
    accounts: tuple[str, ...] = ()
    link: str = ""
    pictures: tuple[KeptPicture, ...] = ()
    when: str = When.NEXT_FREE.value
    at: int | None = None
    words: str = ""
    tailor: bool = False
    tailored: Mapping[str, str] = field(default_factory=dict)
    campaign: str = NO_CAMPAIGN
    new_campaign: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_empty(self) -> bool:
        """Nothing that would be a pity to lose."""
        return not (self.text.strip() or self.link or self.pictures or self.tailored)


def from_json(kept: Mapping[str, Any]) -> DraftFields:
    """What `to_json` kept."""
    return DraftFields(
        **{
            **kept,
            "accounts": tuple(kept["accounts"]),
            "pictures": tuple(KeptPicture(**picture) for picture in kept["pictures"]),
        }
    )


def of_post(
    post: Post, revision: Revision, names: Mapping[str, Medium], networks: Mapping[str, str]
) -> DraftFields:
    """A post's content for editing.

    :param networks: each account's network.
    """
    content = revision.content
    is_past = post.state is PostState.FAILED and post.when is When.AT
    when = When.NOW if is_past else post.when
    tailored = {}
    for account_id, text in content.texts.items():
        if text != with_link(revision.base_text.strip(), content.link):
            tailored[networks[account_id]] = without_link(text, content.link)
    return DraftFields(
        text=revision.base_text,
        accounts=content.account_ids,
        link=content.link or "",
        pictures=tuple(
            KeptPicture(picture.sha256, names[picture.sha256].name, picture.alt)
            for picture in content.pictures
        ),
        when=when.value,
        at=int(post.due_at.timestamp()) if post.due_at and when is When.AT else None,
        tailor=bool(tailored),
        tailored=tailored,
        campaign=post.campaign_id or NO_CAMPAIGN,
    )


def inputs_for(name: str, text: str) -> list[tuple[str, str]]:
    """The block ids and contents of the inputs that hold a text: as many as it needs, and a
    further one when the last is full.

    With their number the ids change: Slack keeps what is typed in an input that keeps its id, so
    the pieces couldn't be moved on otherwise.
    """
    pieces = _pieces(text)
    if len(pieces) == 1:
        return [(name, text)]
    total = len(pieces)
    return [(f"{name}#{number}/{total}", piece) for number, piece in enumerate(pieces, start=1)]


def _pieces(text: str) -> list[str]:
    pieces, used = [""], 0
    for sign in text:
        size = 1 + (ord(sign) > 0xFFFF)  # Slack counts UTF-16 units
        if used + size > INPUT_LIMIT:
            pieces.append("")
            used = 0
        pieces[-1] += sign
        used += size
    return pieces if used < INPUT_LIMIT else [*pieces, ""]


def joined_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a form by name, from however many inputs (which come in their order)."""
    texts: dict[str, str] = {}
    for block_id, value in values.items():
        name = block_id.partition("#")[0]
        if name == "text" or name.startswith("text:"):
            texts[name] = texts.get(name, "") + (value or "")
    return texts


def has_outgrown(values: Mapping[str, Any]) -> bool:
    """Whether a text needs more inputs than the form shows."""
    return any(
        next(iter(inputs_for(name, text)))[0] not in values
        for name, text in joined_texts(values).items()
    )


def read(values: Mapping[str, Any], before: DraftFields) -> DraftFields:
    """The form's inputs over what was known before; inputs that aren't shown keep their value.

    Pictures are those that the form lists and that are still ticked: what is only chosen in its
    file input isn't copied before the form is submitted.
    """
    new: dict[str, Any] = {}
    typed = joined_texts(values)
    if "text" in typed:
        new["text"] = typed["text"]
    if "accounts" in values:
        new["accounts"] = tuple(values["accounts"])
    if "link" in values:
        new["link"] = (values["link"] or "").strip()
    if "kept" in values:
        new["pictures"] = tuple(p for p in before.pictures if p.sha256 in values["kept"])
    elif "pictures" in values:
        new["pictures"] = ()
    if "when" in values:
        new["when"] = values["when"] or before.when
    if values.get("at") is not None:
        new["at"] = int(values["at"].timestamp())
    if "words" in values:
        new["words"] = (values["words"] or "").strip()
    if "campaign" in values:
        new["campaign"] = values["campaign"] or NO_CAMPAIGN
    if "new_campaign" in values:
        new["new_campaign"] = values["new_campaign"] or ""
    if "tailor" in values:
        new["tailor"] = bool(values["tailor"])
    return replace(before, **new)


def read_tailored(values: Mapping[str, Any], before: DraftFields) -> DraftFields:
    """The second step's inputs: a text per network, alt text per picture."""
    texts = {
        name.removeprefix("text:"): text
        for name, text in joined_texts(values).items()
        if name.startswith("text:")
    }
    alts = {
        name.removeprefix("alt:"): (value or "").strip()
        for name, value in values.items()
        if name.startswith("alt:")
    }
    pictures = tuple(replace(p, alt=alts.get(p.sha256, p.alt)) for p in before.pictures)
    own = {
        network: text
        for network, text in {**before.tailored, **texts}.items()
        if text.strip() != before.text.strip()  # the others go on following the common text
    }
    return replace(before, tailored=own, pictures=pictures)


def with_pictures(fields: DraftFields, media: Sequence[Medium]) -> DraftFields:
    """The fields with newly copied pictures; the same picture twice is one."""
    known = {picture.sha256 for picture in fields.pictures}
    new = [KeptPicture(m.sha256, m.name) for m in media if m.sha256 not in known]
    return replace(fields, pictures=(*fields.pictures, *new))


def to_form(fields: DraftFields, *, understood: datetime | None = None) -> PostForm:
    """What the product understands.

    :param understood: how the time's words were understood when they were shown.
    :raises FieldErrors: a workspace's own emoji, at its field.
    """
    problems: dict[str, str] = {}

    def text(name: str, typed: str) -> str:
        try:
            return form_to_post_text(typed)
        except UserError as error:
            problems[name] = str(error)
            return typed

    form = PostForm(
        text=text("text", fields.text),
        account_ids=fields.accounts,
        link=fields.link,
        pictures=tuple(Picture(p.sha256, p.alt) for p in fields.pictures),
        tailored={
            network: text(f"text:{network}", typed)
            for network, typed in fields.tailored.items()
            if fields.tailor
        },
        when=When.AT if fields.when == IN_WORDS else When(fields.when),
        at=understood if fields.when == IN_WORDS else _instant(fields.at),
        words=fields.words if fields.when == IN_WORDS else "",
        campaign_id=fields.campaign if fields.campaign not in (NO_CAMPAIGN, NEW_CAMPAIGN) else None,
        new_campaign=fields.new_campaign if fields.campaign == NEW_CAMPAIGN else None,
    )
    if fields.when == IN_WORDS and not fields.words:
        problems["words"] = "Write a time, like “tomorrow 9:30” or “in 2 hours”."
    if problems:
        raise FieldErrors(problems)
    return form


def _instant(stamp: int | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
