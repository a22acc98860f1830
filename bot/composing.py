"""What a form would publish on each account, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import regex

from bot.accounts import AccountChoice, Accounts
from bot.errors import FieldErrors
from bot.networks.base import Limits, Network
from bot.posts import thread_parts, with_link, without_link
from storage.records import Content, Picture, Revision, When

MOST_TO_READ = 20_000  # what a card and its thread can show of different texts, see `shown_size`
MOST_POSTS = 25  # of a thread: as many as people still read, and a card shows
MOST_NAMED = 3  # posts of a thread that are named as too long


@dataclass(frozen=True, slots=True)
class PostForm:
    """What a person filled in. ``words`` is set when the time was given in words; ``at`` beside
    them is how they were understood and shown, which counts as long as it is to come.

    ``tailored`` maps a network's name to its own text; pictures hold their alt text.
    ``new_campaign`` names a campaign that isn't among the known ones.
    """

    text: str
    account_ids: tuple[str, ...]
    link: str = ""
    pictures: tuple[Picture, ...] = ()
    tailored: Mapping[str, str] | None = None
    when: When = When.NOW
    at: datetime | None = None
    words: str = ""
    campaign_id: str | None = None
    new_campaign: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """One account's count: what it would publish (several posts are a thread), and how much each
    uses of ``limit``, in the network's own units."""

    choice: AccountChoice
    posts: tuple[str, ...]
    used: tuple[int, ...]
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


def common_text(form: PostForm, content: Content) -> str:
    """The text that stands for the post in lists, and that *Edit* begins with: the form's, or the
    first network's own where each has its own. What is published nowhere must stand for nothing.
    """
    if with_link(form.text.strip(), content.link) in content.texts.values():
        return form.text
    return without_link(next(iter(content.texts.values())), content.link)


def suggested_form(
    revision: Revision, texts: Mapping[str, str], networks: Mapping[str, str]
) -> PostForm:
    """A revision's content with other texts, as a form with a text for each network.

    :param texts: by account, as they are published.
    :param networks: each account's network.
    """
    content = revision.content
    common = with_link(revision.base_text.strip(), content.link)
    base = [texts[key] for key, text in content.texts.items() if text == common]
    return PostForm(
        text=without_link(base[0], content.link) if base else revision.base_text,
        account_ids=content.account_ids,
        link=content.link or "",
        pictures=content.pictures,
        tailored={networks[key]: without_link(text, content.link) for key, text in texts.items()},
    )


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
    posts = thread_parts(text)
    problems = []
    if len(posts) > 1 and not network.threads:
        problems.append(
            f"{network.label} has no threads: take out the lines of ---, or tailor its text in the "
            "next step."
        )
        posts = [text]
    elif len(posts) > MOST_POSTS:
        problems.append(f"A thread can have {MOST_POSTS} posts; this one has {len(posts)}.")
    problems += _too_long(network, posts, choice.limits)
    if pictures > choice.limits.pictures:
        problems.append(
            f"{choice.label} takes {choice.limits.pictures} pictures; this post has {pictures}."
        )
    used = tuple(map(network.count, posts))
    return Count(choice, tuple(posts), used, choice.limits.text, tuple(problems))


def _too_long(network: Network, posts: Sequence[str], limits: Limits) -> list[str]:
    """What the network would refuse about each text; in a thread, which post it is."""
    if len(posts) == 1:
        return network.text_problems(posts[0], limits)
    found = [
        f"Part {number} of {len(posts)}: {problem}"
        for number, post in enumerate(posts, start=1)
        for problem in network.text_problems(post, limits)
    ]
    more = len(found) - MOST_NAMED
    return [*found[:MOST_NAMED], f"{more} more parts are too long."] if more > 0 else found


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
    if not form.pictures and not all(thread_parts(text)[0].strip() for text in texts.values()):
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
    """What a text takes on a card at most, in Slack's units: its escapes, the quoting, names for
    what is invisible and a section for each post of a thread included."""
    hidden = len(_INVISIBLE.findall(text))
    further = len(thread_parts(text)) - 1
    return (
        further * _SECTION
        + hidden * _NAME
        + sum(_COSTS.get(sign, 1 + (ord(sign) > 0xFFFF)) for sign in text)
    )


_COSTS = {"&": 5, "<": 4, ">": 4, "\n": 2, "*": 3, "_": 3, "~": 3, "`": 3}
_INVISIBLE = regex.compile(
    r"[[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Zl}\p{Zp}\ufff9-\ufffb]--[\n\t]]", regex.V1
)
_SECTION = 250
_NAME = 10  # such as ‹U+E0001›


def _is_web_address(link: str) -> bool:
    parts = urlsplit(link)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in link
