"""The table of jobs: files of rows that a service answers by and by. It shares the migrations of the registry."""

from __future__ import annotations

import sqlalchemy as sa

from modelwright.release.registry.tables import metadata

jobs = sa.Table(
    "modelwright_jobs",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # of the model
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),  # name of the key that made it, which alone may see it
    sa.Column("tenant", sa.Text),  # whose documents alone are searched
    sa.Column("state", sa.Text, nullable=False),  # queued, running, done, failed
    sa.Column("form", sa.Text, nullable=False),  # csv, jsonl, parquet
    sa.Column("scores", sa.Boolean, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),  # of the file
    sa.Column("rows", sa.BigInteger),  # null until they are counted
    sa.Column("done", sa.BigInteger, nullable=False),  # rows whose answers are on the disk
    sa.Column("charged", sa.BigInteger, nullable=False),  # rows that the quota has paid for
    sa.Column("unread", sa.BigInteger, nullable=False),  # rows among them that could not be read
    sa.Column("error", sa.JSON),  # [English, Chinese]
    sa.Column("made_at", sa.Double, nullable=False),  # seconds since the epoch
    sa.Column("ended_at", sa.Double),
    sa.Column("worker", sa.Text),  # the process that works at it ...
    sa.Column("beat", sa.Double, nullable=False),  # ... and when it last said so
    sa.Index("modelwright_jobs_state", "name", "state", "made_at"),
)
