"""Who lives on Sandbox when it is first opened, and what they have said so far.

Nothing here that names the brand is younger than a day, so an account that is connected afterwards
starts with an empty inbox.
"""

from dataclasses import dataclass

BRAND = "acorn"


@dataclass(frozen=True, slots=True)
class SeedPerson:
    """Somebody with an account. ``hue`` picks the colour of the avatar (0 to 7)."""

    handle: str
    name: str
    bio: str
    password: str
    hue: int
    followers: int
    following: int


@dataclass(frozen=True, slots=True)
class SeedPost:
    """A post of the past; ``answers`` is the position of the post it replies to."""

    author: str
    hours_ago: float
    text: str
    answers: int | None = None
    liked_by: tuple[str, ...] = ()


PEOPLE = (
    SeedPerson(
        BRAND,
        "Acorn Coffee",
        "Small-batch coffee, roasted on Tuesdays and Thursdays. Three cafés, one web shop.",
        "acorn-coffee",
        0,
        1284,
        96,
    ),
    SeedPerson(
        "mia", "Mia Okafor", "Runs, reads, drinks too much coffee.", "mia-sandbox", 1, 212, 180
    ),
    SeedPerson(
        "tom", "Tom Lindqvist", "Carpenter. Opinions about tables.", "tom-sandbox", 2, 87, 143
    ),
    SeedPerson("lea", "Léa Moreau", "Illustrator, mostly birds.", "lea-sandbox", 3, 640, 305),
    SeedPerson("jonas", "Jonas Weber", "Night trains and slow food.", "jonas-sandbox", 4, 158, 161),
    SeedPerson("priya", "Priya Raman", "Teaches maths. Bakes.", "priya-sandbox", 5, 391, 220),
)

HISTORY = (
    SeedPost(
        "acorn",
        171,
        "New on the shelf: our autumn blend. Hazelnut, plum, a little cocoa. ☕ #autumnblend",
        liked_by=("mia", "lea"),
    ),
    SeedPost("lea", 169.5, "The bag is beautiful. Who drew the squirrel?", answers=0),
    SeedPost("acorn", 168.8, "@lea Our barista Noor did. She says thank you!", answers=1),
    SeedPost("jonas", 98, "Fourteen hours on the night train and the sunrise was worth all of it."),
    SeedPost(
        "mia",
        77,
        "Half a kilo of beans from @acorn, a new book, and rain outside. That's the weekend.",
        liked_by=("acorn", "priya"),
    ),
    SeedPost(
        "acorn",
        53,
        "Our café at the canal opens at 7:00 from Monday. First fifty coffees are on us.",
        liked_by=("tom", "jonas"),
    ),
    SeedPost("tom", 52.2, "Seven! Finally somebody who thinks of carpenters.", answers=5),
    SeedPost("priya", 30, "@acorn do you ship the autumn blend to Norway?", answers=0),
    SeedPost("acorn", 29.4, "@priya We do, in four to six days.", answers=7, liked_by=("priya",)),
    SeedPost(
        "lea",
        9,
        "Drew a heron this morning. It did not sit still for even one second. #birds",
        liked_by=("mia", "jonas", "priya"),
    ),
    SeedPost("tom", 4.5, "A table needs four legs and one good reason.", liked_by=("lea",)),
    SeedPost("priya", 1.2, "Cinnamon buns: 24 made, 3 left. Nobody in this house confesses."),
)

COMPLAINTS = (
    "@{brand} My order has been stuck for a week and nobody answers my emails. Very disappointed.",
    "The grinder I bought from @{brand} broke after two days and I am angry. Terrible quality.",
    "@{brand} you charged me twice and your support is useless. I want my money back.",
    "Waited 40 minutes at @{brand} for a cold coffee and a rude answer. Awful, never again.",
)
ANGRY_REPLIES = (
    "Nice words, but my last two parcels from you arrived broken. This is really bad service.",
    "I wrote to you three times about my refund and got no answer. Terrible.",
    "Sorry, but the last bag tasted awful and your support ignored me. Very disappointed.",
)
PRAISES = (
    "The autumn blend from @{brand} is wonderful. Best coffee I have had all year!",
    "Lost my parcel, and @{brand} sent a new one within a day. Great people, thank you!",
    "@{brand} your canal café is lovely. I love the new opening hours.",
)
QUESTIONS = (
    "@{brand} what time do you close on Sunday?",
    "@{brand} do you have the autumn blend as whole beans?",
)
