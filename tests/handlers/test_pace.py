"""What costs money or noise, or tries passwords, is limited per person; nothing typed is lost."""

from limits import parse

from bot.errors import UserError
from bot.pace import LIMITS, Costly, Pace
from bot.playground.seed import ANA, DANA, EVA
from bot.team import Person
from tests.handlers.stage import Stage, inputs_of, text_of

EVA_HERE = Person("T1", "UEVA")


def refusal(pace: Pace, person: Person, costly: Costly) -> str:
    try:
        pace.require(person, costly)
    except UserError as error:
        return str(error)
    return ""


def test_each_limit_is_the_persons_own_and_says_when_to_try_again() -> None:
    for costly, written in LIMITS.items():
        limit = parse(written)
        pace = Pace()
        assert not any(refusal(pace, EVA_HERE, costly) for _ in range(limit.amount))
        said = refusal(pace, EVA_HERE, costly)
        assert f"{limit.amount} times" in said
        assert "Try again in " in said
        assert "Nothing was changed" in said
        assert refusal(pace, Person("T1", "UBEN"), costly) == ""
        assert refusal(pace, Person("T2", "UEVA"), costly) == ""
        others = [one for one in Costly if one is not costly]
        assert not any(refusal(pace, EVA_HERE, one) for one in others)


async def test_passwords_can_not_be_tried_for_ever_and_what_was_typed_stays(stage: Stage) -> None:
    person = Person(stage.bot.team_id, EVA)
    for _ in range(parse(LIMITS[Costly.CONNECT]).amount):
        stage.services.pace.require(person, Costly.CONNECT)
    await stage.command(EVA, "/social connect")
    form = await stage.modal(EVA, "connect")
    fields = {block["block_id"] for block in inputs_of(form)}
    typed = {name: "acorn" for name in fields if "handle" in name}
    typed |= {name: "wrong" for name in fields if "password" in name}
    await stage.submit_fields(form, typed)
    again = await stage.modal(EVA, "That was too often")
    assert "acorn" in text_of(again)
    assert "wrong" not in text_of(again)


async def test_the_brake_and_decisions_have_no_limit(stage: Stage) -> None:
    for number in range(40):
        await stage.command(ANA, f"/social pause again {number}")
    await stage.settled()
    shown = await stage.whispered(ANA, "paused")
    assert "too often" not in text_of(shown)
    assert "pause" not in " ".join(Costly)


async def test_watches_are_limited_in_words(stage: Stage) -> None:
    person = Person(stage.bot.team_id, DANA)
    for _ in range(parse(LIMITS[Costly.WATCH]).amount):
        stage.services.pace.require(person, Costly.WATCH)
    await stage.command(DANA, "/social watch Oak Coffee")
    await stage.whispered(DANA, "add words and feeds")
