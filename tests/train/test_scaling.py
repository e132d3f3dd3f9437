"""A training on many devices, on paper: what theory says of its parts."""

import math

import pytest

from modelwright.train.scaling import Machines, Measured, on_paper, reduce_seconds, table, until_linear

ONE = Measured(parameters=1_000_000, rows=64, seconds=0.1)
FREE = Machines(jitter=0.0, fails=math.inf, overlap=0.0)


def test_a_line_through_two_measurements_gives_what_does_not_shrink():
    made = Measured.of_two(10, 64, 0.1, 32, 0.06)
    assert made.fixed == pytest.approx(0.02)
    assert made.compute(16) == pytest.approx(0.04)
    assert Measured.of_two(10, 64, 0.1, 32, 0.2).fixed == pytest.approx(
        0.1
    )  # slower with less: nothing is gained by sharing


def test_a_mean_by_a_ring_moves_twice_the_bytes_in_the_end_and_trees_spare_turns():
    quick = Machines(inside=1e9, between=1e9, turn=0.0)
    assert reduce_seconds(1e9, 1, quick) == 0
    assert reduce_seconds(1e9, 2, quick) == pytest.approx(1.0)
    assert reduce_seconds(1e9, 1024, quick) == pytest.approx(2.0, rel=0.01)
    slow = Machines(inside=1e9, between=1e9, turn=1e-3)
    assert reduce_seconds(1, 1024, slow) == pytest.approx(0.02)  # 2 log2 1024 turns, not 2046


def test_what_is_shared_out_gains_less_than_what_grows():
    shared = [on_paper(ONE, n, FREE).rate for n in (1, 8, 512)]
    grown = [on_paper(ONE, n, FREE, shared=False).rate for n in (1, 8, 512)]
    assert shared[1] == pytest.approx(8 * shared[0], rel=0.05)
    assert shared[2] < 0.5 * 512 * shared[0]
    assert grown[2] > 0.9 * 512 * grown[0]


def test_stages_of_zero_share_state_then_gradients_then_weights():
    memory = on_paper(ONE, 4, FREE).memory
    assert [memory[s] / 1e6 for s in (0, 1, 2, 3)] == pytest.approx([16, 7, 5.5, 4])
    dear, plain = (on_paper(ONE, 64, FREE, stage=s).network for s in (3, 2))
    assert dear > 1.2 * plain


def test_slow_devices_failures_and_overlap():
    slow = Machines(jitter=0.05)
    assert on_paper(ONE, 64, slow, shared=False).waiting > on_paper(ONE, 2, slow, shared=False).waiting > 0
    often = Machines(fails=3600.0, checkpoint=10.0)
    assert on_paper(ONE, 1, often).lost == pytest.approx(math.sqrt(20 / 3600))
    assert on_paper(ONE, 4096, Machines(fails=60.0)).lost == 0.9
    big = Measured(1_000_000_000, 64, 0.1)
    assert on_paper(big, 8, Machines(overlap=1.0)).network < on_paper(big, 8, FREE).network


def test_a_table_says_hours_money_and_where_it_stops_being_linear():
    lines = table(ONE, [1, 2, 4096], FREE, rows=64 * 36_000, price=2.0)
    assert lines[0]["hours"] == pytest.approx(1.0)
    assert lines[0]["cost"] == pytest.approx(2.0)
    assert lines[0]["efficiency"] == 1.0
    assert lines[1]["device_hours"] == pytest.approx(1.0, rel=0.05)
    assert until_linear(lines) == 2
    assert lines[0]["fits"] == [0, 1, 2, 3]
