"""The tables of what services are told of their answers; they share the migrations of the registry.

They stand in the registry's database where that is on a server, else in a file of their own (`serve/stores.py`).

modelwright_secrets    what the ids of a name's answers are made with
modelwright_feedback   right answers, thumbs and outcomes: one row for an answer, a kind, and who told it
modelwright_requests   requests that are kept because that was asked for, until they expire
"""

from __future__ import annotations

import sqlalchemy as sa

from modelwright.release.registry.tables import metadata

secrets = sa.Table(
    "modelwright_secrets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True),
    sa.Column("secret", sa.LargeBinary, nullable=False),
)

feedback = sa.Table(
    "modelwright_feedback",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),  # of the answer, or of a row that no service answered
    sa.Column("kind", sa.Text, primary_key=True),  # answer, thumb, outcome
    sa.Column("by", sa.Text, primary_key=True),  # name of the key, or of the reviewer
    sa.Column("version", sa.Text, nullable=False),  # that answered; "" where none did
    sa.Column("answered_at", sa.Double),  # seconds since the epoch
    sa.Column("told_at", sa.Double, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),  # JSON
    sa.Column("row", sa.LargeBinary),  # JSON, where the row came along
    sa.Column("sealed", sa.Text),  # id of the vault's key under which value and row are encrypted; null: they are plain
    sa.Column("new", sa.Boolean, nullable=False),  # whether it holds a label that the version had not learnt
    sa.Column("source", sa.Text, nullable=False),  # service, file, review, label-studio
    sa.Column("correct", sa.Boolean),  # whether the answer given was right; null: not known
    sa.Column("error", sa.Double),  # of numbers: told minus given
    sa.Column("subject", sa.Text),  # keyed digest of whose row it is
    sa.Column("expires_at", sa.Double),
    sa.Index("modelwright_feedback_told", "name", "told_at"),
    sa.Index("modelwright_feedback_subject", "subject"),
)

requests = sa.Table(
    "modelwright_requests",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("answered_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("row", sa.LargeBinary, nullable=False),  # JSON: the columns of the model
    sa.Column("prediction", sa.LargeBinary, nullable=False),  # JSON
    sa.Column("scores", sa.LargeBinary),  # JSON: by label
    sa.Column("challenger", sa.LargeBinary),  # JSON: what another version predicted
    sa.Column("sealed", sa.Text),  # id of the vault's key under which these four are encrypted
    sa.Column("confidence", sa.Double),
    sa.Column("margin", sa.Double),  # between the two best scores: the smaller, the less certain
    sa.Column("drift", sa.Double),  # how unlike the training data; the larger, the more
    sa.Column("contested", sa.Boolean, nullable=False),  # whether the other version predicted something else
    sa.Column("subject", sa.Text),
    sa.Index("modelwright_requests_answered", "name", "answered_at"),
    sa.Index("modelwright_requests_margin", "name", "margin"),
    sa.Index("modelwright_requests_expires", "expires_at"),
    sa.Index("modelwright_requests_subject", "subject"),
)
