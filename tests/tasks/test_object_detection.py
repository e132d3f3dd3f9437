"""The task object-detection: its codec, what it answers, thresholds for a gate, and a run from a folder to a report."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.answers.corrections import Unfit
from modelwright.core.config import make_config
from modelwright.core.errors import ColumnError, DataError
from modelwright.core.schema import Column, Schema
from modelwright.features.shared.canvas import upright
from modelwright.recipes.boxes import _detector
from modelwright.recipes.boxes._boxes import Found, answers, curves_of, thresholds_of
from modelwright.tasks.object_detection import TASK, BoxesCodec
from modelwright.testing import check_recipe, check_task, context, judged, sample_table

BOX = {"box": [1.0, 2.0, 9.0, 8.0], "label": "cat"}


def test_it_keeps_the_contract():
    check_task(TASK())


@pytest.mark.parametrize("name", ["no-boxes", "mean-boxes", "box-template"])
def test_its_baselines_keep_theirs(name):
    from modelwright.core.recipe import get_recipe

    check_recipe(get_recipe(name), TASK())


def test_labels_are_those_of_the_boxes_the_most_frequent_first():
    cells = pa.array(
        [
            json.dumps([BOX, {**BOX, "label": "dog"}]),
            json.dumps([BOX]),
            "[]",
            json.dumps([{**BOX, "label": "emu", "crowd": True}]),
        ]
    )
    assert TASK().fit_target(cells, Column("boxes", "boxes", "target")).labels == ("cat", "dog")
    with pytest.raises(DataError, match="holds no box"):
        TASK().fit_target(pa.array(["[]"]), Column("boxes", "boxes", "target"))


def test_only_sure_boxes_are_answered():
    scores = np.empty((1, 1), object)
    scores[0, 0] = [{**BOX, "score": 0.9, "sure": True}, {**BOX, "score": 0.1, "sure": False}]
    assert BoxesCodec(("cat",)).decode(scores).predictions == [[{**BOX, "score": 0.9}]]


def test_what_is_found_is_told_in_plain_words():
    codec = BoxesCodec(("cat", "dog"))
    far = {"box": [30.0, 30.0, 39.0, 39.0], "label": "dog", "score": 0.7}
    truth, chosen = np.empty(3, object), np.empty(3, object)
    truth[:] = [[BOX, {**far, "label": "dog"}], [BOX], []]
    chosen[:] = [[{**BOX, "score": 0.9}], [{**BOX, "score": 0.9}, far], []]
    words = codec.plainly(truth, chosen)
    assert words.en.startswith("right about 2 of 3 things in 3 unseen pictures, beside 1 box")
    assert "3 个目标找对 2 个，另有 1 个" in words.zh


def test_feedback_is_a_list_of_boxes():
    codec = BoxesCodec(("cat",))
    assert codec.told([{**BOX, "score": 3}]) == ([BOX], False)
    assert codec.told([]) == ([], False)
    for wrong in ("cat", [{"label": "cat"}], [{"box": [5, 0, 1, 1], "label": "cat"}], [{**BOX, "label": "dog"}]):
        with pytest.raises(Unfit):
            codec.told(wrong)
    assert codec.told([{**BOX, "label": "dog"}], new=True)[1] is True


def test_exports_may_differ_by_half_a_pixel():
    def scored(x, n=1):
        out = np.empty((1, 1), object)
        out[0, 0] = [{"box": [x, 2.0, 9.0, 8.0], "label": "cat", "score": 0.9, "sure": True}] * n
        return out

    codec = BoxesCodec(("cat",))
    assert codec.alike(scored(1.0), scored(1.4))
    assert not codec.alike(scored(1.0), scored(1.6))
    assert not codec.alike(scored(1.0), scored(1.0, 2))


def test_other_columns_are_left_out_and_pictures_asked_for():
    schema = Schema(
        (Column("a", "image"), Column("b", "image"), Column("n", "number"), Column("boxes", "boxes", "target"))
    )
    assert [c.name for c in TASK().typed(schema).inputs] == ["a"]
    with pytest.raises(ColumnError, match="pictures"):
        TASK().typed(Schema((Column("n", "number"), Column("boxes", "boxes", "target"))))


def curve():
    """Found boxes of a label whose precision falls from 1 to one half as recall rises to 1."""
    found = [Found(np.array([[0.0, 0, 9, 9], [50, 50, 60, 60]]), np.array([0.9 - 0.05 * i, 0.88 - 0.05 * i]) if i else np.array([0.9, 0.2]), np.zeros(2, int)) for i in range(6)]  # fmt: skip
    truth = [(np.array([[0.0, 0, 9, 9]]), np.zeros(1, int))] * 6
    return curves_of(found, truth, 1)


def test_thresholds_meet_what_the_gate_asks_for():
    curves = curve()
    by_f1, sure, many = (thresholds_of(curves, asked)[0] for asked in (None, [{"precision": 0.99}], [{"recall": 1.0}]))
    assert many <= by_f1 <= sure
    at = curves[0]["threshold"].index(sure)
    assert curves[0]["precision"][at] == 1.0
    assert curves[0]["recall"][curves[0]["threshold"].index(many)] == 1.0
    assert thresholds_of([{"threshold": [], "precision": [], "recall": []}]) == [0.5]


def test_the_gate_chooses_thresholds_by_label():
    seen = []
    model = SimpleNamespace(target=BoxesCodec(("cat", "dog")), asked=lambda wanted: seen.append(wanted) or "made")
    config = make_config(data="x", task="object-detection", gate="precision[cat]>=0.9, recall >= 50%, ap50>=0.3")
    assert TASK().deployed(model, config) == "made"
    assert seen == [[{"recall": 0.5, "precision": 0.9}, {"recall": 0.5}]]
    assert TASK().deployed(model, make_config(data="x", task="object-detection", gate="ap50>=0.3")) is model


def test_crowds_and_unsure_boxes_pass_through_answers():
    found = answers(
        [Found(np.array([[1.0, 2, 3, 4]]), np.array([0.4]), np.array([1])), None], ("cat", "dog"), [0.5, 0.3]
    )
    assert found[0, 0] == [{"box": [1.0, 2.0, 3.0, 4.0], "label": "dog", "score": 0.4, "sure": True}]
    assert found[1, 0] == []


@pytest.fixture(scope="module")
def detector():
    """A detector fitted on the sample, its table and codec."""
    from modelwright.core.recipe import get_recipe

    task = TASK()
    table, target = sample_table(task, 16)
    recipe = get_recipe("detector")
    options = recipe.variants(table.schema, target, 16)[0].model_copy(update={"epochs": 28, "mosaic": 0.2})
    return task, table, target, recipe.fit(table, table, options, context(task, target))


def test_a_detector_learns_its_rows(detector):
    task, table, target, model = detector
    found = judged(table, target, model.scores(table))
    assert task.metric("ap50")(found) > 0.7
    assert task.metric("count_within_1")(found) > 0.8
    assert task.sections(model, found, table, table, 5.0)[0].name == "boxes-by-label"


def test_a_detector_is_saved_whole_and_answers_alike(detector, tmp_path):
    _, table, target, model = detector
    model.save(tmp_path)
    again = type(model).load(tmp_path, target)
    some = table.take(np.arange(3))
    assert target.alike(model.scores(some), again.scores(some))
    assert again.thresholds == model.thresholds


def test_a_picture_that_is_missing_has_no_boxes(detector):
    _, table, _, model = detector
    gone = table.data.set_column(0, "picture", pa.nulls(len(table), table.data.schema.field("picture").type))
    assert model.scores(type(table)(gone, table.schema, table.rows))[0, 0] == []


def test_boxes_found_upside_down_stand_where_they_are_in_the_picture(detector, monkeypatch):
    _, table, _, model = detector
    seen = []

    def find(self, pixels):
        seen.append(pixels)
        return Found(np.array([[1.0, 2.0, 5.0, 4.0]]), np.array([0.9]), np.array([0]))

    monkeypatch.setattr(type(model), "of_pixels", find)
    high = upright(table.column("picture").to_pylist()[0]).shape[0]
    box = model.scores_upside_down(table.take([0]))[0, 0][0]["box"]
    model.scores(table.take([0]))
    assert (seen[0] == seen[1][::-1]).all()
    assert box == [1.0, high - 4.0, 5.0, high - 2.0]


@pytest.mark.parametrize(("upside", "none"), [(0.56, True), (0.5, False), (float("nan"), False)])
def test_pictures_have_no_up_where_as_much_is_found_upside_down(detector, monkeypatch, upside, none):
    task, table, target, model = detector
    ctx = context(task, target)
    monkeypatch.setattr(ctx, "values", lambda *_: (1.0, upside))
    assert _detector._no_up(model, table, 0.6, ctx) is none
    assert not _detector._no_up(model, table, 0.0, ctx)


@pytest.mark.parametrize(("begun", "at"), [(0, 2), (1, 2), (3, 3)])
def test_a_fit_turns_pictures_without_an_up_and_its_refit_does_from_the_start(monkeypatch, begun, at):
    from modelwright.core.recipe import get_recipe
    from modelwright.train.boxes import BoxFeed

    turned: list[int] = []
    whole = BoxFeed.load
    monkeypatch.setattr(BoxFeed, "turn", lambda self: turned.append(self.number) or setattr(self, "changes", replace(self.changes, upside=True)))  # fmt: skip
    fed: list[tuple[int, bool]] = []
    monkeypatch.setattr(BoxFeed, "load", lambda self, *a: fed.append((self.number, self.changes.upside)) or whole(self, *a))  # fmt: skip
    number = BoxFeed.epoch  # of a fit that is resumed after `begun` epochs
    monkeypatch.setattr(BoxFeed, "epoch", lambda self, rng, n=0: number(self, rng, n + begun))
    monkeypatch.setattr(_detector, "_same_upside_down", lambda *_: False)
    monkeypatch.setattr(_detector, "_no_up", lambda *_: True)
    task = TASK()
    table, target = sample_table(task, 12)
    recipe = get_recipe("detector")
    options = recipe.variants(table.schema, target, 12)[0].model_copy(update={"epochs": 5, "most_side": 64})
    model = recipe.fit(table, table, options, context(task, target))
    assert turned == [at]  # at the end of the third epoch, or of the first one where that is over
    assert {(n, up) for n, up in fed} == {(n, n > at) for n in range(begun, begun + 5)}
    assert model.options.upside
    assert model.extent["upside"]
    fed.clear()
    recipe.fit(table, None, options, context(task, target, extent=model.extent))
    assert fed
    assert all(up for _, up in fed)


@pytest.mark.parametrize("latency", [None, 1e-6])
def test_pictures_are_looked_at_twice_where_more_is_found_so_and_there_is_time(detector, monkeypatch, latency):
    task, table, target, model = detector
    again = type(model)(model.network, model.canvas, model.options, target, {"curves": model.curves}, [])
    ctx = context(task, target, latency=latency)
    monkeypatch.setattr(ctx, "values", lambda *_: (1.0, float(bool(again.extent.get("mirrored")))))
    assert _detector._better_mirrored(again, table, ctx) is (latency is None)
    monkeypatch.setattr(
        ctx, "values", lambda *_: (1.0 - bool(again.extent.get("mirrored")), 1.0 + bool(again.extent.get("mirrored")))
    )
    assert not _detector._better_mirrored(again, table, ctx)
    assert not again.extent.get("mirrored")


def test_a_detector_that_looks_twice_is_saved_as_one(detector, tmp_path):
    _, table, target, model = detector
    extent = {**model.extent, "mirrored": True}
    twice = type(model)(model.network, model.canvas, model.options, target, extent, [])
    twice.save(tmp_path)
    again = type(model).load(tmp_path, target)
    some = table.take(np.arange(3))
    assert target.alike(twice.scores(some), again.scores(some))
    plain = type(model)(model.network, model.canvas, model.options, target, {**extent, "mirrored": False}, [])
    once, both = plain.find(some)[0], twice.find(some)[0]
    assert len(once.scores) != len(both.scores) or np.abs(once.scores - both.scores).max() > 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_export_gives_the_same_boxes(detector, tmp_path, mirrored):
    onnxruntime = pytest.importorskip("onnxruntime")
    import onnx

    _, table, target, model = detector
    extent = {**model.extent, "mirrored": mirrored}
    model = type(model)(model.network, model.canvas, model.options, target, extent, [])
    model.save(tmp_path)
    onnx.save_model(model.objects_graph(), str(tmp_path / "m.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    assert target.alike(model.scores(table), type(model).from_session(session, tmp_path, target).scores(table))


def test_plots_show_curves_and_private_pictures(detector):
    pytest.importorskip("matplotlib")
    task, table, target, model = detector
    plots = task.plots(judged(table, target, model.scores(table)), table)
    assert plots[0].name == "precision-recall"
    assert not plots[0].private
    pictures = plots[1:]
    assert pictures
    assert all(p.private and "data:image/jpeg;base64," in p.svg for p in pictures)
    assert any("<rect" in p.svg for p in pictures)
