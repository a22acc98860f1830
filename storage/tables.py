"""The tables (SQLAlchemy Core). Column names are the fields of the records they hold."""

from datetime import datetime

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    text,
)

from storage import records
from storage.types import ContentJson, Json, Roles, Slots, Steps, StringTuple, UtcDateTime, Word

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", String(64), primary_key=True)


def _workspace() -> Column[str]:
    return Column("workspace_id", String(64), ForeignKey("workspaces.id"), nullable=False)


def _ref(name: str, target: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), ForeignKey(f"{target}.id"), nullable=nullable)


def _name(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(255), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime(), nullable=nullable)


workspaces = Table(
    "workspaces",
    metadata,
    _id(),
    _name("name"),
    Column("mode", Word(records.Mode), nullable=False),
    _name("zone"),
    _name("approvals_channel", nullable=True),
    _name("alerts_channel", nullable=True),
    Column("routes", Json, nullable=False),
    Column("brand_words", StringTuple, nullable=False),
    Column("lateness_limit_s", Integer, nullable=False),
    _time("set_up_at", nullable=True),
    _time("created_at"),
    _name("enterprise_id", nullable=True),
    Index(None, "enterprise_id"),
)

members = Table(
    "members",
    metadata,
    Column("workspace_id", String(64), ForeignKey("workspaces.id"), primary_key=True),
    Column("user_id", String(64), primary_key=True),
    _name("name"),
    _name("zone"),
    Column("roles", Roles, nullable=False),
    Column("is_guest", Boolean, nullable=False, server_default=false()),
    Column("is_gone", Boolean, nullable=False, server_default=false()),
    Column("review_minute", Integer, nullable=True),
)

user_groups = Table(
    "user_groups",
    metadata,
    Column("workspace_id", String(64), ForeignKey("workspaces.id"), primary_key=True),
    Column("id", String(64), primary_key=True),
    _name("handle"),
    _name("name"),
    Column("members", StringTuple, nullable=False),
    Column("roles", Roles, nullable=False),
    _time("synced_at"),
)

campaigns = Table(
    "campaigns",
    metadata,
    _id(),
    _workspace(),
    _name("name"),
    _name("created_by"),
    _time("created_at"),
    UniqueConstraint("workspace_id", "name"),
)

campaign_grants = Table(
    "campaign_grants",
    metadata,
    _id(),
    _workspace(),
    _ref("campaign_id", "campaigns"),
    _name("user_id"),
    _name("team_id"),
    Column("roles", Roles, nullable=False),
    _name("granted_by"),
    _time("granted_at"),
    UniqueConstraint("campaign_id", "user_id"),
    Index(None, "user_id"),
)

policies = Table(
    "policies",
    metadata,
    _id(),
    _workspace(),
    Column("scope", Word(records.Scope), nullable=False),
    Column("scope_id", String(64), nullable=False),
    Column("steps", Steps, nullable=False),
    Column("author_counts", Boolean, nullable=False),
    Column("replies", Boolean, nullable=False),
    Column("own_card", Boolean, nullable=False),
    _name("updated_by"),
    _time("updated_at"),
    UniqueConstraint("workspace_id", "scope", "scope_id"),
)

accounts = Table(
    "accounts",
    metadata,
    _id(),
    _workspace(),
    _name("network"),
    _name("remote_id"),
    _name("handle"),
    _name("name"),
    _text("url"),
    _text("server"),
    Column("state", Word(records.AccountState), nullable=False),
    Column("credentials", LargeBinary, nullable=False),
    Column("limits", Json, nullable=False),
    Column("slots", Slots, nullable=True),
    _name("owner_id"),
    _text("cursor", nullable=True),
    _time("polled_at", nullable=True),
    _text("problem", nullable=True),
    _time("created_at"),
    _time("limited_until", nullable=True),
    UniqueConstraint("workspace_id", "network", "server", "remote_id"),
)

posts = Table(
    "posts",
    metadata,
    _id(),
    _workspace(),
    _name("author_id"),
    Column("state", Word(records.PostState), nullable=False),
    _name("revision_id"),
    Column("when", Word(records.When), nullable=False),
    _time("due_at", nullable=True),
    _ref("mention_id", "mentions", nullable=True),
    Column("version", Integer, nullable=False),
    _time("created_at"),
    _time("updated_at"),
    _ref("campaign_id", "campaigns", nullable=True),
    Column("round", Integer, nullable=False, server_default="1"),
    Index(None, "workspace_id", "state", "due_at"),
    Index(None, "campaign_id"),
)

revisions = Table(
    "revisions",
    metadata,
    _id(),
    _workspace(),
    _ref("post_id", "posts"),
    Column("number", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("content", ContentJson, nullable=False),
    _text("base_text"),
    _name("editor_id"),
    _time("created_at"),
    UniqueConstraint("post_id", "number"),
)

approvals = Table(
    "approvals",
    metadata,
    _id(),
    _workspace(),
    _ref("post_id", "posts"),
    _ref("revision_id", "revisions"),
    _name("user_id"),
    Column("verdict", Word(records.Verdict), nullable=False),
    _text("comment"),
    _time("due_at", nullable=True),
    _time("decided_at"),
    Column("round", Integer, nullable=False, server_default="1"),
    Index(None, "post_id"),
)

comments = Table(
    "comments",
    metadata,
    _id(),
    _workspace(),
    _ref("post_id", "posts"),
    _name("user_id"),
    _text("text"),
    _name("channel"),
    _name("ts"),
    _time("at"),
    UniqueConstraint("workspace_id", "channel", "ts"),
    Index(None, "post_id"),
)

suggestions = Table(
    "suggestions",
    metadata,
    _id(),
    _workspace(),
    _ref("post_id", "posts"),
    _ref("revision_id", "revisions"),
    _name("user_id"),
    Column("texts", Json, nullable=False),
    _text("comment"),
    _time("at"),
    _name("taken_by", nullable=True),
    _time("taken_at", nullable=True),
    Index(None, "post_id"),
)

holds = Table(
    "holds",
    metadata,
    _id(),
    _workspace(),
    _name("author_id"),
    _time("opened_at"),
    _time("closed_at", nullable=True),
    # A person has one open list.
    Index(
        "uq_holds_open",
        "workspace_id",
        "author_id",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

brakes = Table(
    "brakes",
    metadata,
    _id(),
    _workspace(),
    _ref("account_id", "accounts", nullable=True),
    _text("reason"),
    _name("pulled_by"),
    _time("pulled_at"),
    _name("released_by", nullable=True),
    _time("released_at", nullable=True),
    _ref("campaign_id", "campaigns", nullable=True),
    Index(None, "workspace_id", "released_at"),
    # One brake stands for the whole workspace, and one for each account and each campaign: the
    # first that is pulled.
    Index(
        "uq_brakes_of_workspace",
        "workspace_id",
        unique=True,
        sqlite_where=text("released_at IS NULL AND account_id IS NULL AND campaign_id IS NULL"),
        postgresql_where=text("released_at IS NULL AND account_id IS NULL AND campaign_id IS NULL"),
    ),
    Index(
        "uq_brakes_of_account",
        "account_id",
        unique=True,
        sqlite_where=text("released_at IS NULL"),
        postgresql_where=text("released_at IS NULL"),
    ),
    Index(
        "uq_brakes_of_campaign",
        "campaign_id",
        unique=True,
        sqlite_where=text("released_at IS NULL"),
        postgresql_where=text("released_at IS NULL"),
    ),
)

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    _workspace(),
    _ref("post_id", "posts"),
    _ref("revision_id", "revisions"),
    _ref("account_id", "accounts"),
    Column("state", Word(records.DeliveryState), nullable=False),
    _time("due_at"),
    _time("next_attempt_at"),
    Column("attempt", Integer, nullable=False),
    _name("owner", nullable=True),
    _time("lease_until", nullable=True),
    _text("problem", nullable=True),
    _text("remote_id", nullable=True),
    _text("url", nullable=True),
    _time("published_at", nullable=True),
    Column("network", String(255), nullable=False, server_default=""),
    Column("hold_reason", Word(records.HoldReason), nullable=True),
    _ref("hold_id", "holds", nullable=True),
    Column("wish", Word(records.When), nullable=True),
    _name("wished_by", nullable=True),
    # Claiming reads in this order and stops after a handful, however many are scheduled.
    Index(None, "network", "state", "next_attempt_at", "id"),
    Index(None, "post_id"),
    Index(None, "account_id", "published_at"),
    Index(None, "hold_id"),
    # Once: a revision has at most one living delivery on an account.
    Index(
        "uq_deliveries_living",
        "revision_id",
        "account_id",
        unique=True,
        sqlite_where=text("state <> 'cancelled'"),
        postgresql_where=text("state <> 'cancelled'"),
    ),
)

parts = Table(
    "parts",
    metadata,
    _id(),
    _ref("delivery_id", "deliveries"),
    Column("position", Integer, nullable=False),
    Column("kind", Word(records.PartKind), nullable=False),
    Column("key", String(128), nullable=False),
    Column("frozen", Json, nullable=False),
    Column("state", Word(records.PartState), nullable=False),
    _time("begun_at", nullable=True),
    Column("result", Json, nullable=True),
    UniqueConstraint("delivery_id", "position"),
)

media = Table(
    "media",
    metadata,
    Column("workspace_id", String(64), ForeignKey("workspaces.id"), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    _name("mime"),
    Column("size", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    _name("name"),
    _name("slack_file_id", nullable=True),
    _time("created_at"),
)

drafts = Table(
    "drafts",
    metadata,
    _id(),
    _workspace(),
    _name("user_id"),
    _ref("post_id", "posts", nullable=True),
    Column("fields", Json, nullable=False),
    _time("updated_at"),
    Index(None, "workspace_id", "user_id"),
)

history = Table(
    "history",
    metadata,
    _id(),
    _workspace(),
    _name("subject_id"),
    _name("actor_id", nullable=True),
    _name("action"),
    _text("detail"),
    _time("at"),
    _name("revision_id", nullable=True),
    Column("origin", String(255), nullable=False, server_default=""),
    Column("seq", Integer, nullable=True),
    Column("hash", String(64), nullable=True),
    Index(None, "subject_id", "at"),
    Index("uq_history_seq", "workspace_id", "seq", unique=True),
    # What one person did; the machine's entries are most of them.
    Index(
        "ix_history_of_person",
        "workspace_id",
        "actor_id",
        "seq",
        sqlite_where=text("actor_id IS NOT NULL"),
        postgresql_where=text("actor_id IS NOT NULL"),
    ),
)

# An entry in the chain is never changed or deleted; one that stands outside it may be taken in.
_NEVER = "an entry of the record is never changed or deleted"
_GUARDS = {
    "sqlite": [
        f"CREATE TRIGGER history_refuses_{name} BEFORE {what} ON history "
        f"WHEN OLD.seq IS NOT NULL BEGIN SELECT RAISE(ABORT, '{_NEVER}'); END"
        for name, what in (("change", "UPDATE"), ("deletion", "DELETE"))
    ],
    "postgresql": [
        "CREATE FUNCTION history_refuses() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_NEVER}'; END $$",
        "CREATE TRIGGER history_refuses_change BEFORE UPDATE OR DELETE ON history "
        "FOR EACH ROW WHEN (OLD.seq IS NOT NULL) EXECUTE FUNCTION history_refuses()",
        "CREATE TRIGGER history_refuses_emptying BEFORE TRUNCATE ON history "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_refuses()",
    ],
}
for _dialect, _statements in _GUARDS.items():
    for _statement in _statements:
        _guard = DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]
        event.listen(history, "after_create", _guard)

record_heads = Table(
    "record_heads",
    metadata,
    Column("workspace_id", String(64), ForeignKey("workspaces.id"), primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

shared_channels = Table(
    "shared_channels",
    metadata,
    Column("workspace_id", String(64), ForeignKey("workspaces.id"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("teams", StringTuple, nullable=False),
    _time("noticed_at"),
    _name("allowed_by", nullable=True),
    _time("allowed_at", nullable=True),
)

# Of a team, or of a whole organisation: no workspace's own.
installations = Table(
    "installations",
    metadata,
    _id(),
    _name("enterprise_id", nullable=True),
    _name("team_id", nullable=True),
    _name("app_id"),
    _name("bot_id"),
    _name("bot_user_id"),
    _text("scopes"),
    Column("bot_token", LargeBinary, nullable=False),
    Column("refresh_token", LargeBinary, nullable=True),
    _time("token_expires_at", nullable=True),
    _name("installed_by"),
    _time("installed_at"),
    _time("revoked_at", nullable=True),
    Index(None, "team_id"),
    Index(None, "enterprise_id"),
)

oauth_states = Table(
    "oauth_states",
    metadata,
    Column("state", String(64), primary_key=True),
    _time("expires_at"),
)

watches = Table(
    "watches",
    metadata,
    _id(),
    _workspace(),
    Column("kind", Word(records.WatchKind), nullable=False),
    Column("value", String(2000), nullable=False),
    _text("title"),
    Column("everything", Boolean, nullable=False),
    Column("cursor", Json, nullable=False),
    _time("polled_at", nullable=True),
    _text("problem", nullable=True),
    _name("created_by"),
    _time("created_at"),
    UniqueConstraint("workspace_id", "kind", "value"),
)

mentions = Table(
    "mentions",
    metadata,
    _id(),
    _workspace(),
    _name("source"),
    Column("kind", Word(records.MentionKind), nullable=False),
    _ref("account_id", "accounts", nullable=True),
    Column("remote_id", String(1000), nullable=False),
    _name("author"),
    _name("author_name"),
    _text("text"),
    _text("url"),
    Column("reply_to", Json, nullable=False),
    _time("posted_at"),
    _time("seen_at"),
    Column("sentiment", Word(records.Sentiment), nullable=False),
    Column("score", Float, nullable=False),
    _name("language", nullable=True),
    Column("reasons", StringTuple, nullable=False),
    Column("urgency", Word(records.Urgency), nullable=False),
    Column("state", Word(records.MentionState), nullable=False),
    _name("owner_id", nullable=True),
    _name("route", nullable=True),
    _time("answer_due_at"),
    _time("solve_due_at"),
    _time("answered_at", nullable=True),
    _time("solved_at", nullable=True),
    _name("resolve_with", nullable=True),
    _ref("continues", "mentions", nullable=True),
    _name("listed_in", nullable=True),
    Column("version", Integer, nullable=False),
    UniqueConstraint("workspace_id", "source", "remote_id"),
    Index(None, "continues"),
    Index(None, "listed_in"),
    Index(None, "workspace_id", "state", "urgency"),
    Index(None, "workspace_id", "seen_at"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _id(),
    _workspace(),
    _ref("account_id", "accounts"),
    _ref("delivery_id", "deliveries", nullable=True),
    _time("taken_at"),
    Column("numbers", Json, nullable=False),
    Index(None, "account_id", "taken_at"),
    Index(None, "delivery_id", "taken_at"),
)

digest_plans = Table(
    "digest_plans",
    metadata,
    _id(),
    _workspace(),
    _name("channel"),
    Column("weekday", Integer, nullable=True),
    Column("minute", Integer, nullable=False),
    _name("zone"),
    _name("created_by"),
    _time("created_at"),
    Index(None, "workspace_id", "channel"),
)

# What happens at most once at a given time (a digest, a list of doubtful mentions, a poll):
# whoever inserts the row does it.
occurrences = Table(
    "occurrences",
    metadata,
    Column("job", String(255), primary_key=True),
    Column("occurrence", UtcDateTime(), primary_key=True),
    _time("claimed_at"),
)

notices = Table(
    "notices",
    metadata,
    _id(),
    _workspace(),
    _name("card"),
    _name("subject_id"),
    _name("destination"),
    _name("channel", nullable=True),
    _name("ts", nullable=True),
    Column("version", Integer, nullable=False),
    Column("sent_version", Integer, nullable=False),
    Column("state", Word(records.NoticeState), nullable=False),
    Column("attempt", Integer, nullable=False),
    _time("next_attempt_at"),
    _text("problem", nullable=True),
    _time("begun_at", nullable=True),
    _name("joined_to", nullable=True),
    UniqueConstraint("workspace_id", "card", "subject_id", "destination"),
    Index(None, "state", "next_attempt_at"),
    Index(None, "subject_id"),
    Index(None, "joined_to"),
    Index(None, "channel", "ts"),
)

# Where notices go: what makes one sender at a time, at Slack's pace, of any number of processes.
destinations = Table(
    "destinations",
    metadata,
    Column("workspace_id", String(64), ForeignKey("workspaces.id"), primary_key=True),
    Column("id", String(255), primary_key=True),
    _time("free_at"),
    _text("problem", nullable=True),
)

# Slack sends an event again when it thinks we missed it; its id is kept for two hours.
seen_events = Table(
    "seen_events",
    metadata,
    Column("event_id", String(255), primary_key=True),
    _time("seen_at"),
    Index(None, "seen_at"),
)

# Always empty: a health check writes a row and takes it back in one transaction.
health_probes = Table(
    "health_probes",
    metadata,
    _id(),
    Column("filler", LargeBinary, nullable=False),
)
