"""The first run: who may set a workspace up, what that needs, and changing it later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.clock import Clock
from bot.errors import AlreadyDone, FieldErrors, NotAllowed
from bot.policy_settings import remove_policy
from bot.team import Action, Person, Profile, as_member, in_words, unchecked
from bot.zone_names import is_zone
from storage import accounts, history, installations, notices, workspaces
from storage.database import Database
from storage.records import Member, Mode, Role, Scope, Workspace
from storage.rows import Transaction

ROUTES = ("Care", "Content", "Product")
MOST_WORDS = 50
LONGEST_WORD = 100
SHORTEST_LATENESS_S = 5 * 60
LONGEST_LATENESS_S = 6 * 60 * 60
ROLES_ALONE = frozenset(Role) - {Role.VIEWER}
ROLES_IN_A_TEAM = frozenset({Role.ADMIN})


@dataclass(frozen=True, slots=True)
class SetUpForm:
    """What the form asks for. ``routes`` maps a team's name to its Slack channel; what is later
    than ``lateness_limit_s`` doesn't go out unasked."""

    mode: Mode
    approvals_channel: str
    alerts_channel: str
    routes: Mapping[str, str]
    brand_words: tuple[str, ...]
    zone: str
    lateness_limit_s: int

    def channels(self) -> Mapping[str, Sequence[str]]:
        """Each chosen channel with what will appear there."""
        used: dict[str, list[str]] = {}
        used.setdefault(self.approvals_channel, []).append("approvals")
        used.setdefault(self.alerts_channel, []).append("alerts")
        for name, channel in self.routes.items():
            used.setdefault(channel, []).append(f"mentions for {name}")
        return used


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a workspace is, seen by one person.

    ``finishers`` are the Slack ids of who can finish it; empty: any Slack owner or admin can.
    """

    workspace: Workspace
    member: Member | None
    has_account: bool
    finishers: tuple[str, ...]
    may_set_up: bool

    @property
    def is_set_up(self) -> bool:
        return self.workspace.set_up_at is not None

    @property
    def missing(self) -> tuple[str, ...]:
        """What is still to be done, in words."""
        form = ("who works here", "the channels for approvals and alerts", "the time zone")
        account = ("the first account",)
        return (() if self.is_set_up else form) + (() if self.has_account else account)


class SettingUp:
    """Use cases of the first run.

    :param first_admin: the Slack id of the only one who may do it (FIRST_ADMIN); None: any owner
        or admin of the Slack workspace.
    """

    def __init__(self, database: Database, clock: Clock, first_admin: str | None) -> None:
        self._database = database
        self._clock = clock
        self._notices = clock.alarm("notices")
        self._first_admin = first_admin
        self._known_as_done: set[str] = set()

    async def is_done(self, workspace_id: str) -> bool:
        """Whether the workspace is set up; asks the database only until it is."""
        if workspace_id in self._known_as_done:
            return True
        async with self._database.reading() as tx:
            workspace = await workspaces.get(tx, workspace_id)
        if workspace is None or workspace.set_up_at is None:
            return False
        self._known_as_done.add(workspace_id)
        return True

    async def standing(self, person: Person, profile: Profile) -> Standing:
        """How far it is. ``profile``: the person's, as Slack has it now."""
        async with self._database.reading() as tx:
            return await self._standing(tx, person, profile)

    async def check(self, person: Person, profile: Profile, form: SetUpForm) -> Standing:
        """What `finish` would refuse, before anybody's channels are tested.

        :raises FieldErrors, NotAllowed, AlreadyDone: as `finish`.
        """
        _check(form)
        async with self._database.reading() as tx:
            return await self._require(tx, person, profile)

    async def finish(self, person: Person, profile: Profile, form: SetUpForm) -> Workspace:
        """Keep what the form says. The first time, who does it becomes admin (and everything else
        where there is nobody else); the channels must have been tested.

        :raises FieldErrors: the zone is none, the brand words are too many.
        :raises NotAllowed: says who can do it.
        :raises AlreadyDone: somebody else was first.
        """
        _check(form)
        now = self._clock.now()
        async with self._database.transaction() as tx:
            await workspaces.lock(tx, person.workspace_id)
            standing = await self._require(tx, person, profile)
            before, member = standing.workspace, standing.member
            changed = replace(
                before,
                mode=form.mode,
                zone=form.zone,
                approvals_channel=form.approvals_channel,
                alerts_channel=form.alerts_channel,
                routes=dict(form.routes),
                brand_words=form.brand_words,
                lateness_limit_s=form.lateness_limit_s,
                set_up_at=before.set_up_at or now,
            )
            await workspaces.save(tx, changed)
            history.acts(tx, person.user_id, person.origin)
            if form.mode is not before.mode:  # who has to approve was chosen anew here
                await remove_policy(tx, person, before, Scope.WORKSPACE, "", now)
            given = ROLES_ALONE if form.mode is Mode.ALONE else ROLES_IN_A_TEAM
            if standing.finishers and person.user_id not in standing.finishers:
                given = frozenset()  # an admin through a user group stays one through it
            had = member.roles if member else frozenset()
            kept = as_member(before.id, profile, member, had | given)
            await workspaces.save_member(tx, replace(kept, is_gone=False))
            if had | given != had:
                gained = f"{in_words(had)} -> {in_words(had | given)}"
                await history.note(
                    tx, before.id, profile.user_id, person.user_id, "roles", now, gained
                )
            for old, new in _moves(before, changed):
                await notices.mend(tx, before.id, old, now, moved_to=new)
            action = "changed the set-up" if standing.is_set_up else "set up"
            await history.note(
                tx, before.id, before.id, person.user_id, action, now, _difference(before, changed)
            )
        self._notices.ring()
        return changed

    async def _standing(self, tx: Transaction, person: Person, profile: Profile) -> Standing:
        workspace = await workspaces.get(tx, person.workspace_id)
        if workspace is None:
            raise NotAllowed(
                "Socialdesk works for another Slack workspace than yours, so you have no role here."
            )
        admins = await workspaces.with_role(tx, workspace.id, Role.ADMIN)
        if admins:
            finishers = tuple(admin.user_id for admin in admins)
        else:
            finishers = (self._first_admin,) if self._first_admin else ()
        if person.home_team is not None:
            may_set_up = False
        elif finishers:
            may_set_up = person.user_id in finishers or await _is_admin(tx, workspace, person)
        else:
            installation = await installations.of_workspace(tx, workspace.id)
            installed_it = installation is not None and installation.installed_by == person.user_id
            may_set_up = (profile.runs_slack or installed_it) and profile.may_have_roles
        return Standing(
            workspace=workspace,
            member=await workspaces.member(tx, workspace.id, person.user_id),
            has_account=await accounts.count(tx, workspace.id) > 0,
            finishers=finishers,
            may_set_up=may_set_up,
        )

    async def _require(self, tx: Transaction, person: Person, profile: Profile) -> Standing:
        standing = await self._standing(tx, person, profile)
        if not standing.may_set_up:
            raise await self._refusal(tx, standing)
        return standing

    async def _refusal(self, tx: Transaction, standing: Standing) -> Exception:
        if not standing.is_set_up:
            return NotAllowed(
                "Only the person named in FIRST_ADMIN can set Socialdesk up here."
                if self._first_admin
                else "Only an owner or admin of this Slack workspace can set Socialdesk up."
            )
        done = [
            entry
            for entry in await history.of_subject(tx, standing.workspace.id)
            if entry.action == "set up"
        ]
        last = done[-1] if done else None
        return AlreadyDone(
            "Socialdesk is set up already, and an admin of it can change that. What you chose "
            "wasn't kept.",
            by=last.actor_id if last else None,
            did="did it",
            at=last.at if last else None,
        )


async def _is_admin(tx: Transaction, workspace: Workspace, person: Person) -> bool:
    """Whether they are one through a user group."""
    known = await unchecked(tx, workspace, person.user_id, person.home_team)
    return known is not None and known.may(Action.CONFIGURE)


def _check(form: SetUpForm) -> None:
    problems: dict[str, str] = {}
    if not is_zone(form.zone):
        problems["zone"] = "Choose a time zone from the list."
    if not SHORTEST_LATENESS_S <= form.lateness_limit_s <= LONGEST_LATENESS_S:
        problems["lateness"] = "Choose a time from the list."
    if len(form.brand_words) > MOST_WORDS:
        over = len(form.brand_words) - MOST_WORDS
        problems["words"] = f"That's {over} too many: at most {MOST_WORDS}."
    long = [word for word in form.brand_words if len(word) > LONGEST_WORD]
    if long:
        problems["words"] = (
            f"“{long[0][:20]}…” is too long: at most {LONGEST_WORD} characters each. "
            "Put a comma or a new line between them."
        )
    if problems:
        raise FieldErrors(problems)


def _difference(before: Workspace, after: Workspace) -> str:
    """What of the set-up changed, for the record."""
    shown = {
        "who works here": (before.mode, after.mode),
        "time zone": (before.zone, after.zone),
        "approvals": (before.approvals_channel, after.approvals_channel),
        "alerts": (before.alerts_channel, after.alerts_channel),
        "teams": (_routes(before), _routes(after)),
        "brand words": (", ".join(before.brand_words), ", ".join(after.brand_words)),
        "late after": (f"{before.lateness_limit_s} s", f"{after.lateness_limit_s} s"),
    }
    return "; ".join(
        f"{what}: {old or 'none'} -> {new or 'none'}"
        for what, (old, new) in shown.items()
        if old != new or before.set_up_at is None
    )


def _routes(workspace: Workspace) -> str:
    return ", ".join(f"{team} in {channel}" for team, channel in workspace.routes.items())


def _moves(before: Workspace, after: Workspace) -> list[tuple[str, str]]:
    """Channels that take messages now, each with the one it stands in for (often itself)."""
    pairs = [
        (before.approvals_channel, after.approvals_channel),
        (before.alerts_channel, after.alerts_channel),
        *((before.routes.get(name), channel) for name, channel in after.routes.items()),
    ]
    return [(old, new) for old, new in pairs if old is not None and new is not None]
