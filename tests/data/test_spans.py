"""Marked texts in their usual forms: one column of spans, offsets into the text."""

import itertools
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import DataError
from modelwright.data.spans import check_spans, column_of, dumped, is_token_file, normalised, runs, token_file


def read(tmp_path, text, name="a.bmes", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    table = token_file(path)
    return [
        (r["text"], [(s["start"], s["end"], s["label"]) for s in json.loads(r["spans"])]) for r in table.to_pylist()
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_characters_stand_without_spaces(tmp_path, encoding):
    text = "高 B-NAME\n勇 E-NAME\n： O\n男 O\n\n1 O\n汉 S-RACE\n"
    assert read(tmp_path, text, encoding=encoding) == [("高勇：男", [(0, 2, "NAME")]), ("1汉", [(1, 2, "RACE")])]


def test_words_stand_with_spaces_and_extra_columns_are_passed_over(tmp_path):
    text = "-DOCSTART- -X- O O\n\nAnna NNP B-NP B-PER\nBell NNP I-NP I-PER\nwent VBD B-VP O\nto TO B-PP O\nParis NNP B-NP I-LOC\n"
    assert read(tmp_path, text, "a.conll") == [("Anna Bell went to Paris", [(0, 9, "PER"), (18, 23, "LOC")])]


def test_chinese_words_are_joined_and_latin_ones_are_not(tmp_path):
    assert read(tmp_path, "北京\tB-city\n大学\tI-city\nopen\tO\nday\tO\n", "a.bio") == [
        ("北京大学open day", [(0, 4, "city")])
    ]


@pytest.mark.parametrize(
    ("marks", "spans"),
    [
        ("B-a I-a O", [(0, 2, "a")]),
        ("B-a M-a E-a S-b", [(0, 3, "a"), (3, 4, "b")]),
        ("B-a I-a E-a B-a", [(0, 3, "a"), (3, 4, "a")]),
        ("I-a I-a I-b O I-b", [(0, 2, "a"), (2, 3, "b"), (4, 5, "b")]),
        ("B-a B-a L-a U-b", [(0, 1, "a"), (1, 3, "a"), (3, 4, "b")]),
        ("O O", []),
        ("E-a O", [(0, 1, "a")]),
    ],
)
def test_tags_of_every_scheme(marks, spans):
    assert runs(marks.split()) == spans


@given(st.lists(st.sampled_from(["O", "B-a", "I-a", "E-a", "S-a", "B-b", "I-b", "M-b", "E-b", "S-b", "L-a", "U-b"])))
def test_any_tags_give_spans_in_order_that_do_not_overlap(marks):
    found = runs(marks)
    assert all(a < b for a, b, _ in found)
    assert all(x[1] <= y[0] for x, y in itertools.pairwise(found))
    assert {i for a, b, _ in found for i in range(a, b)} == {i for i, m in enumerate(marks) if m != "O"}


@pytest.mark.parametrize("text", ["高 B-NAME\n勇\n", "a b c\n", "x Q-name\n"])
def test_a_line_that_does_not_fit_is_named(tmp_path, text):
    (tmp_path / "a.bio").write_text("好 O\n" + text, encoding="utf-8")
    with pytest.raises(DataError, match=r"line \d") as error:
        token_file(tmp_path / "a.bio")
    assert "行" in error.value.words.zh


def test_an_empty_or_absent_file_is_said_to_be_so(tmp_path):
    (tmp_path / "a.bio").write_text("\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="empty"):
        token_file(tmp_path / "a.bio")
    with pytest.raises(DataError, match="no file"):
        token_file(tmp_path / "b.bio")


def test_text_files_are_told_by_what_they_hold(tmp_path):
    (tmp_path / "a.txt").write_text("高 B-NAME\n勇 E-NAME\n\n好 O\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("text,label\nhello,1\n", encoding="utf-8")
    assert is_token_file(tmp_path / "a.txt")
    assert not is_token_file(tmp_path / "b.txt")
    assert not is_token_file(tmp_path / "c.csv")


def spans_in(raw):
    table = normalised(raw)
    name = column_of(table)
    return name, [
        None if c is None else [(s["start"], s["end"], s["label"]) for s in json.loads(c)]
        for c in table.column(name).to_pylist()
    ]


def test_cluener_has_inclusive_ends():
    cell = json.dumps({"name": {"叶老桂": [[9, 11]]}, "company": {"浙商银行": [[0, 3]]}})
    assert spans_in(pa.table({"text": ["x" * 12, "y"], "label": [cell, "{}"]})) == (
        "label",
        [[(0, 4, "company"), (9, 12, "name")], []],
    )


def test_lists_of_spans_in_arrow_and_in_json_text():
    marks = [[{"start": 1, "end": 3, "label": "a"}], [], None]
    assert spans_in(pa.table({"text": ["abc"] * 3, "s": marks})) == ("s", [[(1, 3, "a")], [], None])
    texts = [json.dumps(m) if m is not None else None for m in marks]
    assert spans_in(pa.table({"text": ["abc"] * 3, "s": texts})) == ("s", [[(1, 3, "a")], [], None])
    other = [[{"start": 0, "end": 1, "type": "b"}]]
    assert spans_in(pa.table({"text": ["abc"], "s": other})) == ("s", [[(0, 1, "b")]])


def test_tokens_beside_tags():
    raw = pa.table({"tokens": [["Anna", "left"], ["好"]], "ner_tags": [["B-p", "O"], ["O"]]})
    table = normalised(raw)
    assert table.column("text").to_pylist() == ["Anna left", "好"]
    assert spans_in(raw)[1] == [[(0, 4, "p")], []]
    with pytest.raises(DataError, match="row 1"):
        normalised(pa.table({"tokens": [["a", "b"]], "tags": [["O"]]}))
    with pytest.raises(DataError, match="received `3`"):
        normalised(pa.table({"tokens": [["a"]], "tags": [[3]]}))


def test_spans_that_cannot_be_read_or_lie_outside_are_named():
    with pytest.raises(DataError, match=r"row 2, column `s`"):
        normalised(
            pa.table(
                {
                    "text": ["abc", "d"],
                    "s": ['[{"start": 0, "end": 1, "label": "a"}]', '[{"start": 0, "end": "x", "label": "a"}]'],
                }
            )
        )
    with pytest.raises(DataError, match="row 7"):
        check_spans(["abc"], [dumped([{"start": 2, "end": 9, "label": "a"}])], [7], "f.jsonl")
    check_spans(["abc", None], [dumped([{"start": 2, "end": 3, "label": "a"}]), None], [1, 2], "f.jsonl")


def test_tables_without_marks_pass():
    raw = pa.table({"text": ["a", "b"], "n": [1, 2]})
    assert normalised(raw) is raw
    assert column_of(raw) is None


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ([{"start": 6, "end": 9, "label": "name", "text": "Ann"}], None),
        ([{"start": 6, "end": 9, "label": "name", "word": " ann "}], None),
        ([{"start": 6, "end": 8, "label": "name", "text": "Ann"}], "add 1"),
        ([{"start": 7, "end": 9, "label": "name", "text": "Ann"}], "count from 1"),
        ([{"start": 7, "end": 10, "label": "name", "text": "Ann"}], "units of UTF-16"),
        ([{"start": 3, "end": 6, "label": "name", "text": "for"}], "units of UTF-16"),
        ([{"start": 9, "end": 12, "label": "name", "text": "Ann"}], "bytes of UTF-8"),
        ({"name": {"Ann": [[6, 8]]}}, None),
        ({"name": {"Ann": [[6, 9]]}}, "subtract 1 from these ends"),
        ([{"start": 6, "end": 9, "label": "name", "text": "Q1234"}], None),  # a number in a knowledge base, not words
    ],
)
def test_words_that_come_with_spans_stand_there(marks, said):
    raw = pa.table({"text": ["\N{GRINNING FACE} for Ann"], "spans": [json.dumps(marks)]})
    if said is None:
        assert json.loads(normalised(raw).column("spans")[0].as_py()) == [{"start": 6, "end": 9, "label": "name"}]
        return
    with pytest.raises(DataError, match="row 1, column `spans`") as e:
        normalised(raw)
    assert said in str(e.value)


def test_one_row_that_differs_is_named():
    good = json.dumps([{"start": 0, "end": 3, "label": "name", "text": "Ann"}])
    slip = json.dumps([{"start": 4, "end": 7, "label": "name", "text": "Bob"}])
    raw = pa.table({"id": ["a", "b", "c"], "text": ["Ann", "Ann", "Bob and"], "spans": [good, good, slip]})
    with pytest.raises(DataError, match=r"row 3, .*came with `Bob`, but `and` stands there"):
        normalised(raw)


@pytest.mark.parametrize(
    "mark",
    [
        [0, 3, "name"],
        {"start_offset": 0, "end_offset": 3, "label": "name"},
        {"start_position": 0, "end_position": 3, "entity_type": "name", "entity_value": "Ann"},
        {"begin": 0, "end": 3, "type": "name"},
    ],
)
def test_spans_as_other_tools_write_them(mark):
    raw = pa.table({"text": ["Ann", "none"], "label": [json.dumps([mark]), "[]"]})
    assert column_of(raw) == "label"
    assert json.loads(normalised(raw).column("label")[0].as_py()) == [{"start": 0, "end": 3, "label": "name"}]


@pytest.mark.parametrize("cell", ["[[1, 2, 3]]", '[["a", 2, "b"]]', "[[0, 1]]", '[{"end": 3, "label": "x"}]', "[true]"])
def test_other_lists_are_no_spans(cell):
    assert column_of(pa.table({"text": ["Ann"], "label": [cell]})) is None


def test_comments_are_passed_over_and_hashes_are_not(tmp_path):
    """The first line of a MultiCoNER file was refused; a sentence that begins with a hash is none."""
    text = "# id 52-f3\tdomain=en\n# text = Section O\nhis _ _ O\nsonny _ _ B-PER\nsharrock _ _ I-PER\n"
    assert read(tmp_path, text, "a.conll") == [("his sonny sharrock", [(4, 18, "PER")])]
    assert read(tmp_path, "# O\n1 O\n#me B-tag\n") == [("# 1 #me", [(4, 7, "tag")])]
    path = tmp_path / "g.tsv"
    path.write_text("# http://x.org/A [2009-10-17]\n1\tAnna\tB-PER\n2\tlief\tO\n\n" * 9, encoding="utf-8")
    assert is_token_file(path)


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_tokens_are_not_the_tokens(tmp_path, first):
    """GermEval's and CoNLL-U's first column counts; the text that was learnt read `1 2 3`."""
    words = ("Anna B-PER", "Bell I-PER", "lief O")
    text = "".join(f"{i} {w}\n" for i, w in enumerate(words, first)) + "\n" + f"{first} Bonn B-LOC\n"
    assert read(tmp_path, text, "a.conll") == [("Anna Bell lief", [(0, 9, "PER")]), ("Bonn", [(0, 4, "LOC")])]
    assert read(tmp_path, "1 O\n2 O\n3 B-n\n") == [("1 2 3", [(4, 5, "n")])]  # two cells: tokens that are numbers
    assert read(tmp_path, "1 CD O\n2 CD O\n\nAnn NN B-p\n")[0][0] == "1 2"  # others do not count


def test_a_line_of_names_and_blanks_as_tokens(tmp_path):
    assert read(tmp_path, "token\tlabel\n张\tB-P\n \tO\n三\tO\n") == [("张 三", [(0, 1, "P")])]
    assert read(tmp_path, "张 B-P\n  O\n\u3000 O\n三 O\n") == [("张  三", [(0, 1, "P")])]


@pytest.mark.parametrize(
    "columns",
    [
        {"words": [["Anna", "left"], ["好"]], "ner": [["B-p", "O"], ["O"]]},
        {"tokens": ["['Anna', 'left']", "['好']"], "ner_tags": ['["B-p", "O"]', '["O"]']},
        {"Sentence #": ["Sentence: 1", None, "Sentence: 2"], "Word": ["Anna", "left", "好"], "POS": ["N", "V", "A"], "Tag": ["B-p", "O", "O"]},
        {"sentence_id": [0, 0, 1], "words": ["Anna", "left", "好"], "labels": ["B-p", "O", "O"]},
    ],
)  # fmt: skip
def test_tables_of_tokens_as_public_sets_have_them(columns):
    table = normalised(pa.table(columns))
    assert table.column("text").to_pylist() == ["Anna left", "好"]
    assert spans_in(pa.table(columns)) == ("spans", [[(0, 4, "p")], []])


def test_a_table_of_labelled_sentences_is_none_of_tokens():
    raw = pa.table({"sentence_id": [1, 2], "text": ["Ann left", "so"], "label": ["good", "bad"]})
    assert normalised(raw) is raw
    brackets = pa.table({"text": ["[1] see", "['a']"], "label": ["x", "y"]})
    assert normalised(brackets) is brackets


def test_spans_of_prodigy_and_label_studio():
    """The tokens that Prodigy writes were taken for spans without a label; labels of Label Studio stand in lists."""
    token = [{"text": "Ann", "start": 0, "end": 3, "id": 0}]
    span = [{"start": 0, "end": 3, "token_start": 0, "label": "p"}]
    assert spans_in(pa.table({"text": ["Ann"], "tokens": [token], "spans": [span]})) == ("spans", [[(0, 3, "p")]])
    least = [{"start": 0, "end": 3, "text": "Ann", "labels": ["p"]}]
    assert spans_in(pa.table({"text": ["Ann left"], "label": [least]})) == ("label", [[(0, 3, "p")]])

    def done(*marked, off=False):
        found = [{"type": "labels", "value": {"start": a, "end": b, "text": t, "labels": ["p"]}} for a, b, t in marked]
        return {"was_cancelled": off, "result": found}

    whole = {
        "id": ["1", "2", "3", "4"],
        "data": [json.dumps({"text": t}) for t in ("Ann left", "so", "Bob", "Eve")],
        "annotations": [[done((0, 3, "Ann"))], [done()], [], [done((0, 3, "Eve"), off=True)]],
    }
    table = normalised(pa.table(whole))
    assert table.column("text").to_pylist() == ["Ann left", "so", "Bob", "Eve"]
    assert spans_in(pa.table(whole)) == ("spans", [[(0, 3, "p")], [], None, None])
    # places are counted as JavaScript does, an emoji as two; of several annotations the last one counts
    smile = {
        "data": [json.dumps({"text": "\U0001f600 Ann left"})],
        "annotations": [[done((0, 2, "no")), done((3, 6, "Ann"))]],
    }
    assert spans_in(pa.table(smile)) == ("spans", [[(2, 5, "p")]])


def test_places_of_cmeee_are_read_and_their_ends_told():
    cell = [{"start_idx": 0, "end_idx": 1, "type": "p", "entity": "张三"}]
    with pytest.raises(DataError, match="add 1"):
        normalised(pa.table({"text": ["张三来了"], "entities": [cell]}))
    right = [{"start_idx": 0, "end_idx": 2, "type": "p", "entity": "张三"}]
    assert spans_in(pa.table({"text": ["张三来了"], "entities": [right]})) == ("entities", [[(0, 2, "p")]])
