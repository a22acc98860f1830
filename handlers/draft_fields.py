"""The draft form's content as it is kept while somebody fills it in, and as a `PostForm`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from bot.drafting import PostForm
from bot.errors import FieldErrors, UserError
from handlers.slack_text import form_to_post_text
from storage.records import Medium, Picture, Post, Revision, When

INPUT_LIMIT = 3000  # characters of one of Slack's text inputs
IN_WORDS = "words"


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A picture that was copied already."""

    sha256: str
    name: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class DraftFields:
    """What is in the form. ``when`` is a `When` value or ``words``; ``at`` is a Unix time."""

    text: str = ""
    accounts: tuple[str, ...] = ()
    link: str = ""
    pictures: tuple[KeptPicture, ...] = ()
    when: str = When.NEXT_FREE.value
    at: int | None = None
    words: str = ""
    tailor: bool = False
    tailored: Mapping[str, str] = field(default_factory=dict)

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
    base = revision.base_text.strip()
    tailored = {}
    for account_id, text in content.texts.items():
        own = _without_link(text, content.link)
        if own != base:
            tailored[networks[account_id]] = own
    return DraftFields(
        text=revision.base_text,
        accounts=content.account_ids,
        link=content.link or "",
        pictures=tuple(
            KeptPicture(picture.sha256, names[picture.sha256].name, picture.alt)
            for picture in content.pictures
        ),
        when=post.when.value,
        at=int(post.due_at.timestamp()) if post.due_at and post.when is When.AT else None,
        tailor=bool(tailored),
        tailored=tailored,
    )


def _without_link(text: str, link: str | None) -> str:
    return text.removesuffix(f"\n\n{link}").removesuffix(link) if link else text


def read(values: Mapping[str, Any], before: DraftFields) -> DraftFields:
    """The form's inputs over what was known before; inputs that aren't shown keep their value."""
    new: dict[str, Any] = {}
    if "text" in values:
        new["text"] = (values["text"] or "") + (values.get("text_more") or "")
    if "accounts" in values:
        new["accounts"] = tuple(values["accounts"])
    if "link" in values:
        new["link"] = (values["link"] or "").strip()
    if "kept" in values:
        new["pictures"] = tuple(p for p in before.pictures if p.sha256 in values["kept"])
    if "when" in values:
        new["when"] = values["when"] or before.when
    if values.get("at") is not None:
        new["at"] = int(values["at"].timestamp())
    if "words" in values:
        new["words"] = (values["words"] or "").strip()
    if "tailor" in values:
        new["tailor"] = bool(values["tailor"])
    return replace(before, **new)


def read_tailored(values: Mapping[str, Any], before: DraftFields) -> DraftFields:
    """The second step's inputs: a text per network, alt text per picture."""
    texts: dict[str, str] = {}
    alts: dict[str, str] = {}
    for name, value in values.items():
        kind, _, key = name.partition(":")
        if kind == "text":
            texts[key] = value or ""
        elif kind == "alt":
            alts[key] = (value or "").strip()
    for name, value in values.items():
        kind, _, key = name.partition(":")
        if kind == "more":
            texts[key] = texts.get(key, "") + (value or "")
    pictures = tuple(replace(p, alt=alts.get(p.sha256, p.alt)) for p in before.pictures)
    return replace(before, tailored={**before.tailored, **texts}, pictures=pictures)


def with_pictures(fields: DraftFields, media: Sequence[Medium]) -> DraftFields:
    """The fields with newly copied pictures; the same picture twice is one."""
    known = {picture.sha256 for picture in fields.pictures}
    new = [KeptPicture(m.sha256, m.name) for m in media if m.sha256 not in known]
    return replace(fields, pictures=(*fields.pictures, *new))


def to_form(fields: DraftFields) -> PostForm:
    """What the product understands.

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
            if fields.tailor or typed.strip() != fields.text.strip()
        },
        when=When.AT if fields.when == IN_WORDS else When(fields.when),
        at=None if fields.at is None else datetime.fromtimestamp(fields.at, UTC),
        words=fields.words if fields.when == IN_WORDS else "",
    )
    if fields.when == IN_WORDS and not fields.words:
        problems["words"] = "Write a time, like “tomorrow 9:30” or “in 2 hours”."
    if problems:
        raise FieldErrors(problems)
    return form
