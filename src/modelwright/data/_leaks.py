"""Columns that give the answer away: copies of the target, and columns that tell it alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.data._finding import Finding

_SAMPLE = 20_000
_FIRST = 100  # rows compared before all are


def codes_of(values: pa.Array) -> np.ndarray:
    """Return a number for each different value [N]; -1 where absent."""
    if pa.types.is_nested(values.type):
        values = pa.array([None if v is None else "|".join(v) for v in values.to_pylist()], pa.string())
    return np.asarray(values.dictionary_encode().indices.fill_null(-1)).astype(np.int64)


def leaks(table: Table, target: str) -> list[Finding]:
    """Find single columns that give the answer away on rows they were not matched on."""
    rng = np.random.default_rng(0)
    index = np.sort(rng.choice(len(table), min(len(table), _SAMPLE), replace=False))
    some = table.take(index)
    answers = codes_of(some.column(target))
    if len(some) < 40 or table.schema[target].modality == "number":
        return _copies(table, target)
    half = rng.permutation(len(some)) < len(some) // 2
    common = np.bincount(answers[answers >= 0]).max() / len(answers)
    out = _copies(table, target)
    for column in table.schema.inputs:
        if column.modality not in ("category", "boolean", "number") or any(f.column == column.name for f in out):
            continue
        codes = codes_of(some.column(column.name)) + 1
        if codes.max() > 0.3 * len(some):
            continue
        counts = np.zeros((codes.max() + 1, answers.max() + 1))
        np.add.at(counts, (codes[half], answers[half]), 1)
        known = counts[codes[~half]].sum(1) > 0
        right = (counts[codes[~half]].argmax(1) == answers[~half])[known]
        if known.mean() > 0.9 and right.mean() > 0.995 and right.mean() - common > 0.1:
            out.append(_leak(column.name, target, right.mean()))
    return out


def _leak(name: str, target: str, share: float) -> Finding:
    return Finding(
        "leak", "warning", name,
        Words(f"`{name}` alone gives away `{target}` in {100 * share:.1f} % of held-out rows.", f"仅凭 `{name}` 就能在 {100 * share:.1f}% 的留出行上得出 `{target}`。"),
        Words(f"If it is filled in after the answer is known, leave it out: --ignore {name}", f"若该列在答案已知后才填写，请忽略它：--ignore {name}"),
    )  # fmt: skip


def _plain(values: pa.Array) -> list[object]:
    """Return values as they compare across modalities."""
    words = {"yes": True, "no": False, "true": True, "false": False, "是": True, "否": False}
    return [words.get(v.lower(), v) if isinstance(v, str) else v for v in values.to_pylist()]


def _copies(table: Table, target: str) -> list[Finding]:
    answers = table.column(target)
    out = []
    for column in table.schema.inputs:
        values = table.column(column.name)
        if pa.types.is_nested(values.type) or pa.types.is_nested(answers.type):
            continue
        # a copy may have been read as another modality: yes and no as truth values, say
        if _plain(values.slice(0, _FIRST)) == _plain(answers.slice(0, _FIRST)) and _plain(values) == _plain(answers):
            out.append(
                Finding(
                    "copy", "error", column.name,
                    Words(f"`{column.name}` is a copy of the target.", f"`{column.name}` 是目标列的副本。"),
                    Words("It is left out.", "已忽略该列。"), drop_column=True,
                )
            )  # fmt: skip
    return out
