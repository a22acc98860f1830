"""Connected accounts: the list, the form that connects one, the card about one that died."""

from collections.abc import Mapping, Sequence

from bot.accounts import AccountChoice
from bot.networks.base import Network
from handlers.ids import Act, Form
from handlers.payloads import pack
from handlers.slack_text import escape, shorten
from handlers.views.blocks import (
    Block,
    actions,
    button,
    context,
    divider,
    field,
    header,
    menu,
    modal,
    option,
    section,
    select,
    text_input,
)
from storage.records import Account, AccountState

MOST_SHOWN = 40
LONGEST_NAME = 200
IN_CLEAR = (
    ":key: Slack can't hide what you type here; only you see it. It is kept encrypted, and is "
    "never shown or logged."
)


def connect_view(
    choices: Sequence[AccountChoice],
    networks: Sequence[Network],
    network: Network,
    *,
    filled: Mapping[str, str],
    said: str = "",
    again: Account | None = None,
    turn: int = 0,
) -> Block:
    """What is connected, and the form for one more.

    :param filled: what the form's fields begin with, by name; never a secret.
    :param said: what happened, on top (mrkdwn).
    :param again: the account that is to be connected again; the list is left out.
    :param turn: how often the form was submitted already; see `block_id`.
    """
    blocks: list[Block] = [section(said)] if said else []
    if again is None and choices:
        blocks += [header("Connected accounts"), *account_list(choices), divider()]
    if again is not None:
        title = "Connect it again"
        blocks.append(section(f"*{escape(network.label)} · {escape(again.handle)}*"))
    else:
        title = "Accounts" if choices else "Connect an account"
        blocks.append(_network_field(networks, network))
    blocks.append(context(escape(network.connect_help)))
    blocks += [
        field(
            block_id(network, declared.name, turn),
            declared.label,
            text_input(
                Act.CONNECT_FIELD,
                initial="" if declared.secret else filled.get(declared.name, ""),
                placeholder=declared.placeholder,
            ),
            hint=declared.hint,
            optional=declared.optional,
        )
        for declared in network.connect_fields
    ]
    if any(declared.secret for declared in network.connect_fields):
        blocks.append(context(IN_CLEAR))
    metadata = pack(
        network=network.name, account=again.id if again else None, turn=str(turn) if turn else None
    )
    return modal(Form.CONNECT, title, blocks, submit="Connect", close="Close", metadata=metadata)


def accounts_view(choices: Sequence[AccountChoice], said: str = "") -> Block:
    """What is connected, for who can't change it; ``said`` (mrkdwn) stands on top."""
    blocks = [section(line(choice)) for choice in choices[:MOST_SHOWN]]
    return modal(
        Form.MESSAGE,
        "Connected accounts",
        [
            *([section(said)] if said else []),
            *(blocks or [section("No account is connected yet.")]),
            context("Admins connect accounts and disconnect them."),
        ],
        close="Close",
    )


def block_id(network: Network, name: str, turn: int) -> str:
    """A field's block id. It is of one network, so that no password lands in another one's form,
    and of one turn: Slack keeps what was typed where the ids stay, a password in plain sight too.
    """
    return f"{network.name}:{name}:{turn}" if turn else f"{network.name}:{name}"


def _network_field(networks: Sequence[Network], network: Network) -> Block:
    return field(
        "network",
        "Network",
        select(
            Act.CONNECT_NETWORK,
            [option(known.label, known.name) for known in networks],
            initial=network.name,
        ),
        acts=True,
    )


def account_list(choices: Sequence[AccountChoice]) -> list[Block]:
    """The accounts with their menus; those that need something first."""
    first = sorted(choices, key=lambda choice: choice.account.state is AccountState.ACTIVE)
    blocks = [
        section(
            line(choice),
            accessory=menu(
                Act.ACCOUNT_MENU,
                [
                    option("Connect it again", pack(do="reconnect", account=choice.account.id)),
                    option("Disconnect …", pack(do="disconnect", account=choice.account.id)),
                ],
            ),
        )
        for choice in first[:MOST_SHOWN]
    ]
    if len(first) > MOST_SHOWN:
        blocks.append(context(f"… and {len(first) - MOST_SHOWN} more."))
    return blocks


def line(choice: AccountChoice) -> str:
    """An account and how it is."""
    account = choice.account
    name = f"*<{account.url}|{escape(choice.label)}>*" if account.url else f"*{choice.label}*"
    if account.state is AccountState.EXPIRED:
        return f":warning: {name}  must be connected again. {_problem(account)}".rstrip()
    if account.problem:
        return f":hourglass_flowing_sand: {name}  {_problem(account)}"
    return f":white_check_mark: {name}"


def _problem(account: Account) -> str:
    said = shorten(escape((account.problem or "").rstrip(".")), 500)
    return f"{said}." if said else ""


def disconnect_form(choice: AccountChoice, coming: int) -> Block:
    """Asks once more, and says what follows."""
    posts = "1 scheduled post names" if coming == 1 else f"{coming} scheduled posts name"
    follows = (
        f":warning: {posts} this account. It will fail there at its time, and its author is told."
        if coming
        else "No scheduled post names it."
    )
    return modal(
        Form.DISCONNECT,
        "Disconnect it?",
        [
            section(f"*{escape(choice.label)}*"),
            section(
                f"{follows}\nIts password is forgotten here, and nothing more is read there. What "
                "was published stays where it is, and in the record. You can connect it again."
            ),
        ],
        submit="Disconnect",
        metadata=pack(account=choice.account.id),
    )


def expired_account(choice: AccountChoice) -> tuple[str, list[Block]]:
    """To who connected an account: it must be connected again."""
    account, label = choice.account, shorten(escape(choice.label), LONGEST_NAME)
    text = f":warning: {label} must be connected again."
    said = f"\n>{_problem(account)}" if account.problem else ""
    return text, [
        section(
            f"*{text}*{said}\nUntil then nothing is published or read there. Nothing is lost: what "
            "comes due meanwhile is held, and is due again as soon as it is connected."
        ),
        actions(button("Connect it again", Act.RECONNECT, account.id, style="primary")),
    ]
