"""The tables of the registry as this version reads and writes them; `migrations/` makes them and changes older ones.

modelwright_revision   one row: a number that grows with every change; whoever changes anything locks it first
modelwright_names      one row a name: the highest version given out so far
modelwright_releases   one row a version of a name; never changed, never removed
modelwright_aliases    which version an alias means; `champion` is a stack, so that a rollback finds what stood before
modelwright_changes    what was done, by whom, when, and why: only ever added to
modelwright_experiments   comparisons of two releases by what users say of their answers; an ended one keeps its result
modelwright_improvements  attempts to make a next version from feedback, and how each was judged: only ever added to
modelwright_traffic    one row a name at most: the canary or shadow that runs, or the champion that is watched
modelwright_findings   one row a trial and host: what a service found of a version on trial so far
"""

from __future__ import annotations

import sqlalchemy as sa

HEAD = "0007"  # the newest migration that this version knows
VERSION_TABLE = "modelwright_schema"  # where the migration that a registry stands at is kept

metadata = sa.MetaData()

revision = sa.Table(
    "modelwright_revision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

names = sa.Table(
    "modelwright_names",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("last_version", sa.Integer, nullable=False),
)

releases = sa.Table(
    "modelwright_releases",
    metadata,
    sa.Column("name", sa.Text, sa.ForeignKey("modelwright_names.name"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.Text, nullable=False),  # SHA-256 of the bundle's manifest
    sa.Column("blobs", sa.Text, nullable=False),  # where the bundle was put; "" is the folder beside the registry
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("task", sa.Text, nullable=False),
    sa.Column("target", sa.Text),
    sa.Column("gate_met", sa.Boolean),  # null: no gate was asked for
    sa.Column("data", sa.Text),  # fingerprint of the data that it was made from
    sa.Column("facts", sa.JSON, nullable=False),  # card, scores, gate, columns: see record.py
    sa.Column("in_spite", sa.Text),  # why it was released in spite of what stood against it
    sa.Column("released_by", sa.Text, nullable=False),
    sa.Column("released_at", sa.Text, nullable=False),  # UTC, as 2026-03-01T12:00:00Z
)

aliases = sa.Table(
    "modelwright_aliases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),  # the highest place is what the alias means
    sa.Column("version", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["name", "version"], ["modelwright_releases.name", "modelwright_releases.version"]),
)

changes = sa.Table(
    "modelwright_changes",
    metadata,
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("did", sa.Text, nullable=False),  # release, promote, rollback, canary, canary end, automatic rollback
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("alias", sa.Text),
    sa.Column("before", sa.Integer),  # the version that the alias meant until then
    sa.Column("reason", sa.Text),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)

experiments = sa.Table(
    "modelwright_experiments",
    metadata,
    sa.Column("name", sa.Text, sa.ForeignKey("modelwright_names.name"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # from 1 on; at most one runs at a time
    sa.Column("metric", sa.Text, nullable=False),  # thumbs, right, error, outcome: see improve/experiments.py
    sa.Column("first", sa.Integer, nullable=False),  # versions; the second is compared with the first
    sa.Column("second", sa.Integer, nullable=False),
    sa.Column("effect", sa.Float, nullable=False),  # the smallest difference that matters
    sa.Column("alpha", sa.Float, nullable=False),
    sa.Column("began", sa.Float, nullable=False),  # seconds since the epoch
    sa.Column("began_by", sa.Text, nullable=False),
    sa.Column("ended", sa.Float),  # null: it runs
    sa.Column("ended_by", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("result", sa.JSON),  # as it stood at the end
)

improvements = sa.Table(
    "modelwright_improvements",
    metadata,
    sa.Column("name", sa.Text, sa.ForeignKey("modelwright_names.name"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("champion", sa.Integer, nullable=False),  # version that was to be improved
    sa.Column("version", sa.Integer),  # the challenger; null where none was released
    sa.Column("until", sa.Float, nullable=False),  # feedback told up to then was looked at; seconds since the epoch
    sa.Column("decision", sa.Text, nullable=False),  # promoted, better, open, worse, failed
    sa.Column("facts", sa.JSON, nullable=False),  # rows, labels, comparisons: see improve/record.py
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)

traffic = sa.Table(
    "modelwright_traffic",
    metadata,
    sa.Column("name", sa.Text, sa.ForeignKey("modelwright_names.name"), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # canary, watch
    sa.Column("version", sa.Integer, nullable=False),  # the one that is judged
    sa.Column("before", sa.Integer, nullable=False),  # the one that it is compared with
    sa.Column("share", sa.Float, nullable=False),  # of units that the version answers, 0 to 1
    sa.Column("shadow", sa.Boolean, nullable=False),  # whether it answers the champion's requests too, unseen
    sa.Column("limits", sa.JSON, nullable=False),  # see traffic.Limits
    sa.Column("began", sa.BigInteger, nullable=False),  # revision at which it began
    sa.Column("until", sa.Text),  # UTC; when a watch ends
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)

findings = sa.Table(
    "modelwright_findings",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("began", sa.BigInteger, primary_key=True, autoincrement=False),  # as in modelwright_traffic
    sa.Column("host", sa.Text, primary_key=True),  # and process
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("before", sa.Integer, nullable=False),
    sa.Column("requests", sa.BigInteger, nullable=False),
    sa.Column("errors", sa.BigInteger, nullable=False),
    sa.Column("p95", sa.Float),  # seconds
    sa.Column("p95_before", sa.Float),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("equal", sa.BigInteger, nullable=False),
    sa.Column("measured", sa.BigInteger, nullable=False),
    sa.Column("distance", sa.Float, nullable=False),
    sa.Column("dropped", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)
