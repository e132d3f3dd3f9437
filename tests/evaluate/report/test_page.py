"""The page: whole, offline, safe against what stands in the data, in both languages, and well-formed."""

import html.parser
import json
import re

import pytest

from evaluate import made
from modelwright.core.unit import PICTURES
from modelwright.evaluate.report import _examples
from modelwright.evaluate.report import html as _html
from modelwright.evaluate.report.page import style, write_report

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(html.parser.HTMLParser):
    """Collects what a page holds, and insists that every element is closed in its place."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.attributes = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


@pytest.fixture(scope="module")
def facts():
    return json.loads(json.dumps(made.facts()))  # as it comes back from report.json


@pytest.mark.parametrize("folds", [1, 2])
def test_a_refit_is_told_by_all_rows_but_the_test_rows_however_few_folds_were_done(facts, folds):
    done = {**facts, "rows": {**facts["rows"], "folds": folds, "valid": 340 * folds}}
    assert "refitted on 2,040" in "".join(Page(write_report(done, "en")).text)


def test_the_most_memory_that_was_held_is_told_beside_what_was_granted(facts):
    held = {**facts, "memory": {"peak": 3 << 29, "granted": 4 << 30}}
    assert "peak memory1.5 GBof 4.0 GB granted" in "".join(Page(write_report(held, "en")).text)
    alone = {**facts, "memory": {"peak": 300 << 20, "granted": None}}
    assert "内存峰值300 MB" in "".join(Page(write_report(alone, "zh")).text)


def test_what_is_counted_is_called_what_it_is_throughout(facts):
    pictures = {**facts, "rows": {**facts["rows"], "unit": list(PICTURES)}}
    en, zh = ("".join(Page(write_report(pictures, lang)).text) for lang in ("en", "zh"))
    for said in ("ms/picture", "validation pictures, by which", "On the test pictures", "same test pictures"):
        assert said in en
    assert "毫秒/张图片" in zh
    assert "相同测试图片上" in zh
    plain = "".join(Page(write_report(facts, "zh")).text)
    assert "毫秒/行" in plain
    assert "相同测试行上" in plain


def test_what_a_candidate_learnt_from_is_told_where_that_is_not_all(facts):
    assert "learnt from" not in "".join(Page(write_report(facts, "en")).text)
    rows = [dict(r) for r in facts["leaderboard"]]
    members = [r for r in rows if r.get("winner") and r.get("recipe") != "ensemble"]
    members[0].update(learnt=1234, learnt_of=5678)
    name = members[0]["name"]
    page = {lang: "".join(Page(write_report({**facts, "leaderboard": rows}, lang)).text) for lang in ("en", "zh")}
    assert f"; {name} learnt from 1,234" in page["en"]
    assert "rows learnt from" in page["en"]
    assert f"，{name} 学习 1,234 行" in page["zh"]
    assert "学习行数" in page["zh"]
    assert page["en"].count("1,234") == 2  # below the training rows, and on the leaderboard


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_everything_stands_on_the_page(facts, lang):
    page = Page(write_report(facts, lang))
    text = " ".join("".join(page.text).replace("\u2060", "").split())
    assert facts["verdict"][lang == "zh"].replace(" - ", " – ") in text
    for row in facts["leaderboard"]:
        assert row["name"] in text
    assert facts["leaderboard"][-1]["reason"][lang == "zh"] in text
    assert f"{facts['leaderboard'][0]['value']:.3f}" in text
    assert f"{facts['leaderboard'][0]['low']:.3f} – {facts['leaderboard'][0]['high']:.3f}" in text
    for found in facts["metrics"]:
        assert found["title"][lang == "zh"] in text
    for finding in facts["findings"]:
        assert finding["words"][lang == "zh"].replace("`", "") in text
    for plot in facts["plots"]:
        assert plot["says"][lang == "zh"].replace("`", "") in text
    assert page.tags.count("svg") == len(facts["plots"])
    assert ("html", "lang", "zh-CN" if lang == "zh" else "en") in page.attributes
    assert ("模型卡" if lang == "zh" else "Model card") in text


def test_each_language_speaks_only_its_own(facts):
    strange = set(re.findall(r"[\u4e00-\u9fff]+", " ".join(Page(write_report({**facts, "mistakes": []}, "en")).text)))
    assert strange <= {"退款", "技术支持", "微信"}  # what stands in the data
    zh = "".join(Page(write_report(facts, "zh")).text)
    for english in ("true positive rate", "interval", "rows", "higher", "Row "):
        assert english not in zh


def test_nothing_is_loaded_or_run(facts):
    text = write_report(facts, "en")
    page = Page(text)
    assert not {"script", "iframe", "object", "link", "img"} & set(page.tags)
    assert not [a for a in page.attributes if a[1].startswith("on")]
    for tag, name, value in page.attributes:
        if name in ("href", "src", "xlink:href"):
            assert value.startswith("#"), (tag, value)
    assert "@import" not in text
    assert "url(http" not in text
    assert (
        "meta",
        "content",
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:",
    ) in page.attributes


def test_ids_are_unique_and_links_lead_somewhere(facts):
    page = Page(write_report(facts, "en"))
    ids = [v for _, n, v in page.attributes if n == "id"]
    assert len(ids) == len(set(ids))
    assert {v[1:] for t, n, v in page.attributes if t == "a" and n == "href"} <= set(ids)


def spiked(value):
    """Replace every string of the facts but the plots' SVG by one that would run."""
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    if isinstance(value, dict):
        keep = ("svg", "task", "status", "role", "severity", "modality", "budget")
        return {k: v if k in keep else spiked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [spiked(v) for v in value]
    return evil if isinstance(value, str) else value


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_stands_in_the_data_is_never_markup(facts, lang):
    page = Page(write_report(spiked(facts), lang))
    assert not {"script", "img"} & set(page.tags)
    assert not [a for a in page.attributes if a[1].startswith("on")]
    assert "<script>alert(1)</script>" in "".join(page.text)


def test_recipes_for_other_data_are_one_quiet_line(facts):
    rows = [
        *facts["leaderboard"],
        {"name": "resnet", "recipe": "resnet", "status": "unfit", "reason": ["made for picture columns", "用于图片列"]},
        {"name": "mpnn", "recipe": "mpnn", "status": "unfit", "reason": ["made for molecules", "用于分子"]},
    ]
    page = write_report({**facts, "leaderboard": rows}, "en")
    assert "Not tried, as they are for other data or settings: resnet, mpnn." in page
    assert "made for picture columns" not in page
    assert "would need about 2m10s" in page
    assert "未尝试的方案（适用于其他数据或设置）：resnet、mpnn。" in write_report({**facts, "leaderboard": rows}, "zh")
    assert "Made for other data" not in write_report(facts, "en")


def test_what_was_not_needed_is_told_apart_from_what_did_not_finish(facts):
    why = ["not needed: validation rows met the gate before its turn", "无需尝试：轮到它之前，验证集已达到门槛"]
    untried = {"name": "gru", "recipe": "gru", "status": "untried", "reason": why}
    models = {"lstm": {"fit": 2.0}, "gru": {"estimate": 1.0}}
    told = {"leaderboard": [*facts["leaderboard"], untried], "time": {"stages": {"train": 3.0}, "models": models}}
    for lang, broken, left, at in (("en", "did not finish", "not trained", 0), ("zh", "未能完成", "未训练", 1)):
        page = Page(write_report({**facts, **told}, lang)).text
        cells = [t.strip() for t in page if t.strip()]
        assert cells.index(broken) < cells.index(
            "would need about 2m10s, 40s were left" if at == 0 else "约需 2m10s，只剩 40s"
        )
        first = cells.index(left)
        assert "gru" in cells[first : cells.index(why[at])]
        assert cells.count(left) == 2  # the head of the table, the mark beside the time that it took
    done = [r for r in facts["leaderboard"] if r.get("status") == "ok"]
    assert "did not finish" not in write_report({**facts, "leaderboard": [*done, untried]}, "en")


def test_few_facts_make_a_page():
    few = {"name": "x", "task": "regression", "metric": "rmse", "leaderboard": [], "metrics": []}
    page = Page(write_report(few, "zh"))
    assert "回归" in "".join(page.text)
    assert page.tags.count("h2") == 1  # the card, which always has something to say
    more = {
        **few,
        "task": "multi-label-classification",
        "mistakes": [{"row": 3, "said": ["a"], "true": [], "confidence": 0.9, "inputs": {"x": ""}}],
    }
    assert "predicted a, actually –" in "".join(Page(write_report(more, "en")).text)


def test_undefined_values_are_dashes(facts):
    nan = float("nan")
    broken = {
        **facts,
        "metrics": [{**m, "value": nan, "low": nan, "high": nan} for m in facts["metrics"]],
        "value": None,
    }
    text = write_report(broken, "en")
    assert "nan" not in "".join(Page(text).text).lower()


def test_a_metric_that_is_not_defined_is_no_empty_line(facts):
    other = {**facts["metrics"][-1], "name": "other", "title": ["agreement with labels", "与标签的一致率"]}
    nothing = {**other, "value": None, "low": None, "high": None}
    shown, hidden = (
        "".join(Page(write_report({**facts, "metrics": [*facts["metrics"], m]}, "en")).text) for m in (other, nothing)
    )
    assert "agreement with labels" in shown
    assert "agreement with labels" not in hidden
    ranks = [{**m, "value": None} if m["name"] == facts["metric"] else m for m in facts["metrics"]]
    title = next(m["title"][0] for m in ranks if m["name"] == facts["metric"])
    assert title in "".join(Page(write_report({**facts, "metrics": ranks}, "en")).text)


def test_the_column_of_pictures_that_are_made_is_no_headline(facts):
    assert f"→ {facts['target']}" in write_report(facts, "en")
    assert "→" not in write_report({**facts, "task": "unconditional-image-generation"}, "en")


def test_the_name_of_the_winner_alone_is_no_section(facts):
    winner = " + ".join(facts["winner"])
    bare = {k: v for k, v in facts.items() if k not in ("guessing", "coverage", "costs", "plots")}
    assert 'id="practice"' not in write_report({**bare, "chosen": [winner, winner]}, "en")
    assert 'id="practice"' in write_report({**bare, "chosen": [f"{winner}: 0.9", f"{winner}：0.9"]}, "en")


def test_words_are_tinted_by_their_weight():
    parts = [
        {"column": "t", "start": 0, "end": 2, "weight": 2.0},
        {"column": "t", "start": 3, "end": 5, "weight": -1.0},
        {"column": "t", "start": 90, "end": 99, "weight": 9.0},  # beyond the shortened text
        {"column": "t", "start": 5, "end": 6, "weight": 0.01},
    ]
    made_html = _examples.tinted("ab<cd>e", parts[:2] + parts[3:], 2.0)
    assert (
        made_html
        == '<mark class="for" style="--w:1.0">ab</mark>&lt;<mark class="against" style="--w:0.5">cd</mark>&gt;e'
    )
    assert "<mark" not in _examples.tinted("short", parts[2:3], 9.0)
    whole = [{"column": "n", "start": None, "end": None, "weight": 1.0}]
    assert _examples.tinted("5", whole, 4.0) == '<mark class="for" style="--w:0.25">5</mark>'


@pytest.mark.parametrize(("value", "shown"), [
    (0.5, "0.500"), (12345.6, "12,346"), (-0.0042, "−0.004"), (7, "7"), (None, "–"), (float("nan"), "–"), (0.00012, "0.00012"),
])  # fmt: skip
def test_numbers_read_well(value, shown):
    assert _html.number(value) == shown


def test_bars_stay_on_their_scale():
    bar = _html.spanned(5.0, -1.0, 2.0, (0.0, 1.0), marks=[0.25])
    lefts = [float(x) for x in re.findall(r"left:([\d.]+)%", bar)]
    assert all(0 <= x <= 100 for x in lefts)
    assert 25.0 in lefts
    assert _html.spanned(float("nan"), 0, 1, (0, 1)) == ""
    assert _html.spanned(0.5, 0, 1, (1, 1)) == ""


def luminance(colour):
    rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_numbers_and_intervals_stay_on_one_line_on_a_phone_too():
    assert re.search(r"td\.n, th\.n \{[^}]*white-space: nowrap", style())
    phone = style().partition("@media (max-width: 40rem) {")[2].partition("\n}")[0]
    rules = re.findall(r"([^{}]+)\{([^}]*)\}", phone)
    assert rules
    assert not [s for s, body in rules if "td.n" in re.split(r"[, ]+", s.strip()) and "white-space: normal" in body]


@pytest.mark.parametrize("dark", [False, True])
def test_contrast_meets_wcag_aa(dark):
    block = re.findall(r":root \{(.*?)\}", style(), re.S)[dark]
    colours = dict(re.findall(r"--([\w-]+): (#\w+)", block))
    colours = {k: v if len(v) == 7 else "#" + "".join(2 * c for c in v[1:]) for k, v in colours.items()}
    for front, back in [
        ("ink", "paper"),
        ("ink", "soft"),
        ("muted", "paper"),
        ("muted", "soft"),
        ("accent", "paper"),
        ("harm", "paper"),
        ("ink", "accent-soft"),
        ("accent", "soft"),
        ("on-accent", "accent"),
    ]:
        light, low = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
        assert (light + 0.05) / (low + 0.05) >= 4.5, (front, back)


def test_a_ratio_is_best_at_one():
    assert _html.better({"higher": True, "ideal": 1.0}, "en") == "best at 1"
    assert _html.better({"higher": True, "ideal": 1.0}, "zh") == "越接近 1 越好"
    assert _html.better({"higher": True}, "en") == "higher is better"
    assert _html.better({"higher": False, "ideal": None}, "zh") == "越低越好"
