"""The digest as a message: what moved, at a glance. About 20 blocks, whatever the amount."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot import times
from bot.charts import change
from bot.digest_plans import Owed, name
from bot.digests import Digest, DuePost, Illustrated
from bot.performance import ENGAGEMENT, AccountPerformance, BestPost
from bot.periods import Period, Span
from bot.posts import text_of
from handlers.ids import Act
from handlers.slack_text import escape
from handlers.views.blocks import (
    Block,
    button,
    context,
    divider,
    header,
    mrkdwn,
    picture,
    section,
)
from handlers.views.texts import excerpt
from storage.records import AccountState, Sentiment

MOST_ACCOUNTS = 8  # beside each other in fields, of which Slack takes ten
MOST_DUE = 5
MOST_TROUBLES = 5
EXCERPT = 220
DUE_EXCERPT = 70
_SMALL = 10  # below this a percentage says less than the number itself

GATHERING = "Gathering the numbers …"
NO_CHART = (
    ":warning: The chart couldn't be drawn this time. The numbers here are complete without it."
)


def digest_message(
    shown: Illustrated, file_id: str | None, owed: Owed | None = None
) -> tuple[str, list[Block]]:
    """A digest as text and blocks.

    :param file_id: the bot's own upload of its chart, if there is one.
    :param owed: the plan by which it is posted; None if somebody asked for it.
    """
    digest = shown.digest
    late = [context(_late(owed))] if owed is not None and owed.is_late else []
    if digest.is_quiet:
        said = f"*{_title(digest)}:* nothing to report. {_nothing(digest)}"
        return said, [section(said), *late, *_troubles(digest)]
    blocks = [header(_title(digest)), context(_against(digest.period)), *late]
    blocks += _accounts(digest)
    if file_id is not None:
        blocks.append(picture(file_id, shown.alt))
    elif shown.chart_failed:
        blocks.append(context(NO_CHART))
    blocks += _best(digest)
    blocks += [divider(), _people(digest)]
    if not digest.only_numbers:
        blocks.append(_today(digest))
    blocks += _troubles(digest)
    if owed is not None:
        blocks.append(context(f"Comes {name(owed.plan)}. Change or stop it: `/social digest`"))
    return _in_short(digest), blocks


def _title(digest: Digest) -> str:
    period = digest.period
    match period.span:
        case Span.DAY:
            today = digest.made_at.astimezone(period.zone).date()
            yesterday = "Yesterday, " if period.last == today - timedelta(days=1) else ""
            return f"{yesterday}{period.last:%A} {period.last.day} {period.last:%B}"
        case Span.WEEK:
            first, last = period.first, period.last
            return f"The week of {first.day} {first:%B} to {last.day} {last:%B}"
        case Span.SO_FAR:
            return "The last 7 days, up to now"


def _against(period: Period) -> str:
    zone = escape(period.zone.key)
    first = f"{period.first:%a} {period.first.day} {period.first:%b}"
    match period.span:
        case Span.SO_FAR:
            return f"Since {first}, against the same days a week earlier · {zone}"
        case Span.WEEK:
            return f"Against the week before · {zone}"
        case Span.DAY:
            return f"Against the day before · {zone}"


def _late(owed: Owed) -> str:
    due = times.spoken(owed.occurrence, owed.period.zone)
    return f":hourglass: Late: it was due {due}. Socialdesk couldn't post it then."


def _nothing(digest: Digest) -> str:
    known = all(one.engagement is not None for one in digest.accounts)
    fresh = "No new posts, engagement or mentions" if known else "No new posts or mentions"
    return f"{fresh}." if digest.only_numbers else f"{fresh}, and nothing is due today."


def _in_short(digest: Digest) -> str:
    posts, engaged = _total(one.posts for one in digest.accounts), _engagement(digest.accounts)
    heard = sum(digest.mentions.values())
    said = [
        *([f"engagement {engaged:,}"] if engaged is not None else []),
        _counted(posts or 0, "post"),
        _counted(heard, "mention"),
    ]
    return f"{_title(digest)}: {', '.join(said)}"


# Accounts


def _accounts(digest: Digest) -> list[Block]:
    if not digest.accounts:
        return [section("No account is connected. Connect one with `/social connect`.")]
    listed = list(digest.accounts)
    rest = listed[MOST_ACCOUNTS - 1 :] if len(listed) > MOST_ACCOUNTS else []
    fields = [_account(one) for one in listed[: len(listed) - len(rest)]]
    if rest:
        fields.append(_figures(f"{len(rest)} others", rest))
    blocks: list[Block] = [{"type": "section", "fields": [mrkdwn(text) for text in fields]}]
    if len(listed) > 1:
        blocks.insert(0, section(_together(digest)))
    return blocks


def _together(digest: Digest) -> str:
    """All accounts in one line, for who reads no further."""
    accounts = digest.accounts
    said = []
    if (engaged := _engagement(accounts)) is not None:
        said.append(f"engagement *{engaged:,}*{_moved(engaged, _engagement_before(accounts))}")
    if (gained := _total(one.followers_gained for one in accounts)) is not None:
        said.append(f"followers *{_signed(gained)}*")
    said.append(f"*{_counted(_total(one.posts for one in accounts) or 0, 'post')}*")
    return f"Together: {' · '.join(said)}"


def _account(one: AccountPerformance) -> str:
    return _figures(escape(one.account.label), [one])


def _figures(title: str, several: Sequence[AccountPerformance]) -> str:
    followers = _total(one.followers for one in several)
    gained = _total(one.followers_gained for one in several)
    engaged, before = _engagement(several), _engagement_before(several)
    posts = _total(one.posts for one in several) or 0
    posts_before = (
        _total(one.posts_before for one in several)
        if all(one.posts_before is not None for one in several)
        else None
    )
    lines = [f"*{title}*"]
    lines.append(
        "Followers not known"
        if followers is None
        else f"Followers  *{followers:,}*{_arrow(gained)}"
    )
    lines.append(
        "Engagement not known"
        if engaged is None
        else f"Engagement  *{engaged:,}*{_moved(engaged, before)}"
    )
    lines.append(f"Posts  *{posts}*{_before(posts, posts_before)}")
    return "\n".join(lines)


def _engagement(several: Sequence[AccountPerformance]) -> int | None:
    return _total(one.engagement for one in several)


def _engagement_before(several: Sequence[AccountPerformance]) -> int | None:
    """Known only if it is known of all whose engagement is: else it compares apples with pears."""
    counted = [one for one in several if one.engagement is not None]
    if any(one.engagement_before is None for one in counted):
        return None
    return _total(one.engagement_before for one in counted)


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _arrow(gained: int | None) -> str:
    if not gained:
        return ""
    return f"  ▲ {gained:,}" if gained > 0 else f"  ▼ {-gained:,}"


def _moved(value: int, before: int | None) -> str:
    """How a number moved: in percent, or beside the number itself where that is small."""
    if before is None:
        return ""
    if before < _SMALL:
        return _before(value, before)
    said = change(value, before, up="▲ ", down="▼ ")
    return f"  {said}" if value != before else "  as before"


def _before(value: int, before: int | None) -> str:
    if before is None or value == before == 0:
        return ""
    return "  as before" if value == before else f"  ({before:,} before)"


def _signed(number: int) -> str:
    return "±0" if number == 0 else f"{'+' if number > 0 else '−'}{abs(number):,}"


# The best post


def _best(digest: Digest) -> list[Block]:
    best, revision = digest.best, digest.best_revision
    if best is None or revision is None:
        return []
    beginning = excerpt(text_of(revision), EXCERPT) or "_only pictures_"
    said = " · ".join(
        _counted(best.gained[key], key.removesuffix("s").replace("replie", "reply"))
        for key in ENGAGEMENT
        if best.gained.get(key, 0) > 0
    )
    links = " · ".join(_link(digest, best))
    return [section(f"*The best post*  {said}\n>{beginning}\n{links}")]


def _link(digest: Digest, best: BestPost) -> list[str]:
    labels = {one.account.account.id: one.account.label for one in digest.accounts}
    links = []
    for one in best.went_out:
        label = escape(labels.get(one.account_id, "See it"))
        links.append(f"<{_address(one.url)}|{label}>" if one.url else label)
    return links


def _address(url: str) -> str:
    """A network's address, with nothing in it that could end the link early."""
    safe = url.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
    return safe.replace("&", "&amp;")


# What people say, and what is next

_TONES = {
    Sentiment.NEGATIVE: "negative",
    Sentiment.NEUTRAL: "neutral",
    Sentiment.POSITIVE: "positive",
    Sentiment.UNCLASSIFIED: "unclassified",
}


def _people(digest: Digest) -> Block:
    """Mentions and how they were answered, beside each other."""
    block: Block = {"type": "section", "fields": [mrkdwn(_mentions(digest))]}
    if answers := _answers(digest):
        block["fields"].append(mrkdwn(answers))
        if digest.responses.open.count:
            block["accessory"] = button("Mentions", Act.OPEN_MENTIONS)
    return block


def _mentions(digest: Digest) -> str:
    heard = sum(digest.mentions.values())
    before = sum(digest.mentions_before.values())
    lines = [f"*Mentions  {heard}*{_before(heard, before)}"]
    tones = [
        f"{digest.mentions[tone]} {said}"
        for tone, said in _TONES.items()
        if digest.mentions.get(tone)
    ]
    lines += [" · ".join(tones)] if tones else []
    return "\n".join(lines)


def _answers(digest: Digest) -> str:
    told = digest.responses
    lines = []
    if told.first_answer is not None:
        lines.append(f"First answer after {_span(told.first_answer)}{_median(told.answered)}")
    if told.solution is not None:
        lines.append(f"Solved after {_span(told.solution)}{_median(told.solved)}")
    if told.missed.answer:
        lines.append(f":warning: {told.missed.answer} not answered within 12 h")
    if told.missed.solution:
        lines.append(f":warning: {told.missed.solution} not solved within 24 h")
    if told.open.count:
        overdue = f", {told.open.overdue} of them overdue" if told.open.overdue else ""
        lines.append(f"{told.open.count} open now{overdue}")
    return "\n".join(["*Complaints*", *lines]) if lines else ""


def _median(count: int) -> str:
    return f" (median of {count})" if count > 1 else ""


def _span(waited: timedelta) -> str:
    minutes = max(0, round(waited.total_seconds() / 60))
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days {hours % 24} h"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def _today(digest: Digest) -> Block:
    due = digest.due
    lines = [f"*Still due today*  {len(due) or 'nothing'}"]
    lines += [_due(one, digest) for one in due[:MOST_DUE]]
    if len(due) > MOST_DUE:
        lines.append(f"… and {len(due) - MOST_DUE} more")
    if more := digest.waiting - sum(not one.is_approved for one in due[:MOST_DUE]):
        others = "other " if more < digest.waiting else ""
        lines.append(f":eyes: {_counted(more, f'{others}post')} to approve")
    wanted = bool(due or digest.waiting)
    open_queue = button("What is coming", Act.OPEN_QUEUE) if wanted else None
    return section("\n".join(lines), accessory=open_queue)


def _due(one: DuePost, digest: Digest) -> str:
    beginning = excerpt(text_of(one.revision), DUE_EXCERPT) or "_only pictures_"
    where = one.accounts[0] if len(one.accounts) == 1 else _counted(len(one.accounts), "account")
    waits = "" if one.is_approved else ", *not approved yet*"
    at = _clock(one.post.due_at or digest.made_at, digest.period)
    return f"•  *{at}*  {beginning}  (_{escape(where)}_{waits})"


def _clock(instant: datetime, period: Period) -> str:
    """A time of day that each reader sees in their own zone."""
    local = instant.astimezone(period.zone)
    return f"<!date^{int(instant.timestamp())}^{{time}}|{local:%H:%M}>"


# What isn't known


def _troubles(digest: Digest) -> list[Block]:
    """Gaps in the numbers, said; the worst first."""
    said = [trouble for one in digest.accounts if (trouble := _trouble(one, digest.period))]
    shown = said[:MOST_TROUBLES]
    if len(said) > len(shown):
        shown.append(f"… and gaps in the numbers of {len(said) - len(shown)} other accounts.")
    return [context("\n".join(shown))] if shown else []


def _trouble(one: AccountPerformance, period: Period) -> str:
    who = f"*{escape(one.account.label)}*"
    if one.account.account.state is AccountState.EXPIRED:
        ends = f" Its numbers end {_moment(one.until, period)}." if one.until else ""
        return f":warning: {who} must be connected again: `/social connect`.{ends}"
    if one.engagement is None and not one.is_silent:
        return f"{who}: nothing was measured in this time."
    if one.until is not None and one.is_silent:
        return f"{who}: no numbers since {_moment(one.until, period)}."
    if one.until is not None:
        until = _moment(one.until, period)
        return f"{who}: counted until {until}; what came later counts for the next day."
    if one.engagement is None:
        return f"{who}: no numbers yet."
    if one.since is not None and one.since > period.start:
        return f"{who}: counted since {_moment(one.since, period)}, when measuring began."
    if one.since is not None:
        since = _moment(one.since, period)
        return f"{who}: nothing was measured for a while; counted since {since}."
    return ""


def _moment(instant: datetime, period: Period) -> str:
    local = instant.astimezone(period.zone)
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def _counted(count: int, word: str) -> str:
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{count:,} {word if count == 1 else plural}"
