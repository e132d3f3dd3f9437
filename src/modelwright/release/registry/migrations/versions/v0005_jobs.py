"""Jobs: files of rows that a service answers by and by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "modelwright_jobs",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("scores", sa.Boolean, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("charged", sa.BigInteger, nullable=False),
        sa.Column("unread", sa.BigInteger, nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("worker", sa.Text),
        sa.Column("beat", sa.Double, nullable=False),
    )
    op.create_index("modelwright_jobs_state", "modelwright_jobs", ["name", "state", "made_at"])


def downgrade() -> None:
    """Remove the table, and with it all jobs."""
    op.drop_table("modelwright_jobs")
