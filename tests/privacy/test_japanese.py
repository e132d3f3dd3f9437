"""Names in Japanese: told by what stands beside them; no Chinese judge takes its words for names."""

import pytest

from modelwright.privacy._japanese import are_japanese
from modelwright.privacy.detect import find, find_cells

WORDS = "梅雨 値段 丁寧 雷雨 林檎 高菜 牛乳 白米 水曜 江戸 花火 雲海 馬肉 金曜 銭湯 白桃 桜餅 麦茶 羊羹 蕎麦 納豆 春菊 明太子 秋刀魚 夏休み 唐揚げ 支払い 田舎 司会".split()


def people(text: str, column: str = "") -> list[str]:
    return [text[m.start : m.end] for m in find(text, column, types={"person"})]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("田中さんに電話しました", ["田中"]), ("高橋一郎様、ありがとうございます", ["高橋一郎"]), ("佐々木部長が来ました", ["佐々木"]),
        ("山田太郎と申します", ["山田太郎"]), ("氏名：佐藤花子", ["佐藤花子"]), ("連絡先: 田中太郎 090-1234-5678", ["田中太郎"]),
        ("お客様にお伝えください", []), ("皆様へ", []), ("石川県さんのりんご", []), ("みかんさんはどこですか", []), ("値段が高いです", []),
    ],
)  # fmt: skip
def test_names_are_told_by_what_stands_beside_them(text, names):
    assert people(text) == names


def test_common_words_are_no_names_in_sentences_and_alone():
    cells = [*WORDS, *[f"今日は{w}がとても美味しかったです。" for w in WORDS], *[f"{w}の値段が高いです" for w in WORDS]]
    assert [c for c, found in zip(cells, find_cells(cells, types={"person"})[0]) if found] == []


def test_chinese_with_a_sign_of_japanese_stays_chinese():
    cells = ["老板张伟人很好(´▽`)ノ", "鲜の每日店员王芳送来的", "前台李娜很热情"]
    assert are_japanese(cells) == [False] * 3
    assert [len(found) for found in find_cells(cells, types={"person"})[0]] == [1, 1, 1]


@pytest.mark.parametrize(
    "cells",
    [
        ["みかん", "りんご", "バナナ", "林檎"],
        ["Apple", "banana", "grapefruit", "Orange juice"],
        ["苹果", "香蕉", "葡萄干"],
    ],
)
def test_a_column_called_name_may_hold_things(cells):
    assert not any(find_cells(cells, "name", types={"person"})[0])
    assert all(find_cells(cells, "customer_name", types={"person"})[0][:1])


@pytest.mark.parametrize(
    "cells",
    [
        ["田中太郎", "佐藤花子", "さくら"],
        ["Anna Holm", "Adaeze", "Chen Wei", "Rose"],
        ["张伟", "王芳", "欧阳娜娜"],
        ["Ngozi"],
    ],
)
def test_a_column_called_name_may_hold_people(cells):
    assert all(find_cells(cells, "name", types={"person"})[0])
