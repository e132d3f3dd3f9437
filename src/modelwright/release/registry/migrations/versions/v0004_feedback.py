"""Feedback, requests that are kept, and the secrets of ids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "modelwright_secrets",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "modelwright_feedback",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("by", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("answered_at", sa.Double),
        sa.Column("told_at", sa.Double, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("row", sa.LargeBinary),
        sa.Column("sealed", sa.Text),
        sa.Column("new", sa.Boolean, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("correct", sa.Boolean),
        sa.Column("error", sa.Double),
        sa.Column("subject", sa.Text),
        sa.Column("expires_at", sa.Double),
    )
    op.create_index("modelwright_feedback_told", "modelwright_feedback", ["name", "told_at"])
    op.create_index("modelwright_feedback_subject", "modelwright_feedback", ["subject"])
    op.create_table(
        "modelwright_requests",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("answered_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("row", sa.LargeBinary, nullable=False),
        sa.Column("prediction", sa.LargeBinary, nullable=False),
        sa.Column("scores", sa.LargeBinary),
        sa.Column("challenger", sa.LargeBinary),
        sa.Column("sealed", sa.Text),
        sa.Column("confidence", sa.Double),
        sa.Column("margin", sa.Double),
        sa.Column("drift", sa.Double),
        sa.Column("contested", sa.Boolean, nullable=False),
        sa.Column("subject", sa.Text),
    )
    op.create_index("modelwright_requests_answered", "modelwright_requests", ["name", "answered_at"])
    op.create_index("modelwright_requests_margin", "modelwright_requests", ["name", "margin"])
    op.create_index("modelwright_requests_expires", "modelwright_requests", ["expires_at"])
    op.create_index("modelwright_requests_subject", "modelwright_requests", ["subject"])


def downgrade() -> None:
    """Remove the tables, and with them all feedback."""
    for name in ("requests", "feedback", "secrets"):
        op.drop_table(f"modelwright_{name}")
