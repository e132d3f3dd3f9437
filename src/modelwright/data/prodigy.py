"""Annotations of Prodigy: of each it is said whether it was accepted, and what was rejected or passed over is no answer.

Format: prodi.gy/docs/api-interfaces, JSON Lines with `answer` ("accept", "reject", "ignore"), `_input_hash` and `_task_hash`.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from modelwright.core.words import Words, counted, in_a_row

_ANSWER = "answer"
_HASHES = ("_input_hash", "_task_hash")
_SAID = ("accept", "reject", "ignore")


def accepted(raw: pa.Table, target: str | None) -> tuple[pa.Table, Words | None]:
    """Return the annotations that were accepted, and what is to be said of those left out; any other table passes unchanged, and so does one
    whose `answer` is the target. Rows without an answer were not annotated and stay."""
    if target == _ANSWER or _ANSWER not in raw.column_names or not any(h in raw.column_names for h in _HASHES):
        return raw, None
    said = raw.column(_ANSWER)
    if not (pa.types.is_string(said.type) or pa.types.is_large_string(said.type)):
        return raw, None
    if any(v not in _SAID for v in pc.unique(said).drop_null().to_pylist()):
        return raw, None
    rejected, ignored = (pc.sum(pc.equal(said, word)).as_py() or 0 for word in _SAID[1:])
    if not rejected + ignored:
        return raw, None
    kept = raw.filter(pc.fill_null(pc.equal(said, _SAID[0]), True))
    told = in_a_row(
        [
            Words(f"{counted(rejected, 'row')} rejected", f"拒绝 {rejected:,} 行") if rejected else None,
            Words(f"{counted(ignored, 'row')} ignored", f"忽略 {ignored:,} 行") if ignored else None,
        ]
    )
    assert told is not None
    return kept, Words(
        f"Annotations of Prodigy that were not accepted are left out: {told.en}; {kept.num_rows:,} stay. "
        "To learn what was accepted: --target answer",
        f"Prodigy 标注中未被接受的已排除：{told.zh}；保留 {kept.num_rows:,} 行。若要学习是否接受：--target answer",
    )
