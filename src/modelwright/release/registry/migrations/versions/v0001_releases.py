"""The first tables: names, releases, aliases, changes, and the revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables, and the one row that every change locks."""
    numbers = op.create_table(
        "modelwright_revision",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(numbers, [{"id": 1, "revision": 0}])
    op.create_table(
        "modelwright_names",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("last_version", sa.Integer, nullable=False),
    )
    op.create_table(
        "modelwright_releases",
        sa.Column("name", sa.Text, sa.ForeignKey("modelwright_names.name"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("blobs", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("target", sa.Text),
        sa.Column("gate_met", sa.Boolean),
        sa.Column("data", sa.Text),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("in_spite", sa.Text),
        sa.Column("released_by", sa.Text, nullable=False),
        sa.Column("released_at", sa.Text, nullable=False),
    )
    op.create_table(
        "modelwright_aliases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("alias", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["name", "version"], ["modelwright_releases.name", "modelwright_releases.version"]),
    )
    op.create_table(
        "modelwright_changes",
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("did", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("alias", sa.Text),
        sa.Column("before", sa.Integer),
        sa.Column("reason", sa.Text),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Remove the tables, and with them every release."""
    for name in ("changes", "aliases", "releases", "names", "revision"):
        op.drop_table(f"modelwright_{name}")
