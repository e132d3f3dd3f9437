"""A privacy notice made from what a run really did: which columns, whose, for what purpose, how kept, for how long.

It follows what GDPR Art. 13 and 14 and PIPL Art. 17 ask to be told, and is a draft: what the run cannot know (who is
responsible, on which legal ground, who else receives the data) is left as a marked gap. It is no legal advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from modelwright.core.budget import parse_duration
from modelwright.core.facts.run import Facts
from modelwright.core.schema import MODALITY_WORDS
from modelwright.core.task import get_task, task_names
from modelwright.core.words import Words
from modelwright.evaluate.report.html import Html, code, join, number, tag
from modelwright.evaluate.report.page import style
from modelwright.privacy.policy import ACTIONS

GAP = Words("[to be filled in: {en}]", "【待填写：{zh}】")


class Told(NamedTuple):
    """What the user says about the notice's sender."""

    controller: str | None = None
    contact: str | None = None
    purpose: str | None = None


def gap(en: str, zh: str) -> Words:
    """Return a place that is to be filled in by hand."""
    return Words(GAP.en.format(en=en), GAP.zh.format(zh=zh))


class Personal(NamedTuple):
    """One kind of personal data found in a column: what, how much of it, and what was done with it."""

    column: str
    title: Words
    amount: int
    action: str


def personal(privacy: Any) -> list[Personal]:
    """Return what a run's `data/privacy.json` says was found: objects with `column`, `type`, a count and an action."""
    out = []
    for entry in _objects(privacy):
        kind = next((entry[k] for k in ("type", "kind", "entity") if isinstance(entry.get(k), str)), None)
        column = entry.get("column")
        if not isinstance(column, str) or kind is None:
            continue
        title = entry.get("title")
        pair = isinstance(title, list) and len(title) == 2
        count = next((entry[k] for k in ("values", "count", "rows") if isinstance(entry.get(k), int)), 0)
        words = Words(*map(str, title)) if pair and title else Words(kind, kind)
        out.append(Personal(column, words, count, str(entry.get("action", "keep"))))
    return sorted(out, key=lambda p: (p.column, -p.amount))


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    stack = [value]
    while stack:
        here = stack.pop()
        if isinstance(here, Mapping):
            yield here
            stack += here.values()
        elif isinstance(here, list):
            stack += here


def sections(
    facts: Facts, consent: Mapping[str, Any], privacy: Any, told: Told, subjects: int | None
) -> list[tuple[Words, list[Words]]]:
    """Return the notice's parts in order: a title, and its sentences.

    `facts` is a run's report.json, `consent` its data/consent.json ({} where there is none), `privacy` its
    data/privacy.json (None where there is none), `subjects` how many people's rows it was trained on, if known.
    """
    return [
        (Words("Who is responsible", "处理者"), _who(told)),
        (Words("Which data is used", "使用哪些数据"), _data(facts, consent, privacy, subjects)),
        (Words("For what purpose, on which ground", "处理目的与法律依据"), _purpose(facts, consent, told)),
        (Words("Where it is kept, and how it is protected", "存储与保护"), _storage_words(facts)),
        (Words("How long it is kept", "保存期限"), _long(consent)),
        (Words("Answers made by the model", "自动化决策"), _decisions(facts)),
        (Words("Your rights", "您的权利"), _rights(told)),
        (Words("About this notice", "关于本告知"), _about(facts)),
    ]


def _who(told: Told) -> list[Words]:
    name = Words(told.controller, told.controller) if told.controller else gap("name and address", "名称与地址")
    contact = Words(told.contact, told.contact) if told.contact else gap("contact", "联系方式")
    return [
        Words(f"Responsible for this processing: {name.en}.", f"个人信息处理者：{name.zh}。"),
        Words(f"Contact, also for your rights: {contact.en}.", f"联系方式（亦用于行使权利）：{contact.zh}。"),
    ]


def _data(facts: Facts, consent: Mapping[str, Any], privacy: Any, subjects: int | None) -> list[Words]:
    columns = facts.get("columns") or []
    used = [c for c in columns if c["role"] in ("input", "group", "time")]
    left = [c["name"] for c in columns if c["role"] == "ignored"]
    names = ", ".join(f"`{c['name']}` ({c['modality']})" for c in used)
    names_zh = "、".join(f"`{c['name']}`（{MODALITY_WORDS[c['modality']].zh}）" for c in used)
    target = facts.get("target")
    out = [
        Words(f"The model reads these fields: {names or '-'}.", f"模型读取以下字段：{names_zh or '-'}。"),
        Words(
            f"It was trained to answer `{target}`, whose known values were read too.",
            f"模型用于回答 `{target}`，训练时也读取了其已知值。",
        ),
    ]
    if left:
        shown, shown_zh = ", ".join(f"`{n}`" for n in left), "、".join(f"`{n}`" for n in left)
        out.append(
            Words(
                f"These fields stood in the data and were not used: {shown}.",
                f"数据中另有以下字段，未被使用：{shown_zh}。",
            )
        )
    read = consent.get("rows", (facts.get("rows") or {}).get("read"))
    if read is not None:
        out.append(Words(f"Rows read: {number(read)}.", f"读取行数：{number(read)}。"))
    if subjects is not None:
        out.append(
            Words(f"Rows of {number(subjects)} people trained it.", f"训练涉及 {number(subjects)} 个主体的数据。")
        )
    if consent.get("left_out"):
        gone = sum(consent["left_out"].values())
        out.append(
            Words(
                f"Rows left out because they may not be used: {number(gone)}.",
                f"有 {number(gone)} 行因不可使用而未参与。",
            )
        )
    found = personal(privacy)
    if found:
        done = {p: ACTIONS.get(p.action, Words(p.action, p.action)) for p in found}
        en = "; ".join(f"`{p.column}`: {number(p.amount)} {p.title.en}, {done[p].en}" for p in found)
        zh = "；".join(f"`{p.column}`：{number(p.amount)} 个{p.title.zh}，{done[p].zh}" for p in found)
        out.append(
            Words(f"Personal data found in it, before training: {en}.", f"其中发现的个人信息（训练前处理）：{zh}。")
        )
    elif privacy:
        out.append(Words("A search found no personal data in it.", "检测未发现个人信息。"))
    else:
        out.append(
            Words(
                "It was not searched for personal data; say here which of the fields are personal: "
                + gap("kinds", "种类").en
                + ".",
                "未对其进行个人信息检测；请在此说明哪些字段属于个人信息：" + gap("kinds", "种类").zh + "。",
            )
        )
    out.append(
        Words(
            "Health, biometrics, finances, whereabouts, identity numbers and data of children under 14 need a separate consent (PIPL Art. 28 to 31; GDPR Art. 8, 9): "
            + gap("whether any of these", "是否涉及").en + ".",
            "医疗健康、生物识别、金融账户、行踪轨迹、证件号码以及不满十四周岁未成年人的信息，须取得单独同意（《个人信息保护法》第28至31条；GDPR 第8、9条）："
            + gap("whether any of these", "是否涉及").zh + "。",
        )
    )  # fmt: skip
    return out


def _purpose(facts: Facts, consent: Mapping[str, Any], told: Told) -> list[Words]:
    name = told.purpose or consent.get("purpose")
    purpose = Words(name, name) if name else gap("purpose", "目的")
    out = [Words(f"Purpose: {purpose.en}.", f"目的：{purpose.zh}。")]
    if consent.get("purpose"):
        out.append(
            Words(
                f"Ground: consent for `{consent['purpose']}` (GDPR Art. 6(1)(a), PIPL Art. 13(1)(1)). Only rows of people whose consent "
                f"stood on {str(consent.get('at', ''))[:10]} were used. You can withdraw it at any time; what was done before stays lawful.",
                f"依据：您对 `{consent['purpose']}` 的同意（《个人信息保护法》第 13 条第 1 款第 1 项；GDPR 第 6 条第 1 款第 (a) 项）。仅使用在 "
                f"{str(consent.get('at', ''))[:10]} 时同意有效者的数据。您可随时撤回同意；撤回前已进行的处理不受影响。",
            )
        )
    else:
        ground = gap("ground, such as contract or consent", "法律依据，如合同或同意")
        out.append(Words(f"Ground: {ground.en}.", f"依据：{ground.zh}。"))
    return out


def _storage_words(facts: Facts) -> list[Words]:
    config = facts.get("config") or {}
    other = gap("other recipients, transfers abroad; none if there are none", "其他接收方、出境情况；没有则填“无”")
    out = [
        Words(
            "The model was trained on the operator's own machine; no data was sent to others for it.",
            "模型在处理者自己的设备上训练；为此未向他人发送数据。",
        ),
        Words(f"Who else receives the data: {other.en}.", f"其他接收方：{other.zh}。"),
    ]
    if config.get("vault"):
        out.append(
            Words(
                "What the training kept of the data is encrypted (AES-256-GCM).",
                "训练过程中留存的数据已加密（AES-256-GCM）。",
            )
        )
    else:
        out.append(
            Words(
                "What the training kept of the data (the report quotes rows) is not encrypted by it: "
                + gap("how it is protected", "如何保护").en + ".",
                "训练过程中留存的数据（报告会引用部分行）未由其加密：" + gap("how it is protected", "如何保护").zh + "。",
            )
        )  # fmt: skip
    task = facts.get("task")
    if task in task_names() and get_task(str(task)).keeps_unlabelled:
        out.append(
            Words(
                "The deployed model holds the documents that it searches and quotes.",
                "部署的模型含有其检索与引用的文档。",
            )
        )
        return out
    out.append(
        Words(
            "The deployed model holds no row of the data. It holds what it learnt from many: words, recurring values, averages.",
            "部署的模型不含任何一行数据，只含从大量数据中学到的内容：词语、反复出现的取值、平均值。",
        )
    )
    return out


def _long(consent: Mapping[str, Any]) -> list[Words]:
    limit = str(consent.get("retain") or "").rpartition(":")[2]
    if limit:
        days = f"{parse_duration(limit) / 86400:g}"
        return [
            Words(
                f"Rows older than {days} days are not used for training, and are to be deleted.",
                f"早于 {days} 天的数据不用于训练，并应删除。",
            )
        ]
    long = gap("time, or how it is determined", "期限或确定期限的方法")
    return [Words(f"Data is kept for: {long.en}.", f"数据保存期限：{long.zh}。")]


def _decisions(facts: Facts) -> list[Words]:
    labels = facts.get("labels") or []
    shown, shown_zh = ", ".join(f"`{x}`" for x in labels[:12]), "、".join(f"`{x}`" for x in labels[:12])
    more, more_zh = (" and more", " 等") if len(labels) > 12 else ("", "")
    answers = Words(f": {shown}{more}", f"：{shown_zh}{more_zh}") if labels else Words("", "")
    out = [
        Words(
            f"The model answers `{facts.get('target')}`{answers.en}.",
            f"模型对 `{facts.get('target')}` 作出回答{answers.zh}。",
        )
    ]
    if facts.get("value") is not None:
        title = facts.get("metric_title") or [facts.get("metric", "")] * 2
        ends = f"{number(facts.get('low'))} - {number(facts.get('high'))}"
        out.append(
            Words(
                f"It is not always right: {title[0]} {number(facts['value'])} on rows kept apart (95 %: {ends}).",
                f"模型并非总是正确：在留出数据上 {title[1]} 为 {number(facts['value'])}（95%：{ends}）。",
            )
        )
    used = gap("what is decided by its answers, and whether a person decides", "据此作出什么决定，是否由人决定")
    out += [
        Words(f"What follows from an answer: {used.en}.", f"回答的用途：{used.zh}。"),
        Words(
            "Where a decision that matters to you rests on it alone, you may ask for an explanation, refuse it, state your view, and have a person "
            "decide (GDPR Art. 22; PIPL Art. 24). For a single answer the operator can show what it rests on.",
            "若仅凭自动化方式作出对您权益有重大影响的决定，您有权要求说明、拒绝、表达意见并要求由人处理（《个人信息保护法》第 24 条；GDPR 第 22 条）。"
            "对单个回答，处理者可说明其依据。",
        ),
    ]
    return out


def _rights(told: Told) -> list[Words]:
    contact = Words(told.contact, told.contact) if told.contact else gap("contact", "联系方式")
    return [
        Words(
            "Under the PIPL you may know and decide about the processing, restrict or refuse it (Art. 44), see and copy your data and have it moved "
            "(Art. 45), have it corrected (Art. 46) and deleted (Art. 47), ask for the rules to be explained (Art. 48), and withdraw consent "
            "(Art. 15). If a request is refused you may go to court (Art. 50).",
            "依据《个人信息保护法》，您享有知情权、决定权，可限制或拒绝处理（第 44 条），可查阅、复制、转移个人信息（第 45 条），可要求更正、补充（第 46 条）、"
            "删除（第 47 条），可要求解释处理规则（第 48 条），并可撤回同意（第 15 条）。请求被拒绝的，可依法向法院起诉（第 50 条）。",
        ),
        Words(
            "Under the GDPR you may have access (Art. 15), rectification (Art. 16), erasure (Art. 17), restriction (Art. 18), portability (Art. 20), "
            "object (Art. 21), withdraw consent (Art. 7(3)) and complain to a supervisory authority (Art. 77).",
            "依据 GDPR，您享有访问权（第 15 条）、更正权（第 16 条）、删除权（第 17 条）、限制处理权（第 18 条）、可携权（第 20 条）、反对权（第 21 条），可撤回同意"
            "（第 7 条第 3 款），并可向监管机构投诉（第 77 条）。",
        ),
        Words(
            "When your data is erased, its rows are deleted, and models trained on them are marked and trained anew; until then such a model may go on "
            "answering: " + gap("by when it is trained anew", "多久内重新训练").en + ".",
            "删除您的数据时，相应的行会被删除，使用过它们的模型会被标记并重新训练；在此之前旧模型可能继续提供回答："
            + gap("by when it is trained anew", "多久内重新训练").zh + "。",
        ),
        Words(f"To use them, write to: {contact.en}.", f"行使权利请联系：{contact.zh}。"),
    ]  # fmt: skip


def _about(facts: Facts) -> list[Words]:
    return [
        Words(
            f"Made from the facts of the run `{facts.get('name')}` of {facts.get('created')} by Modelwright {facts.get('modelwright', '')}. A draft, and no "
            "legal advice: fill in the gaps and have it checked.",
            f"本告知根据 {facts.get('created')} 的运行 `{facts.get('name')}` 的事实由 Modelwright {facts.get('modelwright', '')} 生成。仅为草稿，不构成法律意见："
            "请填写空缺并请专业人士审核。",
        )
    ]


TITLE = Words("Privacy notice", "个人信息处理告知书")


def markdown(parts: list[tuple[Words, list[Words]]], lang: str) -> str:
    """Return the notice as Markdown."""
    lines = [f"# {TITLE.to(lang)}", ""]
    for title, texts in parts:
        lines += [f"## {title.to(lang)}", "", *(f"- {' '.join(t.to(lang).split())}" for t in texts), ""]
    return "\n".join(lines).replace("<", "&lt;")


def page(parts: list[tuple[Words, list[Words]]], lang: str) -> str:
    """Return the notice as one page that opens offline; gaps stand out."""

    def marked(text: str) -> Html:
        begin, end = ("【", "】") if lang == "zh" else ("[", "]")
        out: list[object] = []
        for i, piece in enumerate(text.replace(end, begin).split(begin)):
            out.append(tag("mark", begin + piece + end) if i % 2 else code(piece))
        return join(out)

    body = [tag("h1", TITLE.to(lang))]
    for title, texts in parts:
        body += [tag("h2", title.to(lang)), tag("ul", *(tag("li", marked(t.to(lang))) for t in texts))]
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content="default-src 'none'; style-src 'unsafe-inline'"),
        tag("title", TITLE.to(lang)),
        tag("style", Html(style())),
    )
    html = tag("html", head, tag("body", tag("main", *body)), lang="zh-CN" if lang == "zh" else "en")
    return f"<!doctype html>\n{html}\n"
