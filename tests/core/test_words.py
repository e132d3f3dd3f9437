import pytest

from modelwright.core.words import shortened, some_of


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("abcd", "abcd"), ("abcde", "abc…"), ("一二三四五", "一二三…")])
def test_a_text_is_shortened_to_its_bound_ellipsis_included(text, shown):
    assert shortened(text, 4) == shown


def test_lists_are_cut_between_values_and_say_what_is_left():
    assert some_of(["a", "b"]) == ("`a`, `b`", "`a`、`b`")
    long = [f"folder/{i:020}.png" for i in range(9)]
    en, zh = some_of(long)
    assert en.endswith(" and 6 more")
    assert en.count("`") == 6
    assert long[2] in en
    assert zh.endswith(" 等 9 个")
    assert some_of(["x" * 500]).en == "`" + "x" * 119 + "…`"
