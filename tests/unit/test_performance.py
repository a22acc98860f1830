"""What snapshots say about a period; what isn't known is said, never made up."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from bot import periods
from bot.accounts import AccountChoice
from bot.performance import AccountPerformance, Records
from bot.periods import day_start
from storage.numbers import WentOut
from storage.records import Account, AccountState, Snapshot
from tests.unit.world import ScriptedNetwork

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
NINE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # Monday 9:00 in Berlin
SUNDAY = periods.day_before(NINE, BERLIN)
WEEK = periods.week_before(NINE, BERLIN)


def account(name: str = "a", connected_at: datetime = NINE - 90 * DAY) -> AccountChoice:
    made = Account(
        id=name,
        workspace_id="T1",
        network="scripted",
        remote_id=name,
        handle=f"@{name}",
        name=name,
        url="",
        server="",
        state=AccountState.ACTIVE,
        credentials=b"",
        limits={},
        slots=None,
        owner_id="U1",
        cursor=None,
        polled_at=None,
        problem=None,
        created_at=connected_at,
    )
    return AccountChoice(made, f"Net · @{name}", ScriptedNetwork.limits)


def taken(
    at: datetime, delivery: str | None = None, account_id: str = "a", **numbers: int
) -> Snapshot:
    key = f"{account_id}{delivery}{at.isoformat()}"
    return Snapshot(key, "T1", account_id, delivery, at, numbers)


def out(
    at: datetime, delivery: str = "d", post: str = "p", account_id: str = "a", **new: bool
) -> WentOut:
    flags = {"is_live": True, "is_reply": False, **new}
    return WentOut(delivery, account_id, post, f"r-{post}", at, f"https://x/{delivery}", **flags)


def followers(counts: Mapping[datetime, int]) -> list[Snapshot]:
    return [taken(at, followers=count) for at, count in counts.items()]


def only(
    snapshots: Iterable[Snapshot],
    went_out: Iterable[WentOut] = (),
    period: periods.Period = SUNDAY,
    choice: AccountChoice | None = None,
) -> AccountPerformance:
    [found] = Records([choice or account()], snapshots, list(went_out)).accounts(period)
    return found


START, END, BEFORE = SUNDAY.start, SUNDAY.end, SUNDAY.before_start


def test_followers_are_those_at_the_end_and_move_from_those_at_the_start() -> None:
    found = only(followers({START - HOUR / 2: 100, START + 9 * HOUR: 104, END + HOUR: 200}))
    assert (found.followers, found.followers_gained) == (104, 4)
    assert (found.since, found.until) == (None, START + 9 * HOUR)


def test_engagement_is_what_posts_gained_not_what_they_had() -> None:
    snapshots = [
        taken(START - HOUR, followers=1),
        taken(END - HOUR, followers=1),
        taken(START - HOUR, "old", likes=50, reposts=5, replies=1),
        taken(END - HOUR, "old", likes=53, reposts=5, replies=2),
        taken(END - HOUR, "new", likes=7, reposts=1, replies=0),
    ]
    found = only(snapshots, [out(START - 3 * DAY, "old"), out(START + HOUR, "new", "q")])
    assert found.engagement == 3 + 1 + 7 + 1
    assert (found.posts, found.posts_before) == (1, 0)


def test_the_period_before_counts_by_itself() -> None:
    snapshots = [
        taken(BEFORE - HOUR, followers=1),
        taken(START - HOUR, followers=1),
        taken(END - HOUR, followers=1),
        taken(BEFORE - HOUR, "d", likes=10),
        taken(START - HOUR, "d", likes=14),
        taken(END - HOUR, "d", likes=20),
    ]
    found = only(snapshots, [out(BEFORE - 2 * DAY)])
    assert (found.engagement, found.engagement_before) == (6, 4)


def test_nothing_measured_is_unknown_and_not_nought() -> None:
    found = only([], [out(START + HOUR)])
    assert (found.followers, found.followers_gained) == (None, None)
    assert (found.engagement, found.engagement_before) == (None, None)
    assert found.posts == 1, "we know what we published"


def test_an_account_that_was_not_measured_in_the_period_says_how_old_its_numbers_are() -> None:
    found = only(followers({START - 3 * DAY: 100}))
    assert (found.followers, found.followers_gained, found.engagement) == (100, None, None)
    assert found.until == START - 3 * DAY
    assert found.is_silent


def test_a_bot_that_slept_at_the_end_of_the_day_says_until_when_it_counted() -> None:
    found = only(followers({START: 100, START + 10 * HOUR: 104, END + 9 * HOUR: 120}))
    assert (found.followers_gained, found.until) == (4, START + 10 * HOUR)
    assert not found.is_silent, "it is measured again since"


def test_counting_that_began_in_the_middle_is_said() -> None:
    begun = START + 14 * HOUR
    found = only(
        [
            taken(begun, followers=100),
            taken(END - HOUR, followers=103),
            taken(begun, "old", likes=500),
            taken(END - HOUR, "old", likes=501),
        ],
        [out(START - 9 * DAY, "old")],
    )
    assert found.since == begun
    assert (found.followers_gained, found.engagement) == (3, 1), "only since then"
    assert found.engagement_before is None


def test_a_gap_before_the_period_is_said_because_what_was_gained_in_it_counts() -> None:
    found = only(followers({START - 4 * DAY: 100, START + 10 * HOUR: 140, END - HOUR: 141}))
    assert found.followers_gained == 41
    assert found.since == START - 4 * DAY


def test_a_post_out_just_before_the_period_counts_from_nought() -> None:
    found = only(
        [
            taken(START - HOUR, followers=1),
            taken(END - HOUR, followers=1),
            taken(START + HOUR, "d", likes=9),
        ],
        [out(START - HOUR / 2)],
    )
    assert found.engagement == 9


def test_a_period_before_the_account_was_there_is_no_nought_to_grow_from() -> None:
    fresh = account(connected_at=START + HOUR)
    found = only(
        followers({START + HOUR: 5, END - HOUR: 5}), [out(START + 2 * HOUR)], SUNDAY, fresh
    )
    assert (found.posts, found.posts_before, found.engagement_before) == (1, None, None)


def test_a_network_that_gives_less_gives_what_it_gives() -> None:
    found = only(
        [taken(START - HOUR), taken(END - HOUR), taken(END - HOUR, "d", likes=4)],
        [out(START + HOUR)],
    )
    assert (found.followers, found.followers_gained, found.engagement) == (None, None, 4)


def test_likes_taken_back_make_no_negative_engagement() -> None:
    found = only(
        [
            taken(START - HOUR, followers=1),
            taken(END - HOUR, followers=1),
            taken(START - HOUR, "d", likes=4),
            taken(END - HOUR, "d", likes=1),
        ],
        [out(START - DAY)],
    )
    assert found.engagement == 0


def test_the_best_post_is_best_over_all_its_accounts_and_no_reply() -> None:
    went_out = [
        out(START + HOUR, "one", "p"),
        out(START + HOUR, "two", "p", "b"),
        out(START + 2 * HOUR, "three", "q"),
        out(START + 3 * HOUR, "reply", "r", is_reply=True),
        out(START + 3 * HOUR, "gone", "s", is_live=False),
    ]
    snapshots = [
        taken(END - HOUR, "one", likes=5),
        taken(END - HOUR, "two", "b", likes=4, reposts=2),
        taken(END - HOUR, "three", likes=8),
        taken(END - HOUR, "reply", likes=90),
        taken(END - HOUR, "gone", likes=90),
    ]
    best = Records([account("a"), account("b")], snapshots, went_out).best_post(SUNDAY)
    assert best is not None
    assert [one.delivery_id for one in best.went_out] == ["one", "two"]
    assert best.gained == {"likes": 9, "reposts": 2}
    assert best.engagement == 11


def test_nothing_liked_is_no_best_post() -> None:
    records = Records([account()], [taken(END - HOUR, "d", likes=0)], [out(START + HOUR)])
    assert records.best_post(SUNDAY) is None


def test_a_day_without_measurement_is_a_gap_in_the_line() -> None:
    days = WEEK.days
    measured = [day_start(day, BERLIN) + 8 * HOUR for day in days if day != date(2026, 11, 18)]
    records = Records(
        [account()],
        [
            *(taken(at, followers=100 + n) for n, at in enumerate(measured)),
            *(taken(at, "d", likes=10 * n) for n, at in enumerate(measured)),
        ],
        [out(measured[0])],
    )
    now = WEEK.end
    assert records.engagement_by_day("a", days, BERLIN, now) == (0, 10, None, 10, 10, 10, 10)
    assert records.followers_by_day("a", days, BERLIN, now)[1:4] == (101, None, 102)


@example(history=[(313, 1)], out_hours=288)  # out before anything was measured
@example(history=[(312, 1)], out_hours=0)  # measured exactly at midnight
@given(
    st.lists(st.tuples(st.integers(0, 20 * 24), st.integers(0, 500)), min_size=1, max_size=40),
    st.integers(0, 20 * 24),
)
def test_days_add_up_to_their_week(history: list[tuple[int, int]], out_hours: int) -> None:
    """Whenever was measured, if every day was, the post with its account: likes only grow here."""
    begin = day_start(WEEK.first - 12 * DAY, BERLIN)
    published = begin + out_hours * HOUR
    gains = [(begin + hours * HOUR, gained) for hours, gained in history]
    times = {at for at, _ in gains} | {day_start(day, BERLIN) + HOUR for day in WEEK.days}
    snapshots = [
        *(taken(at, followers=1) for at in times),
        *(
            taken(at, "d", likes=sum(gained for when, gained in gains if published <= when <= at))
            for at in times
            if at >= published
        ),
    ]
    records = Records([account()], snapshots, [out(published)])
    days = records.engagement_by_day("a", WEEK.days, BERLIN, WEEK.end)
    [whole] = records.accounts(WEEK)
    assert sum(value or 0 for value in days) == whole.engagement
