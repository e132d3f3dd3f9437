"""Which places answer for which box, and what a wrong answer costs."""

import numpy as np
import pytest
import torch

from modelwright.models.detection.augment import Changes, changed, mosaic, seen
from modelwright.models.detection.boxes import generalized_overlap, overlaps
from modelwright.models.detection.loss import CROWD, NOTHING, assigned, detection_loss
from modelwright.models.detection.network import Detector, Raw
from modelwright.models.overlap import overlaps_np, suppress


@pytest.fixture(scope="module")
def raw():
    torch.manual_seed(0)
    with torch.no_grad():
        return Detector("tiny", 2, 16, (8, 16))({"pixels": torch.full((1, 64, 64, 3), 90, dtype=torch.uint8)})


def truth(*boxes):
    """Return boxes [1, M, 4] and labels [1, M] from (left, top, right, bottom, label)."""
    held = torch.tensor(boxes, dtype=torch.float32).reshape(1, -1, 5)
    return held[..., :4], held[..., 4].long()


def answering(raw, box, sure, kind=0):
    """Return an output in which every place gives one box."""
    logits = torch.full_like(raw.logits, -6.0)
    logits[..., kind] = sure
    return Raw(logits, torch.tensor(box, dtype=torch.float32).expand_as(raw.boxes).clone(), raw.points, raw.strides)


def test_places_inside_answer_for_a_box(raw):
    goal, chosen, weight = assigned(raw, *truth((8, 8, 40, 40, 1)))
    x, y = raw.points[chosen[0] >= 0].unbind(1)
    assert ((x > 8) & (x < 40) & (y > 8) & (y < 40)).all()
    assert 0 < int((chosen >= 0).sum()) <= 10
    assert float(goal[..., 0].max()) == 0
    assert float(weight.max()) == pytest.approx(
        float(overlaps(truth((8, 8, 40, 40, 1))[0], raw.boxes)[0, 0][chosen[0] >= 0].max()), abs=1e-5
    )


def test_a_box_smaller_than_any_stride_is_answered_for(raw):
    _, chosen, _ = assigned(raw, *truth((33, 33, 36, 36, 0)))
    assert int((chosen >= 0).sum()) >= 1


def test_nothing_to_find_is_a_loss_of_false_alarms_only(raw):
    none = truth((0, 0, 0, 0, NOTHING))
    quiet, loud = (float(detection_loss(answering(raw, (0, 0, 9, 9), s), none)) for s in (-8.0, 2.0))
    assert 0 <= quiet < 0.5 < loud


def test_a_region_that_counts_for_nothing_costs_nothing(raw):
    crowd = truth((0, 0, 64, 64, CROWD))
    assert float(detection_loss(answering(raw, (0, 0, 9, 9), 3.0), crowd)) == pytest.approx(0)


def test_the_right_box_costs_less_than_one_beside_it_or_of_another_label(raw):
    wanted = truth((16, 16, 48, 48, 0))
    right, beside, other = (
        float(detection_loss(answering(raw, box, 4.0, kind), wanted))
        for box, kind in (((16, 16, 48, 48), 0), ((24, 16, 56, 48), 0), ((16, 16, 48, 48), 1))
    )
    assert right < beside
    assert right < other


def test_generalized_overlap_is_negative_far_apart():
    a, b = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[4.0, 0, 6, 2]])
    assert float(generalized_overlap(a, b)) == pytest.approx(-1 / 3)
    assert float(generalized_overlap(a, a)) == pytest.approx(1)


def test_better_boxes_suppress_others_of_their_label_only():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10], [20, 0, 30, 10]], float)
    kept = suppress(boxes, np.array([0.6, 0.9, 0.5, 0.1]), np.array([0, 0, 1, 0]), 0.5)
    assert kept.tolist() == [1, 2, 3]
    inside = np.array([[0, 0, 10, 10], [4, 0, 10, 10]], float)
    assert suppress(inside, np.array([0.9, 0.5]), np.zeros(2, int), 0.7).tolist() == [0, 1]
    assert suppress(inside, np.array([0.9, 0.5]), np.zeros(2, int), 0.7, inside=0.8).tolist() == [0]
    assert overlaps_np(boxes[:1], boxes[1:2])[0, 0] == pytest.approx(9 / 11)


def view():
    """A white square on black: what is moved with it can be seen."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[20:40, 30:60] = 255
    return pixels, np.array([[30.0, 20, 60, 40]]), np.array([3])


@pytest.mark.parametrize("seed", range(6))
def test_boxes_move_with_what_they_are_around(seed):
    rng = np.random.default_rng(seed)
    changes = Changes(flip=True, upside=True, scale=0.4, light=0.0)
    for pixels, boxes, labels in (changed(view(), changes, rng), mosaic([view()] * 4, changes, rng)):
        assert set(labels.tolist()) <= {3}
        for left, top, right, bottom in boxes:
            inside = pixels[round(top) + 1 : round(bottom) - 1, round(left) + 1 : round(right) - 1]
            assert inside.mean() > 240  # white within, and black or another one beside it
            outside = pixels[round(top) + 1 : round(bottom) - 1, max(0, round(left) - 4) : max(0, round(left) - 2)]
            assert outside.size == 0 or outside.mean() < 130


def test_of_boxes_at_the_edge_too_small_a_part_is_left_out():
    boxes, labels = seen(np.array([[-20.0, 0, 20, 10], [-35, 0, 5, 10]]), np.array([1, 2]), (0, 0, 50, 50))
    assert boxes.tolist() == [[0, 0, 20, 10]]
    assert labels.tolist() == [1]
