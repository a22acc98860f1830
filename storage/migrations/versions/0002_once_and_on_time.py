"""Once and on time: lanes per network, holds, the brake, and posts of notices that began."""

import sqlalchemy as sa
from alembic import op

from storage import types

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("author_id", sa.String(length=255), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(), nullable=False),
        sa.Column("closed_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_holds_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index(
        "uq_holds_open",
        "holds",
        ["workspace_id", "author_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "brakes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("pulled_by", sa.String(length=255), nullable=False),
        sa.Column("pulled_at", types.UtcDateTime(), nullable=False),
        sa.Column("released_by", sa.String(length=255), nullable=True),
        sa.Column("released_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_brakes_account_id")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_brakes_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brakes")),
    )
    op.create_index(
        op.f("ix_brakes_workspace_id_released_at"),
        "brakes",
        ["workspace_id", "released_at"],
        unique=False,
    )
    for name, column, which in (
        ("uq_brakes_of_workspace", "workspace_id", "released_at IS NULL AND account_id IS NULL"),
        ("uq_brakes_of_account", "account_id", "released_at IS NULL"),
    ):
        where = sa.text(which)
        op.create_index(
            name, "brakes", [column], unique=True, sqlite_where=where, postgresql_where=where
        )
    op.create_table(
        "health_probes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("filler", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_probes")),
    )
    op.add_column("accounts", sa.Column("limited_until", types.UtcDateTime(), nullable=True))
    op.add_column("notices", sa.Column("begun_at", types.UtcDateTime(), nullable=True))
    op.add_column("notices", sa.Column("joined_to", sa.String(length=255), nullable=True))
    op.create_index(op.f("ix_notices_joined_to"), "notices", ["joined_to"], unique=False)
    op.create_table(
        "destinations",
        sa.Column("workspace_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("free_at", types.UtcDateTime(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_destinations_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_destinations")),
    )
    _widen_deliveries()


def _widen_deliveries() -> None:
    columns = (
        sa.Column("network", sa.String(length=255), nullable=False, server_default=""),
        sa.Column("hold_reason", sa.String(32), nullable=True),
        sa.Column("wish", sa.String(32), nullable=True),
        sa.Column("wished_by", sa.String(length=255), nullable=True),
    )
    for column in columns:
        op.add_column("deliveries", column)
    # Inline: making SQLite's table anew would mean deleting rows that others refer to.
    holds = sa.ForeignKey("holds.id", name=op.f("fk_deliveries_hold_id"))
    op.add_column(
        "deliveries",
        sa.Column("hold_id", sa.String(length=64), holds, nullable=True),
        inline_references=True,
    )
    op.drop_index(op.f("ix_deliveries_state_next_attempt_at"), "deliveries")
    op.create_index(
        op.f("ix_deliveries_network_state_next_attempt_at_id"),
        "deliveries",
        ["network", "state", "next_attempt_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_deliveries_hold_id"), "deliveries", ["hold_id"], unique=False)
    op.execute(
        "UPDATE deliveries SET network = "
        "(SELECT network FROM accounts WHERE accounts.id = deliveries.account_id)"
    )
