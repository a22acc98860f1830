"""`/social connect`: accounts are connected, connected again, disconnected."""

from collections.abc import Mapping

from bot.accounts import AccountChoice
from bot.errors import FieldErrors, NotFound
from bot.networks.base import Network
from bot.pace import Costly
from bot.team import Action, Person
from handlers.ids import Act, Form
from handlers.inbound import Desk
from handlers.payloads import unpack
from handlers.requests import FormAnswer, Next, Press, Request, Submission, View
from handlers.slack_text import escape
from handlers.views.connect import (
    accounts_view,
    block_id,
    connect_view,
    disconnect_form,
)
from storage.records import Account


def register(desk: Desk) -> "Connecting":
    """The form and its list; gives them."""
    connecting = Connecting(desk)
    desk.command(
        "connect",
        connecting.open,
        usage="connect",
        summary="See, connect and disconnect social accounts",
    )
    desk.press(Act.OPEN_CONNECT, connecting.open)
    desk.press(Act.CONNECT_NETWORK, connecting.switch)
    desk.press(Act.ACCOUNT_MENU, connecting.choose)
    desk.press(Act.RECONNECT, connecting.reconnect)
    desk.form(Form.CONNECT, connecting.submit, again=connecting.again)
    desk.form(Form.DISCONNECT, connecting.disconnect)
    return connecting


class Connecting:
    """Brings the form to `bot.accounts`.

    What is typed as a secret goes there and nowhere else: it is not in a view that we send, not in
    a log, not in an error.
    """

    def __init__(self, desk: Desk) -> None:
        self._services = desk.services
        self._accounts = desk.services.accounts

    # Showing

    async def open(self, request: Request) -> None:
        await request.open(self.view(request.person))

    async def view(
        self,
        person: Person,
        *,
        network: str | None = None,
        filled: Mapping[str, str] | None = None,
        said: str = "",
        again: Account | None = None,
        turn: int = 0,
    ) -> View:
        """The list and the form. Arguments as of `connect_view`."""
        admitted, choices = await self._accounts.show(person)
        if not admitted.may(Action.CONFIGURE):
            return accounts_view(choices, said)
        networks = self._accounts.networks()
        if not networks:
            raise NotFound("No network is available here. The settings have no address of one.")
        return connect_view(
            choices,
            networks,
            self._network(network or networks[0].name),
            filled=filled or {},
            said=said,
            again=again,
            turn=turn,
        )

    async def switch(self, press: Press) -> None:
        assert press.view is not None
        view = await self.view(press.person, network=press.value)
        await press.client.views_update(view_id=press.view["id"], view=view)

    async def choose(self, press: Press) -> None:
        ids = unpack(press.value)
        assert press.view is not None
        if ids["do"] == "reconnect":
            view = await self._reconnect_view(press.person, ids["account"])
        else:
            choice = await self._choice(press.person, ids["account"])
            coming = await self._accounts.coming_on(press.person, choice.account.id)
            view = disconnect_form(choice, coming)
        await press.client.views_update(view_id=press.view["id"], view=view)

    async def reconnect(self, press: Press) -> None:
        await press.open(self._reconnect_view(press.person, press.value))

    async def _reconnect_view(self, person: Person, account_id: str) -> View:
        account = (await self._choice(person, account_id)).account
        filled = {"handle": account.handle.removeprefix("@"), "server": account.server}
        return await self.view(person, network=account.network, filled=filled, again=account)

    async def _choice(self, person: Person, account_id: str) -> AccountChoice:
        _, choices = await self._accounts.show(person)
        for choice in choices:
            if choice.account.id == account_id:
                return choice
        raise NotFound("This account isn't connected any more.")

    def _network(self, name: str) -> Network:
        for network in self._accounts.networks():
            if network.name == name:
                return network
        raise NotFound(f"The network {name} isn't available here.")

    # Changing

    async def submit(self, submission: Submission) -> FormAnswer:
        ids = unpack(submission.metadata)
        network = self._network(submission.values.get("network") or ids["network"])
        typed, turn = _typed(network, submission), _turn(submission)
        self._services.pace.require(submission.person, Costly.CONNECT)
        try:
            account = await self._accounts.connect(submission.person, network.name, typed)
        except FieldErrors as error:
            placed = {block_id(network, name, turn): text for name, text in error.fields.items()}
            raise FieldErrors(placed) from error
        said = f":white_check_mark: {escape(self._accounts.choice(account).label)} is connected."
        wanted = ids.get("account")
        if wanted is not None and wanted != account.id:
            other = await self._choice(submission.person, wanted)
            said += (
                f" That's another account: {escape(other.label)} still has to be connected again."
            )
        return Next(
            await self.view(submission.person, network=network.name, said=said, turn=turn + 1)
        )

    async def again(self, submission: Submission, problem: str) -> View:
        """The form with what was typed, but for secrets, and what came back on top."""
        ids = unpack(submission.metadata)
        network = self._network(submission.values.get("network") or ids["network"])
        wanted = ids.get("account")
        secret = {field.name for field in network.connect_fields if field.secret}
        typed = _typed(network, submission)
        return await self.view(
            submission.person,
            network=network.name,
            filled={name: value for name, value in typed.items() if name not in secret},
            said=f":warning: {problem}\nNothing was stored.",
            again=(await self._choice(submission.person, wanted)).account if wanted else None,
            turn=_turn(submission) + 1,
        )

    async def disconnect(self, submission: Submission) -> FormAnswer:
        account_id = unpack(submission.metadata)["account"]
        account = await self._accounts.disconnect(submission.person, account_id)
        label = escape(self._accounts.choice(account).label)
        return Next(await self.view(submission.person, said=f"{label} is disconnected."))


def _turn(submission: Submission) -> int:
    return int(unpack(submission.metadata).get("turn", "0"))


def _typed(network: Network, submission: Submission) -> dict[str, str]:
    turn = _turn(submission)
    return {
        field.name: submission.values.get(block_id(network, field.name, turn)) or ""
        for field in network.connect_fields
    }
