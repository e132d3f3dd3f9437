"""One name's part of the database for what is told of answers, for other folders that keep something there."""

from __future__ import annotations

from modelwright.serve.feedback._database import Records as Records
