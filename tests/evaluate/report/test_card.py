"""The model card: the same facts in plain words, short where there are few."""

import re

import pytest

from evaluate import made
from modelwright.evaluate.report.card import card, sections


@pytest.fixture(scope="module")
def facts():
    return made.facts()


@pytest.mark.parametrize(("lang", "words"), [
    ("en", ["Intended use", "Data", "Training", "Results", "Limits", "Cost", "Findings in the data", "Origin"]),
    ("zh", ["用途", "数据", "训练", "结果", "局限", "开销", "数据中的发现", "来源"]),
])  # fmt: skip
def test_all_parts_in_order(facts, lang, words):
    text = card(facts, lang)
    assert text.startswith("# tickets\n")
    assert re.findall(r"^## (.*)$", text, re.M) == words
    assert f"{facts['value']:.3f}" in text
    assert "`closed_by`" in text
    assert "`技术支持`" in text


def test_numbers_come_with_their_interval(facts):
    text = card(facts, "en")
    m = facts["metrics"][1]
    assert f"accuracy: {m['value']:.3f} (95 % interval {m['low']:.3f} – {m['high']:.3f})" in text
    assert "Trained on 1,700, chosen on 340, tested on 400 rows" in text
    assert "6 candidates" not in text  # the ensemble is made of candidates, not one of them
    assert "5 candidates were tried, 1 of which did not finish." in text


def test_what_was_never_begun_is_no_candidate_that_did_not_finish(facts):
    untried = [
        {"name": n, "recipe": n, "status": "untried", "reason": [f"not needed: {why}", f"无需尝试：{why}"]}
        for n, why in (("gru", "gate"), ("vit", "gate"), ("mlp", "time"))
    ]
    board = [r for r in facts["leaderboard"] if r.get("status") == "ok"] + untried
    en, zh = (card({**facts, "leaderboard": board}, lang) for lang in ("en", "zh"))
    assert "4 candidates were tried." in en
    assert "Not trained: `gru`, `vit` (not needed: gate); `mlp` (not needed: time)." in en
    assert "共尝试 4 个候选模型。" in zh
    assert "未训练：`gru`、`vit`（无需尝试：gate）；`mlp`（无需尝试：time）。" in zh
    assert "finish" not in en
    one = [r for r in board if r["name"] == "linear"]
    assert "1 candidate was tried." in card({**facts, "leaderboard": one}, "en")


def test_rivals_are_told_as_they_came_out(facts):
    rivals = [("constant", 0.7, 0.6, 0.8), ("linear", 0.01, -0.02, 0.04), ("lstm", -0.05, -0.08, -0.02)]
    told = [{"name": n, "difference": d, "low": low, "high": high, "p": 0.1} for n, d, low, high in rivals]
    text = card({**facts, "baselines": told}, "en")
    assert "Better than `constant` by 0.700 (0.600 – 0.800)" in text
    assert "No clear difference from `linear`" in text
    assert "Worse than `lstm` by 0.050" in text
    assert "不如 `lstm`，相差 0.050" in card({**facts, "baselines": told}, "zh")


def test_a_gate_that_is_not_met_is_said(facts):
    missed = {**facts, "met": False}
    assert "does not meet the gate" in card(missed, "en")
    assert "未满足" in card(missed, "zh")
    assert "does not meet the gate" not in card(facts, "en")


def test_short_facts_give_a_short_card_that_quotes_no_row(facts):
    keys = (
        "name",
        "modelwright",
        "created",
        "task",
        "target",
        "metric",
        "value",
        "low",
        "high",
        "asked",
        "met",
        "rows",
        "winner",
    )
    text = card({k: facts[k] for k in keys}, "en")
    assert "macro_f1: " in text
    assert "Findings" not in text
    whole = card(facts, "en")
    for mistake in facts["mistakes"]:
        assert mistake["inputs"]["text"] not in whole


def test_further_parts_are_added_and_markdown_is_safe(facts):
    more = {**facts, "name": "a|b<c>\nd", "card": [[["Contact", "联系"], ["ops@example.org", "ops@example.org"]]]}
    assert card(more, "zh").startswith("# a\\|b&lt;c> d\n")
    assert "## 联系\n\n- ops@example.org" in card(more, "zh")
    assert sections(more)[-1][0].en == "Contact"
