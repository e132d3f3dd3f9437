"""What the tasks share whose answers are files: pictures, recordings."""

from __future__ import annotations

import numpy as np

from modelwright.core.schema import Table


def by_answer(table: Table) -> np.ndarray:
    """Return a number per row int64 [N], the same for rows whose wanted file is the same: they stay on one side of a split."""
    target = table.schema.target
    assert target is not None
    digests = table.column(target.name).field("digest").fill_null("").to_pylist()
    found: np.ndarray = np.unique(np.array(digests, object).astype(str), return_inverse=True)[1]
    return found
