"""Customer service: answers from a shop's documents and stored questions, with citations, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping

from modelwright.core.words import Words
from modelwright.data.projects import Project, table
from modelwright.data.projects._service_faq import ASKED, FAQ_EN, FAQ_ZH

_RETURNS = """# Returns

## Deadline

You may send anything back within thirty days of delivery. Opened hygiene articles and software are left out. Members have
sixty days.

## How to send something back

Print the label from My Orders, put it on the box and hand the box in at any post office. The way back is free inside the
country; from abroad it costs 9. Keep the receipt until the money has arrived.

## Exchange

An article of another size or colour is sent as soon as the old one has arrived. Where it has sold out, you get your money back.
"""
_SHIPPING = """# Shipping

## Times and prices

| kind | days | price |
|---|---|---|
| standard | 3 to 4 | 5, free from 60 |
| express | 1 | 15 |

Express delivery takes one day and costs 15. Standard delivery takes three to four days; it is free for orders of 60 and more.

## Damaged parcels

Do not accept a parcel that is open or wet. If you notice the damage later, send us photos within two days, and we replace
the contents.
"""
_MEMBERS = """# 会员权益

## 价格与退出

会员每年 99 元，可在任何月份退出，剩余月份按比例退款。

## 专享优惠

会员全年免标准运费，退货期限延长至六十天。会员生日当月可领取一张 20 元优惠券。新品上市时，会员可提前两天购买。

## 积分

每消费 1 元积 1 分，积分两年内有效。100 分可抵 1 元。
"""
_CARE = """# 净化器使用说明

## 日常维护

每两周清理一次滤芯，每半年更换一次。清理前请先关闭电源。滤芯不可水洗，否则会失效。

## 常见故障

红灯闪烁表示电量不足。黄灯常亮表示需要更换滤芯。若设备发出异响，请检查风扇处是否有异物。
"""
_PARTNER_A = """# Conditions for partner Aster

Aster's orders are delivered free of charge from 500 on. Aster pays within forty-five days.
"""
_PARTNER_B = """# Conditions for partner Borealis

Borealis gets a discount of twelve per cent. Borealis pays within fourteen days.
"""


def _files() -> Mapping[str, str]:
    faq = [(q, s, a) for q, s, a in (*FAQ_EN, *FAQ_ZH)]
    return {
        "docs/returns.md": _RETURNS,
        "docs/shipping.md": _SHIPPING,
        "docs/会员.md": _MEMBERS,
        "docs/净化器.md": _CARE,
        "docs/faq.csv": table(["question", "similar", "answer"], faq),
        "docs/tenants/aster/conditions.md": _PARTNER_A,
        "docs/tenants/borealis/conditions.md": _PARTNER_B,
        "asked.csv": table(["question", "answer"], ASKED),
    }


PROJECT = Project(
    title=Words("Customer service", "客户服务"),
    about=Words(
        "Answers customers' questions from documents and stored questions, with the place where the answer stands; refuses where "
        "nothing supports one, and hands over to a person.",
        "根据文档和问答库回答客户问题并注明出处；没有依据时拒绝回答，并可转人工。",
    ),
    data=Words(
        f"`docs/` holds the knowledge of a made-up shop: guides in English and Chinese and `faq.csv` with {len(FAQ_EN) + len(FAQ_ZH)} stored "
        "questions, each in three wordings. Below `docs/tenants/` lie conditions that only one partner may read: ask with "
        f'`"tenant": "aster"`. `asked.csv` holds {len(ASKED)} questions to test by; those without an answer should be refused.',
        f"`docs/` 是一家虚构商店的知识：中英文说明，以及含 {len(FAQ_EN) + len(FAQ_ZH)} 个问题（每个三种问法）的 `faq.csv`。`docs/tenants/` 下是仅限某个合作方阅读的"
        f'内容：提问时加 `"tenant": "aster"`。`asked.csv` 是 {len(ASKED)} 个测试问题，其中没有答案的应被拒绝。',
    ),
    own=Words(
        "Put your own Markdown, text, HTML, PDF and DOCX files into `docs/`, and stored questions into a table with the columns "
        "`question`, `answer` and, if you have them, `similar` wordings separated by `|`. Collect real questions in `asked.csv`.",
        "把自己的 Markdown、文本、HTML、PDF、DOCX 文件放入 `docs/`；问答放入含 `question`、`answer` 列的表格，如有其他问法，放入 `similar` 列并用 `|` 分隔。"
        "把真实问题收集到 `asked.csv`。",
    ),
    task="question-answering",
    settings={"data": "docs", "test": "asked.csv", "budget": "1m", "gate": "handled>=0.5"},
    files=_files,
    asks=(
        {"question": "What is the deadline for returns?"},
        {"question": "会员生日有什么福利"},
        {"question": "When does Aster pay?", "tenant": "aster"},
        {"question": "What discount does Borealis get?", "tenant": "borealis"},
        {"question": "What discount does Borealis get?", "tenant": "aster"},
        {"question": "What is the capital of Peru?"},
    ),
)
