"""Annotations of Prodigy: what was not accepted is no answer."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelwright as mw
from modelwright.core.config import make_config
from modelwright.core.events import EventStream, Note
from modelwright.data.prodigy import accepted
from modelwright.pipeline.intake import get_data


@given(st.lists(st.sampled_from(["accept", "reject", "ignore", None]), min_size=1))
def test_the_accepted_and_the_untold_stay(answers):
    raw = pa.table(
        {"n": range(len(answers)), "answer": pa.array(answers, pa.string()), "_input_hash": range(len(answers))}
    )
    kept, words = accepted(raw, "label")
    stay = [i for i, a in enumerate(answers) if a in ("accept", None)]
    assert kept.column("n").to_pylist() == stay
    assert (words is None) == (len(stay) == len(answers))


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        ({"answer": ["accept", "reject"]}, "label"),  # not of Prodigy
        ({"answer": ["accept", "maybe"], "_input_hash": [1, 2]}, "label"),
        ({"answer": [1, 2], "_input_hash": [1, 2]}, "label"),
        ({"answer": ["accept", "reject"], "_input_hash": [1, 2]}, "answer"),
    ],
)
def test_other_tables_pass(columns, target):
    raw = pa.table(columns)
    assert accepted(raw, target) == (raw, None)


def test_a_run_and_inspect_leave_rejects_out_and_say_so(tmp_path):
    path = tmp_path / "marked.jsonl"
    lines = [
        {"text": f"text {i % 7} of {i}", "label": "AB"[i % 2], "answer": ("accept", "reject", "accept", "ignore")[i % 4], "_task_hash": i}
        for i in range(80)
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    events, told = EventStream(), []
    events.listen(lambda e: told.append(e.words.en) if isinstance(e, Note) else None)
    config = make_config(data=str(path), target="label", budget="10s")
    data = get_data(config, str(path), events)
    assert set(data.table.column("label").to_pylist()) == {"A"}  # all of B were rejected or ignored
    assert any("20 rows rejected" in w and "20 rows ignored" in w for w in told)
    found = mw.inspect(path, "label")
    assert found["rows"] == 40
    assert any("left out" in w[0] for w in found["told"])
    assert mw.inspect(path, "answer")["rows"] == 80
