"""What a form would publish on each account, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import regex

from bot.accounts import AccountChoice, Accounts
from bot.errors import FieldErrors
from bot.posts import with_link
from storage.records import Content, Picture, When

MOST_TO_READ = 20_000  # what a card and its thread can show of different texts, see `shown_size`


@dataclass(frozen=True, slots=True)
class PostForm:
    """What a person filled in. ``words`` is set when the time was given in words; ``at`` beside
    them is how they were understood and shown, which counts as long as it is to come.

    ``tailored`` maps a network's name to its own text; pictures hold their alt text.
    """

    text: str
    account_ids: tuple[str, ...]
    link: str = ""
    pictures: tuple[Picture, ...] = ()
    tailored: Mapping[str, str] | None = None
    when: When = When.NOW
    at: datetime | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """One account's count: ``used`` of ``limit``, in the network's own units."""

    choice: AccountChoice
    used: int
    limit: int
    problems: tuple[str, ...]


def composed(form: PostForm, choices: Sequence[AccountChoice]) -> dict[str, str]:
    """What each chosen account would publish: its network's own text or the common one."""
    tailored = form.tailored or {}
    return {
        choice.account.id: with_link(
            tailored.get(choice.account.network, form.text).strip(), form.link.strip() or None
        )
        for choice in choices
        if choice.account.id in form.account_ids
    }


def count_all(form: PostForm, choices: Sequence[AccountChoice], accounts: Accounts) -> list[Count]:
    """The text against each chosen account's limit, counted as its network counts."""
    texts = composed(form, choices)
    return [
        _count(choice, texts[choice.account.id], len(form.pictures), accounts)
        for choice in choices
        if choice.account.id in texts
    ]


def _count(choice: AccountChoice, text: str, pictures: int, accounts: Accounts) -> Count:
    network = accounts.network(choice.account)
    problems = network.text_problems(text, choice.limits)
    if pictures > choice.limits.pictures:
        problems.append(
            f"{choice.label} takes {choice.limits.pictures} pictures; this post has {pictures}."
        )
    return Count(choice, network.count(text), choice.limits.text, tuple(problems))


def checked(form: PostForm, choices: Sequence[AccountChoice], accounts: Accounts) -> Content:
    """The content that the form makes.

    :raises FieldErrors: what is wrong, by field.
    """
    problems: dict[str, str] = {}
    if form.link and not _is_web_address(form.link):
        problems["link"] = "A link begins with https:// (or http://) and names a site."
    texts = composed(form, choices)
    if not texts:
        problems["accounts"] = "Choose at least one account."
    to_read = [*set(texts.values()), *(picture.alt for picture in form.pictures)]
    if sum(map(shown_size, to_read)) > MOST_TO_READ:
        problems["text"] = (
            "All texts and descriptions together are longer than what an approver can be shown "
            f"({MOST_TO_READ} characters). Make two posts of it."
        )
    if not form.pictures and not all(text.strip() for text in texts.values()):
        problems["text"] = "Write something, or add a picture."
    for count in count_all(form, choices, accounts):
        network = count.choice.account.network
        place = f"text:{network}" if network in (form.tailored or {}) else "text"
        said = problems.get(place, "")
        new = [problem for problem in count.problems if problem not in said]
        if new:  # two accounts of a network say the same
            problems[place] = " ".join(filter(None, [said, *new]))
    if problems:
        raise FieldErrors(problems)
    return Content(texts=texts, link=form.link or None, pictures=form.pictures)


def shown_size(text: str) -> int:
    """What a text takes on a card at most, in Slack's units: its escapes, the quoting and names for
    what is invisible included."""
    hidden = len(_INVISIBLE.findall(text))
    return hidden * _NAME + sum(_COSTS.get(sign, 1 + (ord(sign) > 0xFFFF)) for sign in text)


_COSTS = {"&": 5, "<": 4, ">": 4, "\n": 2, "*": 3, "_": 3, "~": 3, "`": 3}
_INVISIBLE = regex.compile(
    r"[[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Zl}\p{Zp}\ufff9-\ufffb]--[\n\t]]", regex.V1
)
_NAME = 10  # such as ‹U+E0001›


def _is_web_address(link: str) -> bool:
    parts = urlsplit(link)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in link
