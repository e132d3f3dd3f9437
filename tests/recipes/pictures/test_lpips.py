"""LPIPS: the paper's sum, written once more by hand; weights of channels from a folder; a run with it, without it, and refused."""

import shutil

import numpy as np
import pytest

import modelwright as mw
from modelwright.core.errors import OptionError
from modelwright.evaluate.metrics.pictures import LPIPS
from modelwright.recipes.shared import perceptual_judge
from pictures_made import folder_of, picture, tiny_vgg

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    return tiny_vgg(tmp_path_factory.mktemp("vgg"))


@pytest.fixture(autouse=True)
def closed():
    yield
    perceptual_judge.look_with(None)


def weighed(vgg, folder, change=lambda weights: None):
    """Return a copy of a network with weights of its channels, written by their published names."""
    from safetensors.torch import save_file

    shutil.copytree(vgg, folder)
    rng = torch.Generator().manual_seed(1)
    weights = {
        f"lin{k}.model.1.weight": torch.rand(1, c, 1, 1, generator=rng) for k, c in enumerate((64, 128, 256, 512, 512))
    }
    change(weights)
    save_file(weights, folder / "linear.safetensors")
    return str(folder), weights


def test_it_is_the_papers_sum(vgg, tmp_path):
    from modelwright.models.backbones.base import pretrained_backbone
    from modelwright.models.restore.lpips import lpips_of

    folder, weights = weighed(vgg, tmp_path / "weighed")
    seen, calibrated = lpips_of(folder)
    assert calibrated
    a = torch.from_numpy(picture(1, 40, 48)).permute(2, 0, 1)[None].float() / 255
    b = (a + 0.1 * torch.randn(a.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    network, mean, std = pretrained_backbone(vgg)
    total = 0.0
    with torch.no_grad():
        maps = [
            [
                m[0].double().numpy()
                for m in network.pyramid((x[0] - mean[:, None, None])[None] / std[:, None, None])[:5]
            ]
            for x in (a, b)
        ]
        for k, (x, y) in enumerate(zip(*maps, strict=True)):
            w = weights[f"lin{k}.model.1.weight"].flatten().double().numpy()
            here = 0.0
            for i in range(x.shape[1]):
                for j in range(x.shape[2]):
                    p, q = (m[:, i, j] / (np.linalg.norm(m[:, i, j]) + 1e-10) for m in (x, y))
                    here += float((w * (p - q) ** 2).sum())
            total += here / (x.shape[1] * x.shape[2])
        assert float(seen(a, b)) == pytest.approx(total, rel=1e-4)
        assert float(seen(a, a)) == 0
        plain, calibrated = lpips_of(vgg)
        assert not calibrated
        assert float(plain(a, b)) > float(seen(a, b)), "every channel counts once, and weights here are below 1"


def test_pictures_are_looked_at_in_parts_and_small_ones_enlarged(vgg, monkeypatch):
    from modelwright.models.restore.lpips import lpips_of

    good = picture(2, 20, 24)
    assert perceptual_judge.looked(good, good) == {}, "nobody looks"
    perceptual_judge.look_with(lpips_of(vgg)[0])
    assert perceptual_judge.looked(good, good)["lpips"] == 0
    worse, worst = (
        np.clip(good + s * np.random.default_rng(0).normal(size=good.shape), 0, 255).astype(np.uint8) for s in (8, 60)
    )
    assert 0 < perceptual_judge.looked(worse, good)["lpips"] < perceptual_judge.looked(worst, good)["lpips"]
    assert perceptual_judge.looked(good[:, :, :1], good[:, :, :1]) == {"lpips": 0.0}
    assert perceptual_judge.looked(good, good[:10]) == {}
    monkeypatch.setattr(perceptual_judge, "_TILE", 64)
    assert [p.stop - p.start for p in perceptual_judge._tiles_of(200)] == [66, 67, 67]
    wide = picture(3, 70, 300)
    noisy = wide.copy()
    noisy[:, :75] = 255 - noisy[:, :75]
    part = perceptual_judge.looked(np.ascontiguousarray(noisy[:, :75]), np.ascontiguousarray(wide[:, :75]))["lpips"]
    assert perceptual_judge.looked(noisy, wide)["lpips"] == pytest.approx(part / 4, rel=1e-5)


def test_a_run_tells_it(vgg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "photos", 12)
    told = {"task": "image-to-image", "degrade": "bicubic x2", "budget": "20s", "recipes": ["bicubic", "lanczos"]}
    run = mw.fit(str(tmp_path / "photos"), lpips=vgg, **told)
    found = {m["name"]: m for m in run.facts["metrics"]}
    assert found["lpips"]["value"] > 0
    assert found["lpips"]["low"] <= found["lpips"]["value"] <= found["lpips"]["high"]
    says = run.facts["sections"][0]["says"]
    assert "weigh alike" in says[0]
    assert "权重相同" in says[1]
    assert str(tmp_path) not in says[0]
    ranked = mw.fit(str(tmp_path / "photos"), lpips=vgg, metric="lpips", gate="lpips<=5", **told)
    board = [r["value"] for r in ranked.facts["leaderboard"] if r["status"] == "ok"]
    assert board == sorted(board), "less is better"
    without = mw.fit(str(tmp_path / "photos"), **told)
    assert all(m["name"] != "lpips" for m in without.facts["metrics"])
    assert "LPIPS is left out" in without.facts["sections"][0]["says"][0]


def test_refused(vgg, tmp_path):
    from modelwright.models.restore.lpips import lpips_of

    told = {"task": "image-to-image", "degrade": "bicubic x2"}
    folder_of(tmp_path / "photos", 4)
    with pytest.raises(OptionError, match="name one with --lpips"):
        mw.fit(str(tmp_path / "photos"), gate="lpips<=0.2", **told)
    with pytest.raises(OptionError, match="no folder"):
        mw.fit(str(tmp_path / "photos"), lpips=str(tmp_path / "none"), **told)
    folder, _ = weighed(vgg, tmp_path / "few", lambda w: w.pop("lin4.model.1.weight"))
    with pytest.raises(
        OptionError, match=r"weighs \[64, 128, 256, 512, 0\] channels; expected \[64, 128, 256, 512, 512\]"
    ):
        lpips_of(folder)
    folder, _ = weighed(vgg, tmp_path / "negative", lambda w: w["lin0.model.1.weight"].neg_())
    with pytest.raises(OptionError, match="none of them below 0"):
        lpips_of(folder)
    folder, _ = weighed(vgg, tmp_path / "cut")
    (tmp_path / "cut" / "linear.safetensors").write_bytes(b"no")
    with pytest.raises(OptionError, match="cannot be read"):
        lpips_of(folder)


def test_rows_that_nobody_looked_at_count_for_nothing():
    from types import SimpleNamespace

    scores = np.array([{"figures": {"psnr": 30.0}}, {"figures": {"lpips": 0.3}}, None], object)[:, None]
    judged = SimpleNamespace(rows=np.arange(3), scores=scores)
    assert LPIPS(judged) == pytest.approx(0.65)
    assert np.isnan(LPIPS(SimpleNamespace(rows=np.arange(1), scores=scores[:1])))
