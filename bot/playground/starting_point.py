"""What a new playground has set up already, so that the first thing to do is the main job."""

from dataclasses import replace

from bot.bootstrap import Bot
from bot.networks.sandbox import Sandbox
from bot.playground import seed
from bot.playground.past import remember
from bot.playground.sandbox_seed import BRAND, PEOPLE
from bot.services import Services
from bot.team import Person
from storage import accounts, policies, workspaces
from storage.records import Member, Mode, Policy, Role, Scope, Step
from storage.rows import Transaction, new_id

ROLES = {
    seed.ANA: {Role.AUTHOR},
    seed.BEN: {Role.APPROVER},
    seed.CHIDI: {Role.APPROVER},
    seed.DANA: {Role.RESPONDER},
    seed.EVA: {Role.ADMIN},
}


async def set_up(bot: Bot) -> None:
    """Set a running bot's workspace up as its owner would have, two weeks ago."""
    if not await furnish(bot.services, bot.team_id):
        return

    async def past(tx: Transaction) -> None:
        [account] = await accounts.of_workspace(tx, bot.team_id)
        await remember(tx, account, bot.services.clock.now())

    await bot.services.database.at_once(past)


async def furnish(services: Services, team_id: str, *, own_cards: bool = True) -> bool:
    """Set a workspace up; one that is set up is left as it is (False).

    :param own_cards: each post gets its own approval card, however far away it is.
    """
    now = services.clock.now()
    async with services.database.transaction() as tx:
        workspace = await workspaces.get(tx, team_id)
        assert workspace is not None
        if workspace.set_up_at is None:
            for person in seed.PEOPLE:
                roles = frozenset(ROLES[person.id])
                await workspaces.save_member(
                    tx, Member(team_id, person.id, person.real_name, person.tz, roles)
                )
            await workspaces.save(
                tx,
                replace(
                    workspace,
                    mode=Mode.TEAM,
                    zone="Europe/Berlin",
                    approvals_channel=seed.APPROVALS,
                    alerts_channel=seed.ALERTS,
                    routes={"Care": seed.CARE, "Content": seed.SOCIAL, "Product": seed.GENERAL},
                    brand_words=("Acorn Coffee", "@acorn"),
                    set_up_at=now,
                ),
            )
            # Who tries it out sees each post's card at once, not only when it comes near.
            await policies.save(
                tx,
                Policy(
                    id=new_id(),
                    workspace_id=team_id,
                    scope=Scope.WORKSPACE,
                    scope_id="",
                    steps=(Step(""),),
                    author_counts=False,
                    replies=False,
                    own_card=own_cards,
                    updated_by=seed.EVA,
                    updated_at=now,
                ),
            )
        connected = await accounts.count(tx, team_id)
    if connected:
        return False
    brand = next(person for person in PEOPLE if person.handle == BRAND)
    await services.accounts.connect(
        Person(team_id, seed.EVA, origin="the playground"),
        Sandbox.name,
        {"handle": brand.handle, "password": brand.password},
    )
    return True
