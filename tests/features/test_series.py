"""Codecs of series: MiniRocket against a direct computation, gaps, lengths, channels, statistics."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.core.schema import Column, arrow_type
from modelwright.features._minirocket import KERNELS, TAPS, MiniRocket
from modelwright.features._signals import STATISTICS, closed, pooled, resampled, scale_of, statistics, unpack
from modelwright.features.series import VIEWS


def column(rows):
    return pa.array([None if r is None else [list(map(float, c)) for c in r] for r in rows], arrow_type("series"))


def test_cells_come_back_from_arrow_also_from_a_slice():
    values = column([[[1, 2, 3]], None, [[4, np.nan], [6, 7]], [[8], [9]]])
    found = unpack(values.slice(1))
    assert found[0] is None
    assert np.array_equal(found[1], [[4, np.nan], [6, 7]], equal_nan=True)
    assert found[2].tolist() == [[8], [9]]
    assert unpack(pa.nulls(2, arrow_type("series"))) == [None, None]


def test_gaps_are_interpolated_and_held_at_the_ends():
    gaps = np.array([[np.nan, 1, np.nan, 3, np.nan], [np.nan] * 5], np.float32)
    assert closed(gaps).tolist() == [[1, 1, 2, 3, 3], [0] * 5]
    assert np.isnan(gaps[0, 0])  # what was given is left alone


def test_lengths_are_changed_by_interpolation_and_by_means():
    x = np.array([[0, 1, 2, 3]], np.float32)
    assert resampled(x, 7).tolist() == [[0, 0.5, 1, 1.5, 2, 2.5, 3]]
    assert resampled(np.array([[5]], np.float32), 3).tolist() == [[5, 5, 5]]
    assert pooled(np.array([[1, 3, 5, 7, 9]], np.float32), 2).tolist() == [[2, 6, 9]]


def test_scale_is_that_of_all_moments():
    rng = np.random.default_rng(0)
    rows = [rng.normal(5, 2, (2, int(n))) for n in rng.integers(5, 50, 30)]
    rows[0][0, 0] = np.nan
    mean, std = scale_of(rows, 3)
    whole = np.concatenate([r.T for r in rows])
    assert np.allclose(mean[:2], np.nanmean(whole, axis=0))
    assert np.allclose(std[:2], np.nanstd(whole, axis=0))
    assert (mean[2], std[2]) == (0, 1)


def slow_share(x, subset, dilation, kernel, bias, padded):
    """Return the share of moments above the bias, moment by moment and tap by tap."""
    series = [sum(float(x[c, t]) for c in subset) for t in range(x.shape[1])]
    weights = [2.0 if j in TAPS[kernel] else -1.0 for j in range(9)]
    above = total = 0
    for t in range(len(series)):
        places = [t + (j - 4) * dilation for j in range(9)]
        inside = all(0 <= p < len(series) for p in places)
        if not padded and not inside:
            continue
        value = sum(w * series[p] for w, p in zip(weights, places) if 0 <= p < len(series))
        above += value > bias
        total += 1
    return above / total


@pytest.mark.parametrize("channels", [1, 3])
def test_minirocket_is_the_share_of_moments_above_the_bias(channels):
    rng = np.random.default_rng(channels)
    x = rng.integers(-8, 9, (7, channels, 40)).astype(np.float32)
    rocket = MiniRocket.fit(x, 5 * KERNELS, 0)
    rocket.biases += np.float32(0.25)  # off the whole numbers, so that rounding decides nothing
    found = rocket.transform(x[:2])
    assert found.shape == (2, 5 * KERNELS)
    assert len(rocket.dilations) > 1
    at = 0
    for d, count in enumerate(rocket.counts):
        for k in range(KERNELS):
            subset = [c for c in rocket.subsets[d, k] if c < channels]
            for b in range(count):
                feature = at + k * count + b
                if feature % 7 == 0:
                    expected = slow_share(
                        x[1], subset, int(rocket.dilations[d]), k, rocket.biases[feature], (d + k) % 2 == 0
                    )
                    assert found[1, feature] == pytest.approx(expected, abs=1e-6)
        at += KERNELS * count


def test_minirockets_biases_lie_among_the_convolutions():
    x = np.random.default_rng(0).normal(size=(20, 1, 60)).astype(np.float32)
    found = MiniRocket.fit(x, 9996, 0).transform(x)
    assert found.shape[1] == 9996
    assert 0.4 < found.mean() < 0.6
    assert ((found > 0) & (found < 1)).mean() > 0.9


def test_a_row_alone_has_the_features_that_it_has_among_others():
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(2, int(n))) for n in rng.integers(5, 70, 40)]
    for view in ("sparse", "dense", "tensor"):
        codec = VIEWS[view].fit(column(rows), Column("x", "series"), None, 0)
        whole, alone = codec.encode(column(rows)), codec.encode(column(rows[7:8]))
        if view == "tensor":
            a, b = whole["values"].offsets[7:9]
            assert np.array_equal(whole["values"].values[a:b], alone["values"].values)
        else:
            whole, alone = (m.toarray() if view == "sparse" else m for m in (whole, alone))
            assert np.array_equal(whole[7], alone[0])


def test_other_channels_lengths_and_gaps_are_borne():
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(2, 30)) for _ in range(12)]
    odd = [rng.normal(size=(1, 3)), rng.normal(size=(5, 200)), np.full((2, 4), np.nan), None]
    odd[1][0, 3] = np.nan
    for view in ("sparse", "dense", "tensor"):
        codec = VIEWS[view].fit(column(rows), Column("x", "series", options={"channels": 2}), None, 0)
        found = codec.encode(column(odd))
        if view == "sparse":
            assert np.isfinite(found.toarray()).all()
            assert found.toarray()[:, -1].tolist() == [0, 0, 0, 1]
        elif view == "dense":
            assert found.shape == (4, 2 * STATISTICS + 1)
            assert np.isnan(found[3]).all()
            assert np.isfinite(found[1]).all()
        else:
            assert found["missing"].tolist() == [0, 0, 0, 1]
            assert found["values"].lengths.tolist() == [3, 200, 4, 1]
            assert np.isfinite(found["values"].values).all()


def test_statistics_say_what_they_should():
    time = np.arange(64)
    found = statistics([np.stack([np.sin(time), 3.0 + 0 * time]).astype(np.float32), np.ones((2, 2), np.float32)])
    assert found.shape == (2, 2, STATISTICS)
    assert np.isfinite(found).all()
    mean, std, low, high = found[0, 0, :4]
    assert (mean, std) == (pytest.approx(np.sin(time).mean(), abs=1e-6), pytest.approx(np.sin(time).std(), abs=1e-6))
    assert (low, high) == (pytest.approx(-1, abs=0.01), pytest.approx(1, abs=0.01))
    assert found[0, 1, 0] == 3
    slow = statistics([np.sin(0.2 * time)[None].astype(np.float32)])
    assert found[0, 0, -1] > slow[0, 0, -1]  # the mean frequency


def test_long_and_many_series_get_fewer_features_and_blocks():
    rows = [np.sin(np.arange(5000) * (i + 1))[None] for i in range(3)]
    sparse = VIEWS["sparse"].fit(column(rows), Column("x", "series", options={"features": 840}), None, 0)
    assert sparse.rocket.length <= 2048
    assert sparse.encode(column(rows)).shape == (3, 842)
    tensor = VIEWS["tensor"].fit(column(rows), Column("x", "series"), None, 0)
    assert tensor.encode(column(rows))["values"].lengths.max() <= 1024
