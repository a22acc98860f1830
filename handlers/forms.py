"""What comes of a submitted form, while Slack waits for the answer and after that."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.errors import FieldErrors
from handlers.errors import explain
from handlers.payloads import input_blocks
from handlers.requests import Done, FormAnswer, Next, Submission, View
from handlers.slack_text import escape
from handlers.views.messages import message, refilled

Again = Callable[[Submission, str], Awaitable[View]]
"""The form with everything that was filled in, and a problem (mrkdwn) on top."""


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, or errors beside the form's fields, or the form again with a problem on top."""

    answer: FormAnswer | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    view: View | None = None

    def acknowledgement(self) -> dict[str, Any]:
        """As Slack takes it while it waits."""
        if self.errors:
            return {"response_action": "errors", "errors": self.errors}
        if isinstance(self.answer, Done):
            return {"response_action": "clear"}
        view = self.answer.view if isinstance(self.answer, Next) else self.view
        return {"response_action": "update", "view": view}

    async def late(self, submission: Submission, again: Again) -> tuple[View, str]:
        """What is shown in the place of *Checking*, and the problem if there is one.

        Errors beside fields can only be given while Slack waits; here they stand on top.
        """
        if self.errors:
            problem = _on_top(self.errors, submission.body["view"])
            return await _form_again(submission, again, problem), problem
        if isinstance(self.answer, Next):
            return self.answer.view, ""
        if self.view is not None:
            return self.view, self.problem
        return message("Done", "It's done. You can close this.", None), ""


async def result_of(
    submission: Submission,
    work: Callable[[Submission], Coroutine[Any, Any, FormAnswer]],
    again: Again,
) -> Result:
    """Do a form's work; never raises, because somebody looks at the form."""
    try:
        return Result(answer=await work(submission))
    except FieldErrors as error:
        placed = _placed(error, submission.body["view"])
        if placed:
            return Result(errors=placed)
        problem = escape(" ".join(error.fields.values()))
    except Exception as error:  # the boundary of a form: its content must come back
        problem = explain(error)
    return Result(problem=problem, view=await _form_again(submission, again, problem))


async def refill(submission: Submission, problem: str) -> View:
    """The form as Slack sent it."""
    return refilled(submission.body["view"], problem)


async def afterwards(answer: FormAnswer) -> None:
    """What follows once the form is done with."""
    if isinstance(answer, Done) and answer.then is not None:
        await answer.then()


async def _form_again(submission: Submission, again: Again, problem: str) -> View:
    try:
        return await again(submission, problem)
    except Exception as error:  # nobody must be left with *Checking*
        explain(error)
        return await refill(submission, problem)


def _on_top(errors: Mapping[str, str], view: Mapping[str, Any]) -> str:
    """The problems in one text, each with the label of its field."""
    labels = {
        block["block_id"]: block["label"]["text"]
        for block in view["blocks"]
        if block["type"] == "input"
    }
    return "\n".join(
        f"*{escape(labels[place])}*: {escape(problem)}" for place, problem in errors.items()
    )


def _placed(error: FieldErrors, view: Mapping[str, Any]) -> dict[str, str]:
    """Each problem beside its field; one whose field isn't shown goes to the first field. Empty
    where the view has no fields."""
    shown = input_blocks(view)
    placed: dict[str, str] = {}
    for name, problem in error.fields.items() if shown else ():
        place = name if name in shown else shown[0]
        placed[place] = f"{placed[place]} {problem}" if place in placed else problem
    return placed
