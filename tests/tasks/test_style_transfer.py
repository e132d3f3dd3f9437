"""Style transfer: styles by name and mixed, strength and colours kept, both losses fall, and no picture is left in the bundle."""

import numpy as np
import pytest
import torch
from PIL import Image

from modelwright.core.bases import BaseModels
from modelwright.core.config import make_config
from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data.colour import to_ycbcr
from modelwright.pipeline.intake import get_data
from modelwright.recipes.style._style import mixed
from modelwright.testing import context
from pictures_made import deep_png, folder_of, picture, png, tiny_vgg

TASK = get_task("style-transfer")


def stripes(height=64, width=64):
    y, x = np.mgrid[:height, :width]
    return np.stack([np.where((x + y) % 12 < 6, a, b) for a, b in ((250, 20), (40, 200), (10, 90))], 2).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    place = tmp_path_factory.mktemp("style")
    folder_of(place / "photos", 4)
    (place / "styles").mkdir()
    (place / "styles" / "stripes.png").write_bytes(png(stripes()))
    (place / "styles" / "ink.png").write_bytes(png(np.repeat(picture(3, 64, 64, 1), 3, axis=2)))
    config = make_config(data=str(place / "photos"), task="style-transfer", style=[str(place / "styles")])
    return get_data(config, str(place / "photos"), EventStream())


@pytest.fixture(scope="module")
def fitted(data):
    """A model of each recipe, trained for a moment on the same features."""
    target = TASK.fit_target(data.table.column("good"), data.table.schema["good"])
    ctx, out = context(TASK, target), {}
    for name in ("style-none", "style-colour", "style-optimised"):
        recipe = get_recipe(name)
        out[name] = recipe.fit(
            data.table, None, recipe.options(**({"style": 3.0} if name == "style-optimised" else {})), ctx
        )
    return out, ctx, target


def test_what_is_missed_falls(data, fitted):
    models, ctx, _ = fitted
    found = {n: m.judge(data.table)[:, 0] for n, m in models.items()}
    mean = {
        n: {k: np.mean([s["figures"][k] for s in rows]) for k in ("style_left", "content_left")}
        for n, rows in found.items()
    }
    assert mean["style-none"] == {"style_left": pytest.approx(1.0), "content_left": 0.0}
    assert mean["style-colour"]["style_left"] != mean["style-none"]["style_left"]
    assert mean["style-optimised"]["style_left"] < 0.35
    assert mean["style-optimised"]["content_left"] < 0.9
    assert ctx.metric.name == "left"


def test_where_time_is_short_it_looks_less_often_and_says_so(data, fitted, monkeypatch):
    _, ctx, target = fitted
    recipe = get_recipe("style-optimised")
    monkeypatch.setattr("modelwright.recipes.style.style_optimised._painting", lambda *_: lambda plan: plan["fine"])
    said = []
    for seconds, fine in ((600.0, 48), (30.0, 24), (20.0, 16), (2.0, 8)):
        short = context(TASK, target, seconds=seconds, cache=ctx.cache, name="painter")
        short.events.listen(said.append)
        model = recipe.fit(data.table, None, recipe.options(), short)
        assert (model.options.fine, model.extent["fine"], len(said)) == (fine, fine, fine < 48)
        again = recipe.fit(
            data.table, None, recipe.options(), context(TASK, target, cache=ctx.cache, extent=model.extent)
        )
        assert again.options == model.options, "a refit looks as often"
        if said:
            assert f"painter: {fine} looks at a picture's own size in place of 48" in said.pop().words.en


def test_the_weight_is_set_for_each_picture(data, fitted):
    from modelwright.recipes.style.style_optimised import Optimised, OptimisedOptions, _Balance

    balance = _Balance(4.0, fixed=False)
    balance.set_by(0.5, 0.1)
    assert balance.weight > 4.0, "much of the style is missed"
    balance = _Balance(4.0, fixed=False)
    balance.set_by(0.02, 0.4)
    assert balance.weight < 4.0, "the content suffers"
    balance = _Balance(4.0, fixed=False)
    balance.set_by(0.05, 0.2)
    assert balance.weight == pytest.approx(4.0), (
        "where the style has fallen that far, a fifth of the content may be missed"
    )
    balance = _Balance(4.0, fixed=True)
    balance.set_by(0.5, 0.1)
    assert balance.weight == 4.0
    models, _, _ = fitted
    features, styles = models["style-optimised"].features, models["style-optimised"].styles
    pixels, shares = picture(5, 96, 128), {}
    for weight in (None, 0.02, 500.0):
        model = Optimised(features, styles, OptimisedOptions(style=weight, steps=60))
        missed = model._missed(pixels, model.painted(pixels, styles["stripes"], 1.0), styles["stripes"])
        shares[weight] = missed["style_left"], missed["content_left"]
    assert shares[500.0][0] < shares[None][0] < shares[0.02][0]
    assert shares[0.02][1] < shares[None][1] < shares[500.0][1]


def test_saved_models_paint_alike_and_hold_no_picture(fitted, tmp_path):
    models, _, target = fitted
    pixels = picture(9)
    for name in ("style-colour", "style-none"):
        (tmp_path / name).mkdir()
        models[name].save(tmp_path / name)
        again = type(models[name]).load(tmp_path / name, target)
        assert np.array_equal(again.of_row(pixels, "ink", 0.5, None), models[name].of_row(pixels, "ink", 0.5, None))
        assert {p.suffix for p in (tmp_path / name).iterdir()} == {".json", ".safetensors"}


@pytest.mark.parametrize("name", ["style-none", "style-colour", "style-optimised"])
@pytest.mark.parametrize("size", [(1, 1), (3, 90), (7, 5)])
def test_pictures_smaller_than_the_stride_of_the_features(name, size, fitted):
    model, pixels = fitted[0][name], picture(2, 90, 90)[: size[0], : size[1]]
    made = model.of_row(pixels, None, None, None)
    assert made.shape == pixels.shape
    assert np.isfinite(list(model._missed(pixels, made, model.styles["ink"]).values())).all()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return tiny_vgg(tmp_path_factory.mktemp("vgg"))


def test_a_pretrained_network_is_looked_through_as_well(data, network, tmp_path):
    target = TASK.fit_target(data.table.column("good"), data.table.schema["good"])
    recipe = get_recipe("style-optimised")
    recipe.bases = BaseModels(encoders={"image": (network,)})
    (options,) = recipe.variants(data.table.schema, target, len(data.table))
    assert options.pretrained == network
    ctx = context(TASK, target, seconds=6.0)
    model = recipe.fit(data.table, None, options.model_copy(update={"steps": 12}), ctx)
    stages = model.features.stages(torch.rand(1, 3, 48, 56))
    assert [tuple(s.shape[2:]) for s in stages] == [(48, 56), (24, 28), (12, 14), (6, 7)] * 2
    assert [min(s.shape[2:]) for s in model.features.stages(torch.rand(1, 3, 1, 1))][-1] >= 1
    # over the run's pictures no channel of the network stands for all the others
    deep = model.features.stages(torch.from_numpy(picture(1).transpose(2, 0, 1)[None]).float() / 255)[4:]
    assert all(0.2 < float(s.std()) < 3 for s in deep)
    figures = model.judge(data.table.take(np.arange(2)))[:, 0]
    assert all(s["figures"]["style_left"] < 1 for s in figures)
    model.save(tmp_path)
    again = type(model).load(tmp_path, target)
    assert np.array_equal(again.of_row(picture(2), "ink", 1.0, None), model.of_row(picture(2), "ink", 1.0, None))
    assert again.origins[0]["kind"] == "vgg"
    assert not [p for p in tmp_path.glob("*.json") if network in p.read_text()], "no path of this machine is kept"
    assert "know things" in TASK.told(again)[0][1][0]
    assert "nothing of objects" not in TASK.told(again)[0][1][0].replace("\n", " ")


def test_encoders_without_maps_are_refused(data, tmp_path, monkeypatch):
    from modelwright.core.pretrained import Found
    from modelwright.recipes.style import _style

    found = Found("some-vit", tmp_path, {"model_type": "vit"}, "image")
    monkeypatch.setattr("modelwright.core.pretrained.find", lambda name: found)
    target = TASK.fit_target(data.table.column("good"), data.table.schema["good"])
    with pytest.raises(OptionError, match="maps of several levels"):
        _style.fitted_features(data.table, context(TASK, target, seconds=6.0), "some-vit")


def test_strength_and_colours(fitted):
    model = fitted[0]["style-colour"]
    pixels = picture(5)
    assert np.abs(model.of_row(pixels, "stripes", 0.0, None).astype(int) - pixels).max() <= 1
    half, whole = (np.abs(model.of_row(pixels, "stripes", s, None).astype(int) - pixels).mean() for s in (0.5, 1.0))
    assert 0.3 * whole < half < 0.8 * whole
    kept = to_ycbcr(model.of_row(pixels, "ink", 1.0, True))
    assert np.abs(kept[:, :, 1:] - to_ycbcr(pixels)[:, :, 1:]).mean() < 3


def test_styles_are_mixed_by_their_shares():
    styles = {"a": {"x": torch.tensor([0.0])}, "b": {"x": torch.tensor([8.0])}}
    assert mixed(styles, None)["x"].item() == 0.0
    assert mixed(styles, "b")["x"].item() == 8.0
    assert mixed(styles, "a:1 + b:3")["x"].item() == 6.0
    with pytest.raises(DataError, match="c"):
        mixed(styles, "c")
    with pytest.raises(DataError, match="NAME:SHARE"):
        mixed(styles, "a:much")


def test_refused(tmp_path):
    photos = str(folder_of(tmp_path / "photos", 2))
    (tmp_path / "flat.png").write_bytes(png(np.full((20, 20, 3), 90, np.uint8)))

    def run(style):
        return get_data(make_config(data=photos, task="style-transfer", style=style), photos, EventStream())

    with pytest.raises(OptionError, match="--style"):
        run([])
    with pytest.raises(OptionError, match="nowhere"):
        run([str(tmp_path / "nowhere.jpg")])
    with pytest.raises(DataError, match=r"flat\.png is of one colour"):
        run([str(tmp_path / "flat.png")])
    waves = np.random.default_rng(0).integers(0, 1023, (20, 20, 3)).astype(np.uint16)
    (tmp_path / "deep.png").write_bytes(deep_png(waves))
    with pytest.raises(DataError, match=r"deep\.png holds colour of more than 8 bits.*stretch it"):
        run([str(tmp_path / "deep.png")])
    (tmp_path / "deep.png").write_bytes(deep_png(waves * 64))
    run([str(tmp_path / "deep.png")])
    Image.fromarray(waves[:, :, 0]).save(tmp_path / "grey.png")  # ten bits in a file of sixteen
    run([str(tmp_path / "grey.png")])


def test_rows_may_name_a_style():
    schema = TASK.served(TASK.typed(get_schema()))
    row = TASK.request(schema).model_validate({"picture": None, "style": "ink", "strength": 0.5, "keep_colour": True})
    assert row.model_dump()["style"] == "ink"
    with pytest.raises(ValueError, match="strength"):
        TASK.request(schema).model_validate({"strength": 3})


def get_schema():
    from modelwright.core.schema import Column, Schema

    return Schema((Column("picture", "image"), Column("good", "image", "target")))


def test_a_whole_run(tmp_path, monkeypatch):
    import modelwright as mw

    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "photos", 12, 40, 40)
    (tmp_path / "waves.png").write_bytes(png(stripes()))
    options = {"task": "style-transfer", "budget": "40s", "recipes": ["style-none", "style-colour"], "search": "none"}
    run = mw.fit(str(tmp_path / "photos"), style=["waves.png"], **options)
    assert {r["name"] for r in run.facts["leaderboard"] if r["status"] == "ok"} == {"style-none", "style-colour"}
    assert run.facts["sections"][0]["pictures"][0]["title"] == ["waves", "waves"]
    row = {"picture": str(tmp_path / "photos" / "p00.png"), "style": "waves", "strength": 0.5}
    assert run.predict(row)[0]["prediction"]["type"] == "image/png"
    assert str(tmp_path / "waves.png") not in (run.folder / "bundle" / "bundle.json").read_text(encoding="utf-8")


def test_products_of_channels_and_their_gradient():
    from modelwright.models.style.filters import gram

    x = torch.randn(2, 5, 7, 6, dtype=torch.double, requires_grad=True)
    flat = x.flatten(2)
    assert torch.allclose(gram(x), flat @ flat.transpose(1, 2) / 42)
    assert torch.autograd.gradcheck(gram, (x,))
