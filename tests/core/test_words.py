import pytest

from modelwright.core.words import chinese, shortened, some_of


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


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("测试集上", "宏平均 F1", "为", "0.9"), "测试集上宏平均 F1 为 0.9"),
        (("共", "8", "个"), "共 8 个"),
        (("预测的", "R²", "为", "0.9", "（95%：0.8 - 1）", "。"), "预测的 R² 为 0.9（95%：0.8 - 1）。"),
        (("列", "`a`", "，", "`b`", "均为", "空"), "列 `a`，`b` 均为空"),
        (("MAPE", "3", "%"), "MAPE 3%"),
        (("", "列", "", "3"), "列 3"),
        (("“", "a", "”", "b"), "“a”b"),
    ],
)
def test_pieces_of_chinese_are_joined_with_blanks_beside_latin_only(pieces, text):
    assert chinese(*pieces) == text
