"""Pretrained forecasters from folders in the layouts of their makers: what they answer, what a bundle keeps, what is refused."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import modelwright as mw
from forecasters_made import MADE, tiny_bolt, tiny_chronos
from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.core.pretrained import find
from modelwright.models.forecasters import Chronos, built, fill, weights_of

RNG = np.random.default_rng(0)
HISTORIES = [np.cumsum(RNG.normal(size=n)) + 20 for n in (50, 50, 31, 7, 200, 1)]


def network(folder):
    made = built(find(str(folder)).config)
    fill(made, weights_of(folder), "tiny")
    return made


@pytest.mark.parametrize("kind", sorted(MADE))
def test_each_layout_is_read_and_answers_row_by_row(kind, tmp_path):
    folder = MADE[kind](tmp_path / kind)
    assert find(str(folder)).modality == "forecast"
    made = network(folder)
    whole = made.ahead(HISTORIES, 20)
    assert whole.shape == (6, 20)
    assert np.isfinite(whole).all()
    alone = np.concatenate([made.ahead([h], 20) for h in HISTORIES])
    np.testing.assert_allclose(alone, whole, rtol=1e-4, atol=1e-4)
    # what is asked for beyond one answer goes on from it
    np.testing.assert_allclose(made.ahead(HISTORIES, made.steps)[:, :5], whole[:, :5], rtol=1e-5, atol=1e-5)


def test_bolt_keeps_to_the_scale_and_level_of_a_history(tmp_path):
    made = network(tiny_bolt(tmp_path / "b"))
    x = HISTORIES[0]
    np.testing.assert_allclose(made.ahead([3 * x + 100], 8), 3 * made.ahead([x], 8) + 100, rtol=1e-3)
    assert np.abs(made.ahead([x], 8) - made.ahead([x[::-1].copy()], 8)).max() > 1e-3, "order counts"
    np.testing.assert_allclose(
        made.ahead([np.r_[np.full(500, 9.0), x, x]], 8), made.ahead([np.r_[x, x][-64:]], 8), rtol=1e-4
    )


def test_chronos_reads_values_as_its_tokens(tmp_path):
    made = network(tiny_chronos(tmp_path / "c"))
    assert isinstance(made, Chronos)
    assert len(made.centres) == 61
    # two special tokens; the lowest centre is the one behind the first, which no value takes
    assert made._tokens(torch.tensor([[-99.0, -15.0, 0.0, 0.26, 15.0, 99.0]])).tolist() == [[3, 3, 33, 34, 63, 63]]
    np.testing.assert_allclose(made.ahead([5 * HISTORIES[0]], 6), 5 * made.ahead([HISTORIES[0]], 6), rtol=1e-4)
    scale = np.abs(HISTORIES[0][-32:]).mean()
    steps = made.ahead([HISTORIES[0]], 6)[0] / scale
    assert np.abs(steps[:, None] - made.centres.numpy()[None]).min(axis=1).max() < 1e-4, "each is a centre"


def sales(days=120):
    rng = np.random.default_rng(1)
    t = np.arange(days)
    return {
        "shop": ["a"] * days + ["b"] * days, "day": [str(np.datetime64("2026-01-01") + int(d)) for d in t] * 2,
        "sold": np.concatenate([20 + 5 * np.sin(2 * np.pi * t / 7) + rng.normal(0, 1, days), 50 + rng.normal(0, 3, days)]).tolist(),
    }  # fmt: skip


def test_a_run_keeps_the_whole_forecaster(tmp_path):
    folder = tiny_bolt(tmp_path / "tiny-bolt")
    options = {
        "task": "time-series-forecasting",
        "target": "sold",
        "time": "day",
        "key": ["shop"],
        "horizon": 10,
        "budget": "60s",
    }
    run = mw.fit(
        sales(), **options, pretrained=[str(folder)], recipes=["pretrained-forecast"], out=tmp_path, progress=False
    )
    assert run.facts["winner"] == ["pretrained-forecast"]
    found = run.predictor.forecast().to_pylist()
    assert len(found) == 20
    for file in folder.iterdir():
        file.unlink()
    again = mw.load(run.folder)
    assert again.forecast().to_pylist() == found, "the bundle is whole"
    told = (run.folder / "bundle" / "card.md").read_text(encoding="utf-8")
    assert "tiny-bolt" in told
    assert str(tmp_path) not in told


def test_a_forecaster_is_for_forecasting(tmp_path):
    folder = tiny_bolt(tmp_path / "b")
    rows = {"x": RNG.normal(size=60).tolist(), "y": ["a", "b"] * 30}
    with pytest.raises(OptionError, match="time-series-forecasting"):
        mw.fit(rows, target="y", pretrained=[str(folder)], budget="10s", out=tmp_path, progress=False)


def test_damaged_folders_are_told(tmp_path):
    folder = tiny_bolt(tmp_path / "b")
    config, file = folder / "config.json", folder / "model.safetensors"
    tensors = load_file(str(file))
    gone = {k: v for k, v in tensors.items() if k != "input_patch_embedding.hidden_layer.bias"}
    save_file(gone, str(file))
    with pytest.raises(OptionError, match=r"lacks 1 .*hidden_layer.bias"):
        network(folder)
    save_file({**tensors, "shared.weight": torch.zeros(2, 3)}, str(file))
    with pytest.raises(OptionError, match="do not fit"):
        network(folder)
    file.write_bytes(b"no such thing")
    with pytest.raises(OptionError, match="cannot be read"):
        network(folder)
    told = json.loads(config.read_text())
    del told["chronos_config"]["quantiles"]
    with pytest.raises(ModelwrightError, match="quantiles"):
        built(told)
    file.rename(folder / "pytorch_model.bin")
    find.cache_clear()
    with pytest.raises(OptionError, match="pickle"):
        find(str(folder))
