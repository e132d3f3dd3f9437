"""The tables of what was noticed of drift; they share the migrations of the registry, and stand where `feedback_tables.py` says.

modelwright_drift             one row a version: counts by bin and the state of the running test, no value of any row
modelwright_drift_references  references that were made from a file, for bundles that hold none
modelwright_drift_alarms      alarms: which column, when, what was seen, and whether the webhook was told
"""

from __future__ import annotations

import sqlalchemy as sa

from modelwright.release.registry.tables import metadata

drift = sa.Table(
    "modelwright_drift",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False),  # digest of the reference that the counts belong to
    sa.Column("about", sa.JSON, nullable=False),  # see improve/drift/state.py
    sa.Column("counts", sa.LargeBinary, nullable=False),  # safetensors
    sa.Column("at", sa.Double, nullable=False),  # seconds since the epoch
)

references = sa.Table(
    "modelwright_drift_references",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("reference", sa.JSON, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)

alarms = sa.Table(
    "modelwright_drift_alarms",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # from 1 on
    sa.Column("column", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),  # input, answer
    sa.Column("began", sa.Double, nullable=False),
    sa.Column("ended", sa.Double),  # null: it stands
    sa.Column("facts", sa.JSON, nullable=False),  # the verdict as shares by bin
    sa.Column("tries", sa.Integer, nullable=False),  # of telling the webhook
    sa.Column("due", sa.Double),  # when the webhook is tried next; null: told, given up, or there is none
)
