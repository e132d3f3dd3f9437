"""Metrics of boxes: the same as pycocotools gives, and what it does not tell."""

import contextlib
import io

import numpy as np
import pytest

from modelwright.core.answers.base import as_objects
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.judged import Judged
from modelwright.evaluate.intervals import bootstrap
from modelwright.evaluate.metrics import coco
from modelwright.evaluate.metrics.boxes import box_metrics
from modelwright.evaluate.metrics.tide import sorted_errors

NAMES = ("cat", "dog")
METRICS = {m.name: m for m in box_metrics()}


class Boxes(ObjectsCodec):
    labels = NAMES


def box(x, y=0.0, size=20.0, label="cat", **more):
    return {"box": [x, y, x + size, y + size], "label": label, **more}


def said(x, y=0.0, size=20.0, label="cat", score=0.9, sure=True):
    return box(x, y, size, label, score=score, sure=sure)


def judged(truth, answers):
    scores = as_objects(answers)[:, None]
    return Judged(
        Boxes("x"), as_objects(truth), scores, Boxes("x").decode(scores), as_objects(answers), np.arange(len(truth))
    )


def drawn(count, seed):
    rng = np.random.default_rng(seed)
    truth, answers = [], []
    for _ in range(count):
        true = [
            box(*rng.uniform(0, 300, 2), float(rng.choice([20, 60, 140])), str(rng.choice(NAMES)))
            for _ in range(rng.integers(0, 5))
        ]
        found = [said(b["box"][0] + rng.normal(0, 6), b["box"][1] + rng.normal(0, 6), b["box"][2] - b["box"][0], b["label"], float(rng.random()))
                 for b in true if rng.random() < 0.8]  # fmt: skip
        found += [
            said(*rng.uniform(0, 300, 2), 60, str(rng.choice(NAMES)), float(rng.random()))
            for _ in range(rng.integers(0, 3))
        ]
        truth.append(true)
        answers.append(found)
    return truth, answers


def by_pycocotools(truth, answers):
    """Return AP, AP50, AP75, small, medium, large, and AR as COCOeval sums them up."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    kinds = [{"id": i + 1, "name": n} for i, n in enumerate(NAMES)]
    images = [{"id": i + 1} for i in range(len(truth))]
    sets = []
    for lists in (truth, answers):
        held = []
        for image, boxes in enumerate(lists, 1):
            for b in boxes:
                left, top, right, bottom = b["box"]
                held.append({"id": len(held) + 1, "image_id": image, "category_id": NAMES.index(b["label"]) + 1, "iscrowd": 0, "score": b.get("score", 1),
                             "bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)})  # fmt: skip
        made = COCO()
        made.dataset = {"images": images, "categories": kinds, "annotations": held}
        sets.append(made)
    with contextlib.redirect_stdout(io.StringIO()):
        for made in sets:
            made.createIndex()
        found = COCOeval(*sets, "bbox")
        found.evaluate()
        found.accumulate()
        found.summarize()
    return found.stats[[0, 1, 2, 3, 4, 5, 8]]


@pytest.mark.parametrize("seed", range(3))
def test_averages_are_those_of_pycocotools(seed):
    truth, answers = drawn(12, seed)
    pictures = coco.matched(truth, answers, NAMES)
    mine = [
        coco.mean_precision(pictures, NAMES), coco.mean_precision(pictures, NAMES, overlaps=(0,)), coco.mean_precision(pictures, NAMES, overlaps=(5,)),
        *(coco.mean_precision(pictures, NAMES, size=s) for s in (1, 2, 3)), coco.average_recall(pictures, NAMES),
    ]  # fmt: skip
    wanted = by_pycocotools(truth, answers)
    assert np.nan_to_num(mine, nan=-1.0) == pytest.approx(wanted, abs=1e-9)


def test_perfect_boxes_are_perfect_the_first_one_too():
    found = judged([[box(0)], [box(30, label="dog")]], [[said(0)], [said(30, label="dog")]])
    assert {
        n: METRICS[n](found) for n in ("ap50", "ap", "ap75", "ar", "precision", "recall", "f1", "count_within_1")
    } == pytest.approx(dict.fromkeys(("ap50", "ap", "ap75", "ar", "precision", "recall", "f1", "count_within_1"), 1.0))
    assert METRICS["count_error"](found) == 0


def test_a_label_without_boxes_counts_in_precision_only():
    found = judged([[box(0)], []], [[said(0)], [said(50 * i, label="dog") for i in range(9)]])
    assert METRICS["ap50"](found) == 1.0
    assert np.isnan(METRICS["ap50"](found, 1))
    assert METRICS["precision"](found) == pytest.approx(0.1)
    assert METRICS["count_error"](found, 1) == 4.5


def test_only_sure_boxes_are_shown_and_counted():
    found = judged([[box(0), box(60)]], [[said(0), said(60, score=0.2, sure=False)]])
    assert (METRICS["recall"](found), METRICS["ap50"](found), METRICS["count_error"](found, 0)) == (0.5, 1.0, 1.0)


def test_regions_that_count_for_nothing_make_no_box_wrong():
    found = judged([[box(0), {**box(100, size=200), "crowd": True}]], [[said(0), said(120), said(200, 60)]])
    assert (METRICS["precision"](found), METRICS["ap50"](found), METRICS["count_error"](found, 0)) == (1.0, 1.0, 0.0)


def test_a_label_of_the_test_alone_is_never_found():
    found = judged([[box(0), box(50, label="emu")]], [[said(0)]])
    assert METRICS["ap50"](found) == 0.5


def test_intervals_draw_pictures():
    truth, answers = drawn(40, 0)
    found = bootstrap(METRICS["ap50"], judged(truth, answers), resamples=60)
    assert found.low < found.value < found.high


def test_errors_are_sorted_by_what_would_put_them_right():
    truth = [[box(0), box(100), box(200), box(300), box(400)]]
    answers = [[
        said(0), said(1, score=0.8), said(100, label="dog"), said(212), said(313, label="dog"), said(600),
    ]]  # fmt: skip
    kinds, pairs = sorted_errors(truth, answers)
    assert kinds == {"double": 1, "class": 1, "place": 1, "both": 1, "background": 1, "missed": 2}
    assert (pairs[("cat", "dog")], pairs[("", "cat")], pairs[("cat", "")]) == (1, 1, 2)


def test_the_report_tells_errors_in_the_language_of_the_page():
    from modelwright.evaluate.report import boxes as report
    from modelwright.evaluate.report._sections import made

    one = judged([[box(0)], []], [[], [said(50)]])
    for lang, told in (("en", ("missed", "(background)", "(nothing)")), ("zh", ("漏检", "（背景）", "（未检出）"))):
        page = "".join(made(s.to_json(), lang) for s in (report.errors(one), report.confusions(one)))
        cells = {t for t in told if f">{t}<" in page}
        assert cells == set(told), lang


def test_epochs_of_a_detector_are_compared_by_all_overlaps():
    ap50, ap, ap75 = box_metrics()[:3]
    assert ap50.finer is ap
    assert ap75.finer is ap
    assert ap.finer is None
