"""Forms that change while somebody fills them in: in the end they show what was pressed last."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from slack_sdk.errors import SlackApiError

from handlers.requests import Press, View

REMEMBERED = 500  # forms; a press comes within seconds of the one before


@dataclass(slots=True)
class _Shown:
    """What we know of one open form."""

    newest: float = 0.0  # of the presses in it, by Slack's time
    hash: str | None = None  # of what we showed last
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Refreshing:
    """Updates the forms of one feature.

    Two presses in quick succession (a date, then a time) both name the form as it was before
    either was shown. Whichever is ready first, the later one is what the form shows in the end;
    one that has become something else meanwhile (submitted, closed) is left alone.
    """

    def __init__(self) -> None:
        self._forms: OrderedDict[str, _Shown] = OrderedDict()

    def pressed(self, press: Press) -> None:
        """Something was pressed; said at once, as making the view may take a while."""
        form = self._form(press)
        form.newest = max(form.newest, _moment(press))

    async def show(self, press: Press, view: View) -> None:
        """Show the form as this press left it, unless a later one does."""
        assert press.view is not None
        form = self._form(press)
        async with form.turn:
            if _moment(press) < form.newest:
                return
            for seen in dict.fromkeys((press.view["hash"], form.hash)):
                if seen is not None and await self._update(press, view, seen, form):
                    return

    async def _update(self, press: Press, view: View, seen: str, form: _Shown) -> bool:
        """Whether nothing is left to try."""
        assert press.view is not None
        try:
            answer = await press.client.views_update(view_id=press.view["id"], hash=seen, view=view)
        except SlackApiError as error:
            match error.response.get("error"):
                case "hash_conflict":
                    return False
                case "not_found":  # it was closed
                    return True
                case _:
                    raise
        form.hash = answer["view"]["hash"]
        return True

    def _form(self, press: Press) -> _Shown:
        assert press.view is not None
        form = self._forms.setdefault(press.view["id"], _Shown())
        self._forms.move_to_end(press.view["id"])
        if len(self._forms) > REMEMBERED:
            self._forms.popitem(last=False)
        return form


def _moment(press: Press) -> float:
    return float(press.action["action_ts"])
