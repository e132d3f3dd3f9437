"""Voices that people had enrolled: kept encrypted, under a keyed digest of whose they are, until they expire or are erased.

They stand among the kept requests of the name `NAME/voices`, so that erasing a subject, sealing anew under another key and expiry reach
them as they do all that a service keeps (`feedback/requests.py`). Legend: D numbers of a vector.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sqlalchemy as sa

from modelwright.privacy.subjects import digest
from modelwright.release.registry import feedback_tables as tables
from modelwright.serve.feedback.erase import subject_key
from modelwright.serve.feedback.requests import Requests
from modelwright.serve.feedback.shapes import Kept
from modelwright.serve.stores import Home

PART = "voices"
_R = tables.requests.c


@dataclass(frozen=True)
class Enrolled:
    """A voice by its vector [D], of how many recordings it is the mean, and the purpose that was agreed to."""

    vector: np.ndarray
    recordings: int
    purpose: str
    version: str  # of the model whose vectors these are: those of others do not compare
    expires_at: float


class Voices:
    """The enrolled voices of a service. Methods raise RegistryAway where the database cannot be reached."""

    def __init__(self, home: Home) -> None:
        self.home = replace(home, name=f"{home.name}/{PART}")
        self.store = Requests(self.home.url, self.home.name)

    def _mark(self, subject: str) -> str:
        return digest(subject_key(self.home), subject)

    def put(self, subject: str, enrolled: Enrolled) -> None:
        """Keep a subject's voice in the place of an earlier one; those whose time is over go as well. In one transaction."""
        mark, now = self._mark(subject), time.time()
        row = {
            "voice": [float(v) for v in enrolled.vector],
            "recordings": enrolled.recordings,
            "purpose": enrolled.purpose,
        }
        kept = Kept(f"voice-{mark}", enrolled.version, now, enrolled.expires_at, row, None, subject=mark)
        record = self.store._record_kept(kept)
        with self.store.writing() as connection:
            connection.execute(tables.requests.delete().where(self._where(mark) | self._over(now)))
            connection.execute(tables.requests.insert(), [record])

    def get(self, subject: str) -> Enrolled | None:
        """Return a subject's voice; None where there is none, or its time is over."""
        found = self.store.kept_by_id([f"voice-{self._mark(subject)}"])
        kept = next(iter(found.values()), None)
        if kept is None or kept.expires_at <= time.time():
            return None
        vector = np.asarray(kept.row["voice"], np.float64)
        return Enrolled(vector, int(kept.row["recordings"]), str(kept.row["purpose"]), kept.version, kept.expires_at)

    def drop(self, subject: str) -> int:
        """Erase a subject's voice, and those whose time is over; return how many of the subject there were."""
        mark = self._mark(subject)
        with self.store.writing() as connection:
            gone = connection.execute(tables.requests.delete().where(self._where(mark))).rowcount
            connection.execute(tables.requests.delete().where(self._over(time.time())))
        return int(gone)

    def _where(self, mark: str) -> Any:
        return sa.and_(_R.name == self.store.name, _R.subject == mark)

    def _over(self, now: float) -> Any:
        return sa.and_(_R.name == self.store.name, _R.expires_at <= now)
