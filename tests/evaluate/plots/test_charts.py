"""Plots: what they draw, that they are safe in a page, and that Han labels stay text."""

import re
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from evaluate import made
from modelwright.core.words import Words
from modelwright.evaluate.explain.importance import Importance
from modelwright.evaluate.metrics import forecasting, language, speech
from modelwright.evaluate.metrics.chosen import CLASSIFICATION, REGRESSION
from modelwright.evaluate.plots import canvas as _canvas
from modelwright.evaluate.plots import charts as plots

METRICS = [*CLASSIFICATION, *REGRESSION, *speech.METRICS, *language.METRICS, *forecasting.metrics()]
METRIC = Words("macro F1", "宏平均 F1")
HISTORIES = {
    "textcnn": [{"epoch": i + 1, "loss": 1 / (i + 1), "macro_f1": 1 - 0.5 / (i + 1)} for i in range(6)],
    "linear": [{"loss": 0.3}],
}
DRAWN = {
    "classes": lambda: plots.classification(made.of_classes()),
    "two classes": lambda: plots.classification(made.of_classes(labels=["no", "yes"])),
    "sets": lambda: plots.multi_label(made.of_sets()),
    "values": lambda: plots.regression(made.of_values()),
    "curves": lambda: plots.curves(HISTORIES, CLASSIFICATION),
    "importance": lambda: [plots.importance_bars([Importance("列", 0.2, 0.1, 0.3)], METRIC)],
    "data": lambda: [plots.data_curve([100, 200], [0.5, 0.6], METRIC)],
}


def texts(svg):
    return ["".join(e.itertext()) for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("kind", DRAWN)
def test_plots_are_pictures_with_a_sentence(kind):
    found = DRAWN[kind]()
    assert found
    assert len({p.name for p in found}) == len(found)
    for plot in found:
        assert plot.svg.startswith("<svg")
        ET.fromstring(plot.svg)  # well-formed
        assert all(len(w) > 8 for w in plot.says)
        assert re.search("[\u4e00-\u9fff]", plot.says.zh)
        assert texts(plot.svg)


@pytest.mark.parametrize("kind", DRAWN)
def test_colours_are_the_pages_and_ids_are_the_plots_own(kind):
    for plot in DRAWN[kind]():
        colours = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]+)", plot.svg))
        assert not colours, colours
        assert "var(--ink" in plot.svg or "var(--muted" in plot.svg
        for found in re.findall(r'id="([^"]+)"', plot.svg):
            assert found.startswith(plot.name)
        referred = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', plot.svg))
        assert referred <= set(re.findall(r'id="([^"]+)"', plot.svg))


def test_drawing_is_deterministic():
    first, second = (plots.classification(made.of_classes()) for _ in range(2))
    assert [p.svg for p in first] == [p.svg for p in second]


def test_han_labels_stay_text_and_markup_is_escaped():
    judged = made.of_classes(labels=["技术支持", "退款", '<b>"&$x$'])
    confusion, bars = plots.classification(judged)[:2]
    for plot in (confusion, bars):
        assert "<b>" not in plot.svg
        assert {"技术支持", "退款", '<b>"&$x$'} <= set(texts(plot.svg))


def test_a_picture_holds_both_languages_and_gives_one():
    roc = next(p for p in plots.classification(made.of_classes()) if p.name == "roc")
    assert {"true positive rate", "真阳性率"} <= set(texts(roc.svg))
    assert "真阳性率" not in texts(_canvas.in_lang(roc.svg, "en", "ROC curve"))
    assert "true positive rate" not in texts(_canvas.in_lang(roc.svg, "zh", "ROC 曲线"))
    assert 'aria-label="ROC 曲线"' in _canvas.in_lang(roc.svg, "zh", "ROC 曲线")
    assert "真阳性率" in texts(_canvas.in_lang(roc.svg, "zh", "ROC 曲线"))


def test_confusion_counts_are_drawn():
    judged = made.of_classes(200, ["no", "yes"], signal=1)
    counts = [np.sum((judged.truth == a) & (judged.chosen == b)) for a in (0, 1) for b in (0, 1)]
    shown = texts(plots.classification(judged)[0].svg)
    assert {str(c) for c in counts} <= set(shown)


def test_many_classes_show_the_worst_and_are_quick():
    judged = made.of_classes(3000, [f"class {i}" for i in range(77)], signal=4)
    some = made.of_classes(3000, [f"class {i}" for i in range(20)], signal=4)
    plots.classification(judged)  # imports and font lists are not what is measured
    started = time.process_time()
    plots.classification(some)
    of_twenty = time.process_time() - started
    started = time.process_time()
    found = plots.classification(judged)
    assert time.process_time() - started < 4 * of_twenty
    assert "20" in found[0].says.en
    assert sum(len(p.svg) for p in found) < 200_000


def test_nothing_to_draw_is_no_error():
    nobody = made.of_classes(5).take(np.array([], int))
    assert plots.classification(nobody) == []
    assert plots.curves({"linear": [{"loss": 0.3}], "trees": []}, []) == []
    one_class = made.of_classes(50).take(np.flatnonzero(made.of_classes(50).truth == 1))
    assert {p.name for p in plots.classification(one_class)} == {"confusion", "f1", "reliability"}


def test_constant_values_can_be_drawn():
    judged = made.of_values(20)
    same = judged.take(np.zeros(20, int))
    assert len(plots.regression(same)) == 3


def test_the_best_curve_is_in_accent():
    svg = plots.curves({"a": [{"loss": 1}, {"loss": 0.5}], "b": [{"loss": 1}, {"loss": 0.2}]}, [])[0].svg
    assert in_accent(svg) == ["b"]


def in_accent(svg):
    return re.findall(r'<text style="[^"]*fill: var\(--accent[^"]*"[^>]*>([^<]+)<', svg)


WAYS = {
    "macro_f1": True,
    "log_loss": False,
    "rmse": False,
    "mase": False,
    "r2": True,
    "wer": False,
    "bits_per_byte": False,
}


@pytest.mark.parametrize("metric", [m for m in METRICS if m.name in WAYS], ids=lambda m: m.name)
def test_the_best_curve_goes_by_the_direction_of_its_metric(metric):
    name, low, high = metric.name, {"epoch": 1, metric.name: 0.6}, {"epoch": 1, metric.name: 0.6}
    histories = {"lower": [low, {"epoch": 2, name: 0.1}], "higher": [high, {"epoch": 2, name: 0.9}]}
    plot = plots.curves(histories, [metric])[0]
    best = "higher" if WAYS[name] else "lower"
    assert in_accent(plot.svg) == [best]
    assert f"best: `{best}` with {0.9 if WAYS[name] else 0.1}." in plot.says.en
    assert f"最好的是 `{best}`，为 {0.9 if WAYS[name] else 0.1}。" in plot.says.zh
    assert metric.title.zh in plot.title.zh


def test_of_a_quantity_whose_direction_is_unknown_no_curve_is_the_best():
    rows = [{"epoch": 1, "stretch": 1.0}, {"epoch": 2, "stretch": 2.0}]
    plot = plots.curves({"a": rows, "b": rows}, CLASSIFICATION)[0]
    assert in_accent(plot.svg) == []
    assert plot.says == ("Stretch during training.", "训练过程中的 stretch。")


def test_errors_that_grow_with_the_answer_are_said():
    judged = made.of_values(600)
    from dataclasses import replace

    size = judged.truth[:, None]
    grown = replace(judged, scores=size * (1 + 0.1 * np.random.default_rng(0).normal(size=size.shape)))
    says = next(p for p in plots.regression(grown) if p.name == "errors-by-size").says.en
    low, high = (float(x.replace(",", "")) for x in re.findall(r"error is ([\d.,]+) .* and ([\d.,]+) among", says)[0])
    assert high > 3 * low


def test_labels_are_cut_in_the_middle():
    assert _canvas.plain("a" * 20 + "b" * 20, 10) == "aaaaaa…bbb"
    assert _canvas.plain("two\nlines") == "two lines"
