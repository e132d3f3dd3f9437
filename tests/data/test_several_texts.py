"""Cells that list several right texts become rows, and that is told."""

import json

import pytest

from modelwright.core.events import EventStream
from modelwright.core.reading import Reading
from modelwright.core.task import get_task


def read(tmp_path, task, rows):
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8")
    told, events = [], EventStream()
    events.listen(lambda e: told.append(e.words))
    table, _ = get_task(task).read(str(path), Reading(), events)
    return table.to_pylist(), told


def test_references_are_rows(tmp_path):
    rows = [{"src": "a", "refs": ["甲", "乙"]}, {"src": "b", "refs": ["丙"]}, {"src": "c", "refs": []}]
    found, told = read(tmp_path, "translation", rows)
    assert [(r["src"], r["refs"]) for r in found] == [("a", "甲"), ("a", "乙"), ("b", "丙"), ("c", None)]
    assert "3 rows are 4" in told[0].en
    assert "3 行成为 4 行" in told[0].zh


@pytest.mark.parametrize("name", ["pos", "positive_passages"])
def test_documents_that_answer_a_query_are_rows_and_one_negative_is_read(tmp_path, name):
    def docs(*texts):
        return list(texts) if name == "pos" else [{"docid": t, "title": "t", "text": t} for t in texts]

    rows = [{"query": "q", name: docs("a", "b"), "neg": ["x", "y"]}, {"query": "r", name: docs("c"), "neg": ["z"]}]
    found, told = read(tmp_path, "retrieval", rows)
    assert [(r["query"], r[name], r["neg"]) for r in found] == [("q", "a", "x"), ("q", "b", "x"), ("r", "c", "z")]
    assert any("the first one is read" in w.en for w in told)


def test_other_lists_and_plain_texts_stay(tmp_path):
    rows = [{"src": "a", "tags": ["x", "y"], "target": "甲"}, {"src": "b", "tags": ["z"], "target": "乙"}]
    found, told = read(tmp_path, "translation", rows)
    assert [r["target"] for r in found] == ["甲", "乙"]
    assert not told
