"""Folders and tables to rows of passages and questions: FAQ columns, labelled questions, made questions, bad tables."""

import json

import pytest

from modelwright.core.errors import ColumnError, DataError
from modelwright.core.events import EventStream, Warned
from modelwright.data.knowledge import made_questions, read_knowledge, read_questions, tell_unread
from modelwright.data.passages import Passage


def parts(table):
    rows = table.to_pylist()
    return [r for r in rows if r["answer"] is not None], [json.loads(r["passage"]) for r in rows if r["answer"] is None]


def test_tables_of_questions_and_answers_in_either_language(tmp_path):
    path = tmp_path / "faq.csv"
    path.write_text(
        "问题,答案,相似问,租户\n怎么退款？,五天内到账。,钱何时退|退款多久,甲\n,没有问题,,\n空答案,,,\n你好吗朋友,很好谢谢你,,\n",
        encoding="utf-8",
    )
    asked, passages = parts(read_knowledge(path)[0])
    assert [p["asked"] for p in passages] == [["怎么退款？", "钱何时退", "退款多久"], ["你好吗朋友"]]
    assert [p["tenant"] for p in passages] == ["甲", "shared"]
    assert asked
    assert all("made" in json.loads(r["answer"]) for r in asked)


def test_labelled_questions_of_a_folder_take_the_place_of_made_ones(tmp_path):
    (tmp_path / "guide.md").write_text("# Returns\n\nReturns are free within thirty days.\n")
    lines = "".join(f"may I return thing {i},thirty days,\n" for i in range(45)) + "capital of Peru,,\n"
    (tmp_path / "questions.csv").write_text("question,answer,source\n" + lines)
    asked, passages = parts(read_knowledge(tmp_path)[0])
    assert len(asked) == 46
    assert len(passages) == 1
    assert json.loads(asked[-1]["answer"]) == {"answer": None, "source": None}


def test_a_test_file_holds_questions_only():
    rows = read_questions([{"question": "a?", "source": "guide.md"}, {"question": "", "source": "x"}])[0].to_pylist()
    assert [json.loads(r["answer"]) for r in rows] == [{"answer": None, "source": "guide.md"}]


@pytest.mark.parametrize("rows", [[{"question": "a", "b": 1}], [{"text": "a", "answer": "b"}]])
def test_tables_without_the_columns_say_which(rows):
    with pytest.raises(ColumnError, match="has no column"):
        read_knowledge(rows)


def test_nothing_to_answer_from_is_refused(tmp_path):
    with pytest.raises(DataError, match="nothing to answer from"):
        read_knowledge(tmp_path)
    (tmp_path / "x.md").write_text("hi")
    with pytest.raises(DataError, match="too little text"):
        read_knowledge(tmp_path)


def test_made_questions_are_of_every_kind_and_the_same_for_a_seed():
    passages = [
        Passage(
            "g.md",
            "shared",
            f"Guide > Part {i} about things",
            f"Sentence {i} tells something about topic{i} and colour{i}. 另外说明第{i}点内容很重要。",
        )
        for i in range(60)
    ]
    passages += [
        Passage("faq.csv", "x", "q", f"answer {i} is long enough", asked=(f"question number {i} about refund{i}",))
        for i in range(30)
    ]
    made = made_questions(passages, 0)
    assert made == made_questions(passages, 0)
    assert made != made_questions(passages, 1)
    truths = [json.loads(m["answer"]) for m in made]
    none = [t for t in truths if not t["passages"]]
    assert 0.25 < len(none) / len(truths) < 0.4
    assert all(t["without"] for t in none)
    assert any(t.get("hidden") for t in truths)
    assert {m["tenant"] for m in made} == {"shared", "x"}
    for m, t in zip(made, truths, strict=True):
        assert all(passages[i].tenant == m["tenant"] for i in t["passages"])


def test_what_could_not_be_read_is_told(tmp_path):
    (tmp_path / "a.md").write_text(
        "# Returns\n\n" + "A parcel may be sent back within thirty days of its arrival. " * 4
    )
    (tmp_path / "b.html").write_text("<h1>Map</h1><p>Where we are in town.</p><iframe src=x></iframe>")
    (tmp_path / "c.pptx").write_bytes(b"PK")
    heard: list[str] = []
    events = EventStream()
    events.listen(lambda e: heard.append(e.words.en) if isinstance(e, Warned) else None)
    tell_unread(read_knowledge(tmp_path)[0], events)
    assert heard == ["c.pptx: not read, its kind is not known.", "b.html: not read: 1 embedded page."]
    tell_unread(None, events)
    assert len(heard) == 2


def passages_of(tmp_path, rows):
    path = tmp_path / "faq.jsonl"
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8")
    raw, _ = read_knowledge(path)
    told = json.loads(raw.schema.metadata[b"unread"])
    return [json.loads(p) for p in raw.column("passage").to_pylist() if p], told


def test_answers_of_squad_are_their_text(tmp_path):
    """The whole object stood there as the answer that is quoted: `{'text': [...], 'answer_start': [...]}`."""
    rows = [
        {"question": f"What is item {i} made of?", "answers": {"text": [f"It is made of {w}."], "answer_start": [4]}}
        for i, w in enumerate(("steel", "wool", "glass", "paper"))
    ]
    found, told = passages_of(tmp_path, rows)
    assert [p["text"] for p in found] == [r["answers"]["text"][0] for r in rows]
    assert not told


def test_rows_without_question_or_answer_are_told(tmp_path):
    rows = [
        {"标准问题": f"第{i}件商品怎么退？", "标准答案": "" if i == 2 else f"请在{i}天内寄回。", "扩展问": [f"退{i}", f"还{i}"]}
        for i in range(1, 6)
    ]  # fmt: skip
    found, told = passages_of(tmp_path, rows)
    assert len(found) == 4
    assert found[0]["asked"] == ["第1件商品怎么退？", "退1", "还1"]
    assert told == [[
        "faq.jsonl: 1 of 5 rows have no question or no answer and are left out", "faq.jsonl：5 行中有 1 行缺少问题或答案，已排除",
    ]]  # fmt: skip
