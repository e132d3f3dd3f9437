"""Texts from files, folders and tables; what holds no text is refused by name."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import ColumnError, DataError
from modelwright.data.corpus import passages, read_corpus, shaped, target_column


@given(text=st.text(st.sampled_from("ab。. \n你"), min_size=1, max_size=300), size=st.integers(5, 60))
def test_passages_joined_are_the_text(text, size):
    parts = passages(text, size)
    assert "".join(parts).replace("\n", "").strip() == text.replace("\n", "").strip() or all(p.strip() for p in parts)
    assert all(len(p) <= 4 * size + 1 for p in parts)


def test_files_and_folders(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("first line\r\nsecond line\n" * 30, encoding="utf-8")
    (tmp_path / "sub" / "b.md").write_bytes("标题与正文。\n".encode("gb18030") * 40)
    (tmp_path / "c.csv").write_text("x\n1\n")
    raw, _ = read_corpus(tmp_path)
    assert raw.column_names == ["passage", "file"]
    assert set(raw.column("file").to_pylist()) == {"a.txt", "sub/b.md"}
    whole = "".join(raw.column("passage").to_pylist())
    assert "标题与正文。" in whole
    assert "\r" not in whole
    one, _ = read_corpus(tmp_path / "a.txt")
    assert one.column_names == ["passage"]
    assert one.num_rows >= 4


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [("e.txt", b" \n", "empty"), ("b.txt", b"ab\x00\x00\x01" * 9, "text"), (None, b"", "no file")],
)
def test_files_without_text(tmp_path, name, data, said):
    path = tmp_path / (name or "gone.txt")
    if name:
        path.write_bytes(data)
    with pytest.raises(DataError, match=said):
        read_corpus(path)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="no text files"):
        read_corpus(tmp_path / "none")


def test_chats_and_preferences(tmp_path):
    path = tmp_path / "c.jsonl"
    rows = [{"messages": [{"role": "user", "content": "你"}, {"role": "assistant", "content": "b"}], "source": "x"}] * 3
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8")
    raw, _ = read_corpus(path)
    assert target_column(raw) == "messages"
    assert json.loads(raw.column("messages")[0].as_py())[0] == {"role": "user", "content": "你"}
    pairs = shaped(pa.table({"prompt": ["q"], "chosen": ["good"], "rejected": ["bad"], "who": ["me"]}), "t")
    assert pairs.column_names == ["who", "preference"]
    cell = json.loads(pairs.column("preference")[0].as_py())
    assert cell["prompt"] == [{"role": "user", "content": "q"}]
    assert cell["rejected"] == [{"role": "assistant", "content": "bad"}]
    whole = [[{"role": "user", "content": "q"}, {"role": "assistant", "content": w}] for w in ("good", "bad")]
    both = json.loads(
        shaped(pa.table({"chosen": [whole[0]], "rejected": [whole[1]]}), "t").column("preference")[0].as_py()
    )
    assert (both["prompt"][0]["content"], both["chosen"][0]["content"], both["rejected"][0]["content"]) == (
        "q",
        "good",
        "bad",
    )


def test_a_wrong_row_is_named(tmp_path):
    path = tmp_path / "c.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "a"}]}\n{"messages": "hello"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"row 2: Expected messages"):
        read_corpus(path)


def test_the_column_of_texts_is_found():
    assert target_column(pa.table({"id": ["1", "2"], "正文": ["长" * 9, "b"]})) == "正文"
    assert target_column(pa.table({"id": ["1", "2"], "story": ["x" * 50, "y" * 60]})) == "story"
    with pytest.raises(ColumnError, match="--target"):
        target_column(pa.table({"a": [1, 2]}))


Q, A = {"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "It left."}
S = {"role": "system", "content": "Be kind."}


def messages(**columns):
    """Return the chat that the one row of such columns is read as."""
    raw = shaped(pa.table({n: [v] for n, v in columns.items()}), "t")
    assert target_column(raw) == "messages"
    return json.loads(raw.column("messages")[0].as_py())


@pytest.mark.parametrize(
    ("row", "chat"),
    [
        ({"prompt": "Where is it?", "completion": "It left."}, [Q, A]),
        ({"prompt": [Q], "completion": [A]}, [Q, A]),
        ({"prompt": [S, Q], "completion": [A]}, [S, Q, A]),
        ({"instruction": "Where is it?", "input": "", "output": "It left.", "system": "Be kind."}, [S, Q, A]),
        ({"question": "Where is it?", "answer": "It left."}, [Q, A]),
        ({"query": "Where is it?", "response": "It left.", "history": [["Hello", "Hi"]]},
         [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}, Q, A]),
        ({"conversations": [{"from": "human", "value": "Where is it?"}, {"from": "gpt", "value": "It left."}], "system": "Be kind."}, [S, Q, A]),
        ({"messages": [{"role": "system", "content": "Own."}, Q, A], "system": "Be kind."}, [{"role": "system", "content": "Own."}, Q, A]),
    ],
)  # fmt: skip
def test_what_was_asked_and_answered_is_a_chat(row, chat):
    """The longest column was learnt, which was often that of the questions; a system message beside a chat was dropped."""
    assert messages(**row) == chat


def test_an_instruction_is_asked_with_its_input():
    chat = messages(instruction="翻译成英文", input="猫", output="cat")
    assert chat[0]["content"] == "翻译成英文\n\n猫"
    assert messages(instruction="介绍北京", input=None, output="首都")[0]["content"] == "介绍北京"


def test_rows_without_question_or_answer_have_no_chat():
    raw = shaped(pa.table({"prompt": ["a", "b", None, "d"], "completion": ["x", None, "z", ""]}), "t")
    assert [c is not None for c in raw.column("messages").to_pylist()] == [True, False, False, False]
    assert raw.column_names[:2] == ["prompt", "completion"]  # they stay, for --target


def test_texts_stay_texts():
    raw = pa.table({"instruction": ["a"], "output": ["b"], "text": ["### a ### b"]})
    assert shaped(raw, "t") is raw
    alone = pa.table({"output": ["b"]})
    assert shaped(alone, "t") is alone


NO = {"role": "assistant", "content": "No."}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Where is it?", "chosen": "It left.", "rejected": "No."},
        {"prompt": "Where is it?", "chosen": [Q, A], "rejected": [Q, NO]},
        {"chosen": [Q, A], "rejected": [Q, NO]},
        {"prompt": [Q], "chosen": [A], "rejected": [NO]},
        {"question": "Where is it?", "chosen": "It left.", "rejected": "No."},
        {"chosen": "\n\nHuman: Where is it?\n\nAssistant: It left.", "rejected": "\n\nHuman: Where is it?\n\nAssistant: No."},
        {"prompt": "\n\nHuman: Where is it?\n\nAssistant:", "chosen": "It left.", "rejected": "No."},
    ],
)  # fmt: skip
def test_preferences_part_ways_after_what_was_asked(row):
    """Whole chats beside a prompt repeated it in both answers; a question by another name and dialogues in one text had no prompt."""
    raw = shaped(pa.table({n: [v] for n, v in row.items()}), "t")
    assert json.loads(raw.column("preference")[0].as_py()) == {"prompt": [Q], "chosen": [A], "rejected": [NO]}


def test_a_preferred_text_may_begin_with_a_bracket():
    raw = shaped(pa.table({"prompt": ["q"], "chosen": ["[1] see there"], "rejected": ["[no]"]}), "t")
    assert json.loads(raw.column("preference")[0].as_py())["chosen"][0]["content"] == "[1] see there"


def test_a_wrong_prompt_is_named():
    with pytest.raises(DataError, match=r"t, row 1: Expected messages"):
        shaped(pa.table({"prompt": [[{"who": "a"}]], "completion": ["b"]}), "t")
