"""Chinese names in sentences: proposed by what stands beside them, and what only looks like a name."""

from __future__ import annotations

import pytest

from modelwright.privacy.catalogue import get_type
from modelwright.privacy.detect import find, find_cells
from privacy.cells import cells


def replaced(text: str) -> list[str]:
    """Return the names that a run would replace."""
    return [text[m.start : m.end] for m in find(text) if m.type == "person" and m.score >= get_type("person").sure]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("麻烦转告寇明远，合同已寄出。", ["寇明远"]),
        ("客户金鑫要求开专票。", ["金鑫"]),
        ("经办：桂香  复核：应雪", ["桂香", "应雪"]),
        ("阿强：你把钥匙给我就行。", ["阿强"]),
        ("梓轩今天发烧，请假一天。", ["梓轩"]),
        ("会议记录：伏明霞", ["伏明霞"]),
        ("据满江介绍，工程下月完工。", ["满江"]),
        ("被告人逯军当庭认罪。", ["逯军"]),
        ("方案由齐悦定稿。", ["齐悦"]),
        ("球队首发：门将高志", ["高志"]),
    ],
)
def test_people(text: str, names: list[str]) -> None:
    assert replaced(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "高级教师团队授课。",
        "成长的烦恼谁都有。",
        "员工成长很重要，客户满意是我们的目标。",
        "但良好的服务给人温暖",
        "丽晶的房间很旧",
        "谢谢，刚刚好，慢慢吃。",
        "天天特价，样样都好，处处贴心。",
        "看了孙悟空三打白骨精。",
        "李白的诗，杜甫草堂，苏轼的词。",
        "华东区销售冠军，东北大米。",
    ],
)
def test_nobody(text: str) -> None:
    assert replaced(text) == []


def test_cells_that_the_judge_learnt_from() -> None:
    rows = [row for half in ("development", "unseen") for row in cells(half, file="cells_6.txt")]
    right = said = wanted = 0
    for (_, labels), matches in zip(rows, find_cells([t for t, _ in rows])[0], strict=True):
        truth = {(s, e) for s, e, kind in labels if kind == "person"}
        found = {(m.start, m.end) for m in matches if m.type == "person" and m.score >= get_type("person").sure}
        right, said, wanted = right + len(truth & found), said + len(found), wanted + len(truth)
    assert right / said >= 0.92
    assert right / wanted >= 0.57


@pytest.mark.parametrize(
    "text",
    [
        "下次不知是猴年马月了", "和主人公一起经历风浪", "楼道中服务员交谈的声音", "明天找同学去重装系统", "袅袅婷婷的女人们", "“君君 臣臣 父父 子子”",
        "是否来自阿文和波斯文", "作者是韩国人，一定不买", "住索菲特是个很好的选择", "我用格林豪泰的会员卡定的", "一条路上有三个马哥孛罗酒店", "已经过了我班同学的传阅",
            "我是农村长大的", "服务员个个是祖奶奶，不能得罪", "我和喜欢《富爸爸穷爸爸》这本书", "那时的愤青时光一定可笑",
    ],
)  # fmt: skip
def test_characters_of_other_words_are_no_names(text):
    assert [text[m.start : m.end] for m in find(text, types={"person"})] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("如果要给王小波冠以什么名号", "王小波"),
        ("一向喜欢余杰，而且", "余杰"),
        ("女主人公叫李圆圆", "李圆圆"),
        ("前台韩文静很热情", "韩文静"),
    ],
)
def test_names_beside_words_stay_names(text, name):
    assert name in [text[m.start : m.end] for m in find(text, types={"person"})]
