"""Names beside words that say so, names written by sound, numbers of passports in words of many kinds."""

from __future__ import annotations

import pytest

from modelwright.privacy.detect import find


def people(text: str) -> list[str]:
    return [text[m.start : m.end] for m in find(text) if m.type == "person"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("听石建华说这家店不错", ["石建华"]),  # 建华 a word and 石 a seldom surname: what stands on both sides decides
        ("投诉人马志远称一直没人处理", ["马志远"]),
        ("这个提案欧阳俊不同意", ["欧阳俊"]),
        ("这条建议胡军不同意", ["胡军"]),
        ("导游格桑拉姆很热情", ["格桑拉姆"]),
        ("下午五点祖丽菲娅·买买提会到现场", ["祖丽菲娅·买买提"]),
        ("由约翰·彭德尔顿主持", ["约翰·彭德尔顿"]),
        ("Patient Oluwadamilola Adesanya was admitted.", ["Oluwadamilola Adesanya"]),
        ("Dear Xiaoyun Zhou, thanks for waiting.", ["Xiaoyun Zhou"]),
    ],
)
def test_found(text: str, names: list[str]) -> None:
    assert people(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "对于经常出差的人来说很方便",
        "替来北京出差的人订的房间",
        "我张开手说：宝贝，来",
        "在成都玉双路一家杂货铺门口",
        "已经与施工单位接洽",
        "看过巴学园的孩子都喜欢",
        "Patient Safety First is our motto",
        "Dear Customer Service, nothing works",
        "我们去扎西贡布寺看看",
        "孩子的班主任很负责",
    ],
)
def test_no_names(text: str) -> None:
    assert people(text) == []


@pytest.mark.parametrize("number", ["01234567", "C01X00T47", "925076473", "TK1234567"])
@pytest.mark.parametrize(
    "said", ["回乡证号{}", "通行证：{}", "持{}号护照入境", "my passport number is {}", "证件号码：{}（港澳通行证）"]
)
def test_passports_of_any_form(number: str, said: str) -> None:
    text = said.format(number)
    found = [(text[m.start : m.end], m.type) for m in find(text)]
    assert (number, "passport") in found or (number, "id-card") in found


@pytest.mark.parametrize(
    "text", ["护照有效期至20301231", "签证和护照一共花了1234567元", "the passport office has 1200 files"]
)
def test_numbers_beside_passports_that_are_none(text: str) -> None:
    assert [m for m in find(text) if m.type == "passport"] == []
