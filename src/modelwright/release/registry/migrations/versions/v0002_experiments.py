"""Experiments, and attempts to improve a name from feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make both tables."""
    name = sa.ForeignKey("modelwright_names.name")
    op.create_table(
        "modelwright_experiments",
        sa.Column("name", sa.Text, name, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("second", sa.Integer, nullable=False),
        sa.Column("effect", sa.Float, nullable=False),
        sa.Column("alpha", sa.Float, nullable=False),
        sa.Column("began", sa.Float, nullable=False),
        sa.Column("began_by", sa.Text, nullable=False),
        sa.Column("ended", sa.Float),
        sa.Column("ended_by", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("result", sa.JSON),
    )
    op.create_table(
        "modelwright_improvements",
        sa.Column("name", sa.Text, sa.ForeignKey("modelwright_names.name"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("champion", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Remove both tables."""
    for table in ("improvements", "experiments"):
        op.drop_table(f"modelwright_{table}")
