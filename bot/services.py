"""What the product can do, gathered for whoever brings people's wishes (``handlers/``)."""

from dataclasses import dataclass

from bot.accounts import Accounts
from bot.approvals import Approvals
from bot.brake import Brakes
from bot.charts import ChartWorker
from bot.clock import Clock
from bot.digest_plans import DigestPlans
from bot.digests import Digests
from bot.drafting import Drafting
from bot.held_lists import HeldLists
from bot.holds import Holds
from bot.home import Homes
from bot.inbox import Inboxes
from bot.listening import Listening
from bot.media import MediaFolder
from bot.mentions import Mentions
from bot.metrics import Metrics
from bot.outcomes import Outcomes
from bot.replying import Replying
from bot.reviews import Reviews
from bot.scheduling import Scheduling
from bot.setup import SettingUp
from bot.team import Team
from bot.triage import Triage
from bot.watches import Watches
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    """One installation's use cases, built by ``bot/bootstrap.py``."""

    database: Database
    clock: Clock
    accounts: Accounts
    media: MediaFolder
    drafting: Drafting
    scheduling: Scheduling
    approvals: Approvals
    reviews: Reviews
    inboxes: Inboxes
    outcomes: Outcomes
    brakes: Brakes
    holds: Holds
    held_lists: HeldLists
    setting_up: SettingUp
    team: Team
    homes: Homes
    metrics: Metrics
    charts: ChartWorker
    digests: Digests
    digest_plans: DigestPlans
    mentions: Mentions
    triage: Triage
    replying: Replying
    watches: Watches
    listening: Listening
