"""The finaliser of SplitMix64, by which codes and hashes spread over all their bits."""

from __future__ import annotations

import numpy as np


def mix(values: np.ndarray) -> np.ndarray:
    """Return the splitmix64 finish of uint64 values, element by element: every input bit moves every output bit (Steele et al. 2014,
    doi 10.1145/2660193.2660195)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
