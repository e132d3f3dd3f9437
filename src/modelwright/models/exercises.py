"""Which exercise comes next: the one after which most is expected to be known that is not known yet.

Legend: A skills asked about.
"""

from __future__ import annotations

import numpy as np

from modelwright.models.bkt import Bkt

MASTERED = 0.95  # the chance of knowing a skill from which practice may end (Corbett & Anderson 1995)
_SURE = 20.0  # answers that the rate of learning counts as, where it is drawn


def expected_gains(bkt: Bkt, known: np.ndarray, chances: np.ndarray, skills: np.ndarray) -> np.ndarray:
    """Return by how much mastery [A] is expected to rise at one exercise each, for chances [A] of a right answer."""
    after = [bkt.taught(bkt.seen(known, skills, np.full(len(skills), told)), skills) for told in (1, 0)]
    return np.asarray(chances * after[0] + (1 - chances) * after[1] - known)


def drawn_gains(bkt: Bkt, known: np.ndarray, skills: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return what an exercise in each skill would teach [A], were things as one draw of what is known of them says.

    Thompson 1933: skills of which little is known are tried now and then, and not only the one that seems best.
    """
    learns = bkt.learns[skills]
    rate = rng.beta(np.maximum(learns * _SURE, 1e-3), np.maximum((1 - learns) * _SURE, 1e-3))
    return np.asarray(np.where(rng.random(len(skills)) < known, 0.0, rate))
