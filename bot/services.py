"""What the product can do, gathered for whoever brings people's wishes (``handlers/``)."""

from dataclasses import dataclass, field

from bot.accounts import Accounts
from bot.approvals import Approvals
from bot.brake import Brakes
from bot.campaign_roles import CampaignRoles
from bot.charts import ChartWorker
from bot.clock import Clock
from bot.comments import Comments
from bot.digest_plans import DigestPlans
from bot.digests import Digests
from bot.drafting import Drafting
from bot.held_lists import HeldLists
from bot.holds import Holds
from bot.home import Homes
from bot.inboxes import Inboxes
from bot.installations import Installations
from bot.leaving import Leaving
from bot.listening import Listening
from bot.media import MediaFolder
from bot.mentions import Mentions
from bot.metrics import Metrics
from bot.outcomes import Outcomes
from bot.pace import Pace
from bot.policy_settings import Policies
from bot.record import Record
from bot.replying import Replying
from bot.reviews import Reviews
from bot.scheduling import Scheduling
from bot.setup import SettingUp
from bot.shared_channels import SharedChannels
from bot.suggestions import Suggestions
from bot.team import Team
from bot.triage import Triage
from bot.user_groups import UserGroups
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
    policies: Policies
    comments: Comments
    suggestions: Suggestions
    reviews: Reviews
    inboxes: Inboxes
    outcomes: Outcomes
    brakes: Brakes
    holds: Holds
    held_lists: HeldLists
    installations: Installations
    setting_up: SettingUp
    shared_channels: SharedChannels
    team: Team
    user_groups: UserGroups
    campaign_roles: CampaignRoles
    leaving: Leaving
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
    record: Record
    pace: Pace = field(default_factory=Pace)
