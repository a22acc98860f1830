"""Approvals and the team: policies, campaigns, user groups, a chained record, installations."""

import sqlalchemy as sa
from alembic import op

from storage import types
from storage.chain import Links
from storage.records import HistoryEntry

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "installations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("enterprise_id", sa.String(length=255), nullable=True),
        sa.Column("team_id", sa.String(length=255), nullable=True),
        sa.Column("app_id", sa.String(length=255), nullable=False),
        sa.Column("bot_id", sa.String(length=255), nullable=False),
        sa.Column("bot_user_id", sa.String(length=255), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("bot_token", sa.LargeBinary(), nullable=False),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=True),
        sa.Column("token_expires_at", types.UtcDateTime(), nullable=True),
        sa.Column("installed_by", sa.String(length=255), nullable=False),
        sa.Column("installed_at", types.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installations")),
    )
    op.create_index(
        op.f("ix_installations_enterprise_id"), "installations", ["enterprise_id"], unique=False
    )
    op.create_index(op.f("ix_installations_team_id"), "installations", ["team_id"], unique=False)
    op.create_table(
        "oauth_states",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_oauth_states")),
    )
    op.create_table(
        "campaigns",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_campaigns_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_campaigns_workspace_id_name")),
    )
    op.create_table(
        "policies",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("scope_id", sa.String(length=64), nullable=False),
        sa.Column("steps", types.Json, nullable=False),
        sa.Column("author_counts", sa.Boolean(), nullable=False),
        sa.Column("replies", sa.Boolean(), nullable=False),
        sa.Column("own_card", sa.Boolean(), nullable=False),
        sa.Column("updated_by", sa.String(length=255), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_policies_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
        sa.UniqueConstraint(
            "workspace_id",
            "scope",
            "scope_id",
            name=op.f("uq_policies_workspace_id_scope_scope_id"),
        ),
    )
    op.create_table(
        "record_heads",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_record_heads_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_record_heads")),
    )
    op.create_table(
        "shared_channels",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("teams", types.Json, nullable=False),
        sa.Column("noticed_at", types.UtcDateTime(), nullable=False),
        sa.Column("allowed_by", sa.String(length=255), nullable=True),
        sa.Column("allowed_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_shared_channels_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_shared_channels")),
    )
    op.create_table(
        "user_groups",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("handle", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("members", types.Json, nullable=False),
        sa.Column("roles", types.Json, nullable=False),
        sa.Column("synced_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_user_groups_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_user_groups")),
    )
    op.create_table(
        "campaign_grants",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("campaign_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("team_id", sa.String(length=255), nullable=False),
        sa.Column("roles", types.Json, nullable=False),
        sa.Column("granted_by", sa.String(length=255), nullable=False),
        sa.Column("granted_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_grants_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_campaign_grants_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_grants")),
        sa.UniqueConstraint(
            "campaign_id", "user_id", name=op.f("uq_campaign_grants_campaign_id_user_id")
        ),
    )
    op.create_index(
        op.f("ix_campaign_grants_user_id"), "campaign_grants", ["user_id"], unique=False
    )
    op.create_table(
        "comments",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("post_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(length=255), nullable=False),
        sa.Column("ts", sa.String(length=255), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_comments_post_id")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_comments_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
        sa.UniqueConstraint(
            "workspace_id", "channel", "ts", name=op.f("uq_comments_workspace_id_channel_ts")
        ),
    )
    op.create_index(op.f("ix_comments_post_id"), "comments", ["post_id"], unique=False)
    op.create_table(
        "suggestions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("post_id", sa.String(length=64), nullable=False),
        sa.Column("revision_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("texts", types.Json, nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("taken_by", sa.String(length=255), nullable=True),
        sa.Column("taken_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_suggestions_post_id")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revisions.id"], name=op.f("fk_suggestions_revision_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_suggestions_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestions")),
    )
    op.create_index(op.f("ix_suggestions_post_id"), "suggestions", ["post_id"], unique=False)
    op.add_column("approvals", sa.Column("round", sa.Integer(), server_default="1", nullable=False))
    # Inline: SQLite can't add a reference to a table afterwards.
    op.add_column(
        "brakes",
        sa.Column(
            "campaign_id",
            sa.String(length=64),
            sa.ForeignKey("campaigns.id", name=op.f("fk_brakes_campaign_id")),
            nullable=True,
        ),
        inline_references=True,
    )
    which = sa.text("released_at IS NULL AND account_id IS NULL AND campaign_id IS NULL")
    op.drop_index("uq_brakes_of_workspace", "brakes")
    op.create_index(
        "uq_brakes_of_workspace",
        "brakes",
        ["workspace_id"],
        unique=True,
        sqlite_where=which,
        postgresql_where=which,
    )
    op.create_index(
        "uq_brakes_of_campaign",
        "brakes",
        ["campaign_id"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.add_column("history", sa.Column("revision_id", sa.String(length=255), nullable=True))
    op.add_column(
        "history", sa.Column("origin", sa.String(length=255), server_default="", nullable=False)
    )
    op.add_column("history", sa.Column("seq", sa.Integer(), nullable=True))
    op.add_column("history", sa.Column("hash", sa.String(length=64), nullable=True))
    op.create_index("uq_history_seq", "history", ["workspace_id", "seq"], unique=True)
    op.create_index(
        "ix_history_of_person",
        "history",
        ["workspace_id", "actor_id", "seq"],
        sqlite_where=sa.text("actor_id IS NOT NULL"),
        postgresql_where=sa.text("actor_id IS NOT NULL"),
    )
    op.add_column(
        "members", sa.Column("is_guest", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "members", sa.Column("is_gone", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("members", sa.Column("review_minute", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_notices_channel_ts"), "notices", ["channel", "ts"], unique=False)
    op.add_column(
        "posts",
        sa.Column(
            "campaign_id",
            sa.String(length=64),
            sa.ForeignKey("campaigns.id", name=op.f("fk_posts_campaign_id")),
            nullable=True,
        ),
        inline_references=True,
    )
    op.add_column("workspaces", sa.Column("enterprise_id", sa.String(length=255), nullable=True))
    op.create_index(
        op.f("ix_workspaces_enterprise_id"), "workspaces", ["enterprise_id"], unique=False
    )
    op.add_column("posts", sa.Column("round", sa.Integer(), server_default="1", nullable=False))
    op.create_index(op.f("ix_posts_campaign_id"), "posts", ["campaign_id"], unique=False)
    _chain_what_was_noted()
    _let_nobody_change_it()


def _chain_what_was_noted() -> None:
    """Entries of earlier releases become the beginning of each workspace's chain."""
    connection = op.get_bind()
    history = sa.table(
        "history",
        *(sa.column(name) for name in ("id", "workspace_id", "subject_id", "actor_id", "action")),
        *(sa.column(name) for name in ("detail", "revision_id", "origin", "seq", "hash")),
        sa.column("at", types.UtcDateTime()),
    )
    heads = sa.table("record_heads", *(sa.column(each) for each in ("workspace_id", "seq", "hash")))
    numbered = (
        sa.update(history)
        .where(history.c.id == sa.bindparam("which"))
        .values(seq=sa.bindparam("number"), hash=sa.bindparam("digest"))
    )
    noted = connection.execute(
        sa.select(history)
        .order_by(history.c.workspace_id, history.c.at, history.c.id)
        .execution_options(yield_per=1000)
    )
    chains: dict[str, Links] = {}
    for rows in noted.partitions():
        entries = [
            chains.setdefault(row.workspace_id, Links()).add(HistoryEntry(**row._mapping))
            for row in rows
        ]
        connection.execute(
            numbered,
            [{"which": each.id, "number": each.seq, "digest": each.hash} for each in entries],
        )
    workspaces = sa.table("workspaces", sa.column("id"))
    for workspace_id in connection.scalars(sa.select(workspaces.c.id)).all():
        links = chains.get(workspace_id, Links())
        connection.execute(
            sa.insert(heads).values(workspace_id=workspace_id, seq=links.seq, hash=links.hash)
        )


NEVER = "an entry of the record is never changed or deleted"


def _let_nobody_change_it() -> None:
    """An entry in the chain stays as it is. One that stands outside (a process of the release
    before wrote it, while it still ran) may be taken in."""
    if op.get_bind().dialect.name == "sqlite":
        for name, event in (("change", "UPDATE"), ("deletion", "DELETE")):
            op.execute(
                f"CREATE TRIGGER history_refuses_{name} BEFORE {event} ON history "
                f"WHEN OLD.seq IS NOT NULL BEGIN SELECT RAISE(ABORT, '{NEVER}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION history_refuses() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{NEVER}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER history_refuses_change BEFORE UPDATE OR DELETE ON history "
        "FOR EACH ROW WHEN (OLD.seq IS NOT NULL) EXECUTE FUNCTION history_refuses()"
    )
    op.execute(
        "CREATE TRIGGER history_refuses_emptying BEFORE TRUNCATE ON history "
        "FOR EACH STATEMENT EXECUTE FUNCTION history_refuses()"
    )
