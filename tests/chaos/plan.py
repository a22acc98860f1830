"""What will happen, from one seed: posts, the servers' faults, and what befalls the processes.

Faults belong to a post's mark and to how often it was tried, never to the moment, so the same seed
gives each post the same troubles however the processes are scheduled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import Random

from bot.attempts import Timing
from bot.networks.base import Uncertainty

# How the servers keep what the networks declare (``networks.py``).
GRACE = timedelta(seconds=1.5)  # from a request's arrival until what it made can be read, at most
KEY_LIFE = timedelta(seconds=20)

# What a process allows itself; all of it is minutes in a real one.
TIMING = Timing(
    call=timedelta(seconds=1.5),
    lease=timedelta(seconds=3),
    patience=timedelta(seconds=1),
    notice=timedelta(seconds=4),
    longest_wait=timedelta(seconds=8),
    ahead=timedelta(seconds=1),
    claim=timedelta(seconds=2),
)

CLIENT_S = 0.8 * TIMING.call.total_seconds()  # how long a client waits for an answer

KINDS = {"keyed": Uncertainty.SAME_KEY, "listed": Uncertainty.LOOK_UP, "blind": Uncertainty.ASK}
ACCOUNTS_EACH = 2


class Fault(StrEnum):
    """How a server treats one request that it would have carried out."""

    # nothing is done
    LIMITED = "429"
    BUSY = "503"
    BROKEN = "500"
    HTML = "a web page instead of an answer"
    GARBAGE = "cut JSON"
    RESET = "the connection is reset"
    HANG = "silence"
    # it is done
    LATE = "carried out late, answered"
    THEN_DROPPED = "carried out, then the connection ends"
    THEN_RESET = "carried out, then the connection is reset"
    THEN_SILENCE = "carried out, then silence"
    THEN_BROKEN = "carried out, then 500"
    THEN_HTML = "carried out, then a web page"
    THEN_GARBAGE = "carried out, then cut JSON"
    LATE_THEN_DROPPED = "carried out late, then the connection ends"


NOTHING_DONE = (
    Fault.LIMITED,
    Fault.BUSY,
    Fault.BROKEN,
    Fault.HTML,
    Fault.GARBAGE,
    Fault.RESET,
    Fault.HANG,
)


def fault_of_post(seed: str, post: str, parts: int, number: int) -> Fault | None:
    """What goes wrong with the ``number``-th (1, 2, ...) request to publish (a part of) a post: at
    most twice something does, wherever in a thread."""
    random = Random(f"{seed} {post}")
    [times] = random.choices((0, 1, 2), (65, 25, 10))
    if number not in random.sample(range(1, parts + 2), times):
        return None
    return Random(f"{seed} {post} {number}").choice(tuple(Fault))


def fault_of_call(seed: str, call: str, number: int) -> Fault | None:
    """What goes wrong with the ``number``-th (1, 2, ...) request of another kind, as for a list."""
    random = Random(f"{seed} {call} {number}")
    return random.choice(NOTHING_DONE) if random.random() < 0.1 else None


@dataclass(frozen=True, slots=True)
class PlannedPost:
    """One delivery: ``parts`` posts of a thread; ``is_refused``: the network never takes it."""

    number: int
    network: str
    account: int
    author: int
    parts: int
    pictures: int
    is_reply: bool
    is_refused: bool
    due_after_s: float

    @property
    def marks(self) -> tuple[str, ...]:
        """By which each of its parts is known, wherever it turns up."""
        return tuple(
            f"[{self.number:05d}.{part}/{self.parts}]" for part in range(1, self.parts + 1)
        )

    @property
    def text(self) -> str:
        said = [
            f"{mark} {'nobody wants this' if self.is_refused else 'Fresh beans'}"
            for mark in self.marks
        ]
        return "\n---\n".join(said)


class What(StrEnum):
    """What befalls a process. It is started again whenever it has ended."""

    KILLED = "killed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Incident:
    """``after_s`` counts from the start; a stopped process goes on after ``lasting_s``."""

    what: What
    process: int
    after_s: float
    lasting_s: float = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run does on purpose."""

    seed: str
    posts: Sequence[PlannedPost]
    authors: int
    incidents: Sequence[Incident]


def make_plan(seed: str, *, posts: int, kills: int, processes: int, lasting_s: float) -> Plan:
    """The plan of one run.

    :param lasting_s: posts come due, and incidents happen, within that time.
    :param kills: how often a process is killed; a third as often one is stopped.
    """
    random = Random(seed)
    # A person's messages come at most one a second, so many people share the trouble.
    authors = max(5, posts // 5)
    planned = [_post(random, number, authors, lasting_s) for number in range(posts)]
    stops = [
        Incident(
            What.STOPPED,
            number % processes,
            random.uniform(0.5, lasting_s),
            random.uniform(0.5, 2) + (TIMING.lease + TIMING.patience).total_seconds(),
        )
        for number in range(max(1, kills // 3))
    ]
    killed = [
        Incident(
            What.KILLED, process := number % processes, _moment(random, process, stops, lasting_s)
        )
        for number in range(kills)
    ]
    incidents = sorted([*stops, *killed], key=lambda each: each.after_s)
    return Plan(seed, planned, authors, incidents)


def _moment(random: Random, process: int, stops: Sequence[Incident], lasting_s: float) -> float:
    """For a kill; mostly not while the process is stopped, so that it goes on sometimes."""
    for _ in range(3):
        moment = random.uniform(0.5, lasting_s)
        if not any(
            stop.process == process and 0 < moment - stop.after_s < stop.lasting_s + 1
            for stop in stops
        ):
            break
    return moment


def _post(random: Random, number: int, authors: int, lasting_s: float) -> PlannedPost:
    shape = random.random()
    return PlannedPost(
        number=number,
        network=tuple(KINDS)[number % len(KINDS)],
        account=random.randrange(ACCOUNTS_EACH),
        author=random.randrange(authors),
        parts=random.randint(2, 5) if shape < 0.15 else 1,
        pictures=random.randint(1, 3) if 0.1 < shape < 0.25 else 0,
        is_reply=0.25 < shape < 0.35,
        is_refused=shape > 0.97,
        due_after_s=random.uniform(0, lasting_s),
    )
