"""What a run says of its privacy: what the guarantee covers and what it does not, what was spent on what, what an attack found."""

from __future__ import annotations

import math

from modelwright.core.facts.privacy import MembershipFacts, PrivacyFacts
from modelwright.core.facts.run import Facts
from modelwright.core.words import Words
from modelwright.evaluate.report.html import Html, code, interval, join, number, table, tag


def covered(p: PrivacyFacts) -> list[Words]:
    """Return what holds under the guarantee, in plain words."""
    spent, delta, rows = f"{p['spent']:.2f}", f"{p['delta']:g}", f"{p['rows']:,}"
    times = f"{math.exp(p['spent']):.1f}" if p["spent"] < 20 else f"e^{p['spent']:.0f}"
    out = [
        Words(
            f"The weights and all else in this bundle that was learnt from the values of the {rows} training rows are ({spent}, {delta})-differentially private: whether any one of these rows was there or not makes every outcome at most {times} times as likely, but for a chance of {delta}.",
            f"模型权重以及模型包中从 {rows} 行训练数据的取值学到的一切满足 ({spent}, {delta}) 差分隐私：其中任意一行在或不在，任何结果出现的可能性至多相差 {times} 倍，例外概率为 {delta}。",
        ),
        Words(
            "What is protected is one row. Of a person who stands in k rows, k times the epsilon holds.",
            "受保护的单位是一行。若某人出现在 k 行中，则对其成立的是 k 倍的 epsilon。",
        ),
    ]
    if p["choice"]:
        out.append(
            Words(
                f"Validation rows chose between the trained models, by a choice with epsilon {p['choice']:g} of their own, and enter the bundle in no other way.",
                f"验证行只用于在训练好的模型之间作选择，其自身的 epsilon 为 {p['choice']:g}；除此之外不进入模型包。",
            )
        )
    else:
        out.append(
            Words(
                "Validation rows do not enter the bundle: there was nothing to choose.",
                "验证行不进入模型包：无需选择。",
            )
        )
    return out


def outside(p: PrivacyFacts) -> list[Words]:
    """Return what the guarantee does not cover, in plain words."""
    out = [
        Words(
            "Not covered: the form of the table. Names and kinds of columns, formats, label names, numbers of rows, the sizes in which pictures, clips, sounds and series are read, and what the data doctor found and left out were taken from the rows as they are.",
            "不在保证之内：表的形式。列名与类型、格式、标签名称、行数、读取图片、视频、音频和序列的尺寸，以及数据检查的发现与略去的内容，均直接取自数据。",
        ),
        Words(
            "Not covered: test rows. The figures of this card were computed on them exactly.",
            "不在保证之内：测试行。本卡片中的数字由测试行精确算出。",
        ),
        Words(
            "Not covered: the run folder. Its report quotes rows, and its candidates and curves hold exact scores and losses; give away the bundle alone.",
            "不在保证之内：运行文件夹。其中的报告引用了数据行，候选模型与曲线含有精确的得分与损失；只应交出模型包。",
        ),
        Words(
            "Further runs on the same rows spend anew, and the epsilons add up.",
            "对同一批数据再次运行会再次消耗预算，epsilon 逐次相加。",
        ),
        Words(
            "Noise comes from a generator that the operating system seeds; attacks through the rounding of floating-point numbers are not ruled out.",
            "噪声来自由操作系统播种的随机数发生器；不排除利用浮点舍入的攻击。",
        ),
    ]
    if p.get("blind"):
        names = ", ".join(f"`{n}`" for n in p["blind"])
        out.append(
            Words(
                f"Too few rows to learn the range of {names} privately: used as they are, cut at 4.",
                f"行数太少，无法在差分隐私下得知 {names} 的范围：按原值使用并截断在 4。",
            )
        )
    return out


def told(facts: Facts) -> list[Words]:
    """Return the model card's part on privacy; empty where no budget was given."""
    p = facts.get("privacy")
    return covered(p) + outside(p) if p else []


def attack_words(m: MembershipFacts, private: bool) -> Words:
    """Return in plain words what the attack on membership found."""
    seen = f"{m['auc']:.3f} ({m['auc_low']:.3f} – {m['auc_high']:.3f})"
    if m["auc_low"] > 0.5:
        grade = Words("clearly", "明显") if m["auc"] >= 0.6 else Words("somewhat", "有一定程度上")
        found = Words(
            f"Training rows can {grade.en} be told from other rows by how well they are predicted: area under the curve {seen}, where 0.5 is chance.",
            f"仅凭预测的好坏，可以{grade.zh}区分训练行与其他行：曲线下面积 {seen}，0.5 相当于随机猜测。",
        )
        if not private:
            found = Words(
                f"{found.en} Anyone who can query the model and knows the true answers can learn something about who was in the data; more rows, a smaller model or --epsilon help.",
                f"{found.zh}掌握真实答案且能查询模型的人，可由此推断谁在数据之中；增加数据、缩小模型或使用 --epsilon 会有帮助。",
            )
        return found
    return Words(
        f"Training rows cannot be told from other rows by how well they are predicted: area under the curve {seen}, where 0.5 is chance. This one simple attack finds nothing, which says nothing about stronger ones.",
        f"仅凭预测的好坏不能区分训练行与其他行：曲线下面积 {seen}，0.5 相当于随机猜测。这一种简单攻击没有发现问题，但不能证明其他攻击无效。",
    )


def section(facts: Facts, lang: str) -> Html:
    """Return the report's part on privacy: guarantee, spending, attack."""
    zh = lang == "zh"
    out: list[Html] = []
    p, m = facts.get("privacy"), facts.get("membership")
    if p:
        out += [tag("h3", "保证的内容" if zh else "What is guaranteed"), _list(covered(p), lang)]
        out += [tag("h3", "保证之外" if zh else "What is not"), _list(outside(p), lang)]
        head = [
            ("用于" if zh else "spent on", "name"), ("噪声" if zh else "noise", "n"), ("每步行数比例" if zh else "share of rows", "n"),
            ("步数" if zh else "steps", "n"), ("单独的 epsilon" if zh else "epsilon by itself", "n"),
        ]  # fmt: skip
        rows = [
            ("", [x["what"], number(x["noise"]), number(x["rate"]), number(x["steps"]), number(x["epsilon"])])
            for x in p["looks"]
        ]
        total = ["合计" if zh else "together", "", "", "", number(p["spent"])]
        says = Words(
            "Noise in units of what one row can change. Together they come to less than their sum: the whole is accounted for at once.",
            "噪声以一行所能引起的最大变化为单位。合计小于各项之和：整体一次性核算。",
        )
        out += [
            tag("h3", "预算用在哪里" if zh else "What the budget was spent on"), tag("p", says.to(lang), class_="note"),
            table(head, [*rows, ("main", total)], "隐私预算" if zh else "privacy budget"),
        ]  # fmt: skip
    if m:
        out.append(tag("h3", "能否认出训练行" if zh else "Can training rows be told apart?"))
        out.append(tag("p", code(attack_words(m, bool(p)).to(lang))))
        head = [
            ("", "name"),
            ("值" if zh else "value", "n"),
            ("95% 区间" if zh else "95 % interval", "n"),
        ]
        rows = [
            ("", ["曲线下面积" if zh else "area under the curve", number(m["auc"]), interval(m["auc_low"], m["auc_high"])]),
            ("", [
                "误报率 1% 时认出的训练行" if zh else "training rows found at 1 % false alarms",
                number(m["tpr"]), interval(m["tpr_low"], m["tpr_high"]),
            ]),
        ]  # fmt: skip
        note = Words(
            f"{m['members']:,} training rows against {m['others']:,} test rows, by the loss of each row (Yeom et al. 2018, arXiv 1709.01604).",
            f"{m['members']:,} 行训练数据对 {m['others']:,} 行测试数据，依据每行的损失（Yeom 等，2018，arXiv 1709.01604）。",
        )
        if m.get("apart"):
            note = Words(
                f"{note.en} The test rows were not drawn at random from the same rows, so a difference may come from that.",
                f"{note.zh}测试行不是从同一批数据中随机抽取的，差异也可能由此而来。",
            )
        out += [table(head, rows, "成员推断" if zh else "membership"), tag("p", note.to(lang), class_="note")]
    return join(out)


def _list(texts: list[Words], lang: str) -> Html:
    return tag("ul", *(tag("li", code(t.to(lang))) for t in texts))
