"""Pictures of nothing, of a label, of words: how they are asked for, judged in sets, marked, and refused."""

import base64

import numpy as np
import pytest
import torch

from modelwright.core.config import make_config
from modelwright.core.errors import DataError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Table
from modelwright.core.task import get_task
from modelwright.data.centre_crop import squared
from modelwright.data.kinds.image import decode
from modelwright.data.provenance import mark_of
from modelwright.evaluate.metrics import generated
from modelwright.models.generate.dit import DiT
from modelwright.models.generate.flow import Begun, FlowNet, Labels, Words, sampled
from modelwright.pipeline.intake import get_data
from modelwright.recipes.generate._begin import Beginning
from modelwright.recipes.generate._conditions import Asked, words_of
from modelwright.testing import context, sample_table
from pictures_made import folder_of, picture, png

TASK = get_task("unconditional-image-generation")


def fit(name, task=TASK, rows=40, seconds=60.0, **options):
    table, target = sample_table(task, rows)
    recipe = get_recipe(name)
    ctx = context(task, target, seconds=seconds)
    ctx.cache |= CACHE.get(task.name, {})
    model = recipe.fit(table, None, recipe.options(**options), ctx)
    CACHE[task.name] = {k: v for k, v in ctx.cache.items() if k[0] == "generated-features"}
    return model, table, target


CACHE: dict = {}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Learn for moments only."""
    from modelwright.recipes.generate import _features, _flow, _generate

    monkeypatch.setattr(_features, "_FEATURE_STEPS", 40)
    monkeypatch.setattr(_generate, "_TESTED", 16)
    monkeypatch.setattr(_flow, "_STEPS", 40)


def rows_like(real, made, **more):
    return [{"real": list(a), "made": list(b), **more} for a, b in zip(real, made, strict=True)]


def test_figures_of_sets():
    rng = np.random.default_rng(0)
    real, same, other = rng.normal(0, 1, (200, 4)), rng.normal(0, 1, (200, 4)), rng.normal(2, 1, (200, 4))
    assert abs(generated.kid(rows_like(real, same))) < 0.1 < generated.kid(rows_like(real, other))
    # two Gaussians of unit variance whose means are (2, 2, 2, 2) apart: 16
    assert generated.fid(rows_like(real, other)) == pytest.approx(16, rel=0.1)
    assert generated.fid(rows_like(real, same)) < 0.3
    assert generated.precision(rows_like(real, same)) > 0.8 > 0.4 > generated.precision(rows_like(real, other))
    one = np.repeat(real[:1], 200, axis=0)  # a single good picture: precise, but covers nothing
    assert generated.precision(rows_like(real, one)) == 1.0
    assert generated.recall(rows_like(real, one)) < 0.1


def test_copies_are_told():
    assert generated.copied([{"near": 0.0, "near_real": 1.0}] * 5) == 1.0
    assert generated.copied([{"near": 1.0, "near_real": 1.0}] * 5) == 0.5
    assert np.isnan(generated.copied([{}]))
    assert generated.agreement([{"agrees": True}, {"agrees": False}, {"agrees": None}]) == 0.5


def test_the_gaussian_knows_its_labels_and_marks_its_pictures(tmp_path):
    model, table, target = fit("image-gaussian")
    figures = [s["figures"] for s in model.judge(table)[:, 0]]
    assert generated.agreement(figures) > 0.65  # guessing is right for half; the judge learns for moments only
    assert 0.0 <= generated.copied(figures) <= 1.0
    answer = model.scores(table.take(np.arange(1)))[0, 0]
    data = base64.b64decode(answer["data"])
    mark = mark_of(data)
    assert mark["recipe"] == "image-gaussian"
    assert mark["digital_source_type"].endswith("trainedAlgorithmicMedia")
    assert decode({"path": None, "bytes": data, "digest": "", "how": None}).shape == (16, 16, 1)
    assert mark_of(png(picture(0))) is None
    model.save(tmp_path)
    again = type(model).load(tmp_path, target)
    assert again.scores(table.take(np.arange(1)))[0, 0] == answer


def test_many_rows_are_judged_by_some(monkeypatch):
    from modelwright.recipes.generate import _generate

    monkeypatch.setattr(_generate, "_JUDGED", 10)
    model, table, _ = fit("image-gaussian")
    figures = [s["figures"] for s in model.judge(table)[:, 0]]
    assert sum(bool(f) for f in figures) == 10
    assert figures[0]
    assert figures[-1]
    assert np.isfinite([generated.kid(figures), generated.fid(figures), generated.copied(figures)]).all()


def test_seeds_give_the_same_picture_again():
    import pyarrow as pa

    model, table, _ = fit("image-gaussian")
    some = table.take(np.zeros(3, np.int64))
    asked = Table(some.data.append_column("seed", pa.array([7.0, 7.0, 8.0])), some.schema, np.arange(3))
    a, b, c = (s["data"] for s in model.scores(asked)[:, 0])
    assert a == b != c


def test_flow_leads_from_noise_to_pictures_and_few_steps_suffice():
    model, _, _ = fit("image-flow", width=16, epochs=1, batch=16, distil=True, pairs=64, ema=0.0, lr=3e-3)
    made = model.drawn(np.array([1, 2]), [1, 2], 6, None)
    assert made.shape == (2, 1, 16, 16)
    bars = (made > 128).mean()
    assert 0.02 < bars < 0.5, "about a seventh of the pixels are bright in bars"
    few = model.drawn(np.array([1, 2]), [1, 2], 4, None)
    assert not np.array_equal(few, made)
    many = model.drawn(np.array([1, 2]), [1, 2], 40, None).astype(float)
    assert abs(few - many).mean() < 16, "the second network goes the ways of the first"
    assert np.array_equal(few, model.drawn(np.array([1, 2]), [1, 2], 4, None))


def test_sampling_follows_a_field_that_is_known():
    class Toward(torch.nn.Module):
        def forward(self, batch):
            x, time, _ = batch
            return (0.5 - x) / (1 - time).clamp(min=1e-3)[:, None, None, None]

    for steps in (1, 4, 20):
        found = sampled(Toward(), torch.randn(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64), steps, 1.0)
        assert torch.allclose(found, torch.full_like(found, 0.5), atol=1e-3)


def test_a_field_that_is_known_leaves_what_stays():
    class Toward(torch.nn.Module):
        def forward(self, batch):
            x, time, _ = batch
            return (0.5 - x) / (1 - time).clamp(min=1e-3)[:, None, None, None]

    wanted, new = torch.full((1, 1, 4, 4), -0.25), torch.zeros(1, 1, 4, 4)
    new[..., :2] = 1
    begun = Begun(wanted, new, 0.0, lambda: torch.randn(1, 1, 4, 4))
    for steps in (4, 20):
        found = sampled(Toward(), torch.randn(1, 1, 4, 4), torch.zeros(1, dtype=torch.int64), steps, 1.0, begun)
        assert torch.allclose(found[..., 2:], wanted[..., 2:], atol=1e-5)
        assert torch.allclose(found[..., :2], torch.full((1, 1, 4, 2), 0.5), atol=1e-3)

    class Still(torch.nn.Module):
        def forward(self, batch):
            return torch.zeros_like(batch[0])

    noise = torch.randn(1, 1, 4, 4).clamp(-1, 1)
    varied = Begun(wanted, torch.ones_like(new), 0.75, lambda: noise)
    found = sampled(Still(), noise, torch.zeros(1, dtype=torch.int64), 4, 1.0, varied)
    assert torch.allclose(found, 0.25 * noise + 0.75 * wanted, atol=1e-6), "a quarter of the way was left to go"


@pytest.fixture(scope="module")
def flowing(tmp_path_factory):
    """A predictor with a flow that learnt for a moment."""
    from modelwright.release.bundle import Predictor

    with pytest.MonkeyPatch.context() as patch:
        from modelwright.recipes.generate import _features, _flow, _generate

        for where, name in ((_features, "_FEATURE_STEPS"), (_generate, "_TESTED"), (_flow, "_STEPS")):
            patch.setattr(where, name, 16)
        model, table, target = fit("image-flow", width=16, epochs=1, batch=16, ema=0.0)
    return Predictor(TASK, TASK.served(table.schema), target, [(1.0, model)], name="bars")


def url(pixels):
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def pixels_of(answer):
    data = base64.b64decode(answer["prediction"]["data"])
    return decode({"path": None, "bytes": data, "digest": "", "how": None}), mark_of(data)


def test_a_picture_with_a_mask_is_answered_with_a_picture(flowing):
    from starlette.testclient import TestClient

    from modelwright.serve.app import create_app
    from modelwright.serve.keys import KeyRing

    given, mask = picture(4, 32, 40, 1), np.zeros((32, 40, 1), np.uint8)
    mask[:, :20] = 255  # the left half, of which the middle square keeps columns 4 to 36
    row = {"label": "a bar that lies", "seed": 3, "init_image": url(given), "mask_image": url(mask)}
    with TestClient(
        create_app(flowing, keys=KeyRing.of({"test": "k"})), headers={"Authorization": "Bearer k"}
    ) as client:
        made, mark = pixels_of(client.post("/predict", json=row).json())
        kept = squared(given, 16, 1)[0]
        assert np.array_equal(made[:, 8:, 0], kept[:, 8:]), "what the mask leaves black stays as it is"
        assert not np.array_equal(made[:, :8, 0], kept[:, :8])
        assert mark["begun_with"] == "picture and mask"
        assert mark["digital_source_type"].endswith("compositeWithTrainedAlgorithmicMedia")
        again = client.post("/predict", json=row, headers={"Accept": "image/png"})
        assert again.headers["content-type"] == "image/png"
        assert np.array_equal(pixels_of({"prediction": {"data": base64.b64encode(again.content)}})[0], made)
        near, far = (
            pixels_of(
                client.post(
                    "/predict", json={**row, "mask_image": None, "init_image": url(given), "strength": s}
                ).json()
            )[0].astype(int)
            for s in (0.05, 1.0)
        )
        assert np.abs(near[:, :, 0] - kept).mean() < 25 < np.abs(far[:, :, 0] - kept).mean()
        for wrong, says in (
            ({"mask_image": url(mask[:30])}, "40 x 32, received 40 x 30"),
            ({"mask_image": url(np.zeros_like(mask))}, "white nowhere"),
            ({"init_image": None}, "no init_image"),
            ({"strength": 2}, "strength"),
        ):
            reply = client.post("/predict", json={**row, **wrong})
            assert reply.status_code == 422, says
            assert says in reply.text


def test_variations_of_files(flowing, tmp_path):
    import pyarrow.csv

    from modelwright.release.bundle import save
    from modelwright.release.predict_file import predict_file

    (tmp_path / "given.png").write_bytes(png(picture(4, 32, 32, 1)))
    (tmp_path / "asked.csv").write_text("label,init_image,seed\na bar that lies,given.png,1\na bar that stands,,2\n")
    save(flowing, tmp_path / "bundle")
    predict_file(str(tmp_path / "bundle"), str(tmp_path / "asked.csv"), tmp_path / "made.csv")
    made = pyarrow.csv.read_csv(tmp_path / "made.csv").to_pylist()
    marks = [mark_of((tmp_path / row["prediction"]).read_bytes()) for row in made]
    assert [m.get("begun_with") for m in marks] == ["picture", None]


def test_a_transformer_over_patches_learns_and_is_saved(tmp_path):
    model, _, target = fit("image-dit", width=32, depth=2, patch=2, epochs=1, batch=16, ema=0.0, lr=3e-3)
    made = model.drawn(np.array([1, 2]), [1, 2], 6, None)
    assert made.shape == (2, 1, 16, 16)
    assert (made > 128).mean() < 0.5, "a seventh of the pixels are bright in bars"
    model.save(tmp_path)
    again = type(model).load(tmp_path, target)
    assert np.array_equal(again.drawn(np.array([1, 2]), [1, 2], 6, None), made)


def test_patches_know_their_places():
    torch.manual_seed(0)
    network = DiT(1, 32, 1, 4, Labels(2, 32))
    batch = torch.zeros(1, 1, 16, 16), torch.tensor([0.3]), torch.tensor([1])
    assert not network(batch).any(), "it begins as nothing"
    torch.nn.init.normal_(network.last.weight)
    made = network(batch).detach().unfold(2, 4, 4).unfold(3, 4, 4).reshape(16, 16)  # one row a patch
    assert len(np.unique(made.numpy().round(4), axis=0)) == 16
    x = torch.randn(1, 1, 16, 16)
    moved = network((x, *batch[1:])) - network((torch.zeros_like(x), *batch[1:]))
    assert moved.abs().min() > 0, "each place answers for its own pixels"


def test_pictures_are_made_of_codes(tmp_path):
    model, table, target = fit(
        "image-latent", side=64, width=16, coder=16, coder_epochs=2, coder_batch=8, epochs=1, batch=8, ema=0.0
    )
    assert model.noise_shape == (4, 8, 8)
    given = np.stack([squared(decode(table.column("picture")[i].as_py()), 64, 1) for i in range(4)])
    codes = model.into(given)
    assert tuple(codes.shape) == (4, 4, 8, 8)
    assert 0.5 < float(codes.std()) < 2
    back = model.out_of(codes).astype(float)
    assert np.abs(back - given).mean() < 0.5 * np.abs(given - given.mean()).mean(), "what was read is nearer than grey"
    new = np.zeros((4, 64, 64), bool)
    new[:, :, :32] = True
    made = model.redrawn(np.array([1, 1, 2, 2]), [1, 2, 3, 4], 4, None, Beginning(given, new, 1.0))
    assert np.array_equal(made[:, :, :, 32:], given[:, :, :, 32:])
    assert not np.array_equal(made[:, :, :, :32], given[:, :, :, :32])
    model.save(tmp_path)
    again = type(model).load(tmp_path, target)
    assert np.array_equal(again.drawn(np.array([1]), [1], 4, None), model.drawn(np.array([1]), [1], 4, None))


def test_codes_are_for_large_pictures():
    table, target = sample_table(TASK, 20)
    recipe = get_recipe("image-latent")
    assert "--resolution 128" in recipe.refuses(table.schema, target, 20).en
    wide = table.schema.with_column("picture", options={"side": 132, "few_steps": True})
    assert recipe.refuses(wide, target, 20) is None
    (options,) = recipe.variants(wide, target, 20)
    assert (options.side, options.distil) == (128, True)


def test_models_that_cannot_begin_with_a_picture_say_so():
    model, table, _ = fit("image-gaussian")
    cell = table.column("picture")[0].as_py()
    asked = Table(table.take(np.arange(1)).data.append_column("init_image", [[cell]]), table.schema, np.arange(1))
    with pytest.raises(DataError, match="image-gaussian"):
        model.scores(asked)


def test_guidance_asks_with_and_without_the_condition():
    class Says(torch.nn.Module):
        def forward(self, batch):
            x, _, asked = batch
            return torch.zeros_like(x) + 0.1 * asked[:, None, None, None]

    start = torch.zeros(1, 1, 2, 2)
    found = sampled(Says(), start, torch.tensor([3]), 2, 2.0)
    assert torch.allclose(found, torch.full_like(found, 0.6))
    assert torch.allclose(sampled(Says(), start, torch.tensor([3]), 2, 1.0), torch.full_like(found, 0.3))


def test_networks_take_labels_and_words():
    x, time = torch.randn(2, 1, 16, 16), torch.tensor([0.1, 0.9])
    for condition, asked in (
        (Labels(3, 64), torch.tensor([0, 3])),
        (Words(9, 64), torch.tensor([[1, 2, 0], [0, 0, 0]])),
    ):
        assert FlowNet(1, 16, condition)((x, time, asked)).shape == x.shape


def test_pixels_that_are_folded_stay_in_their_places():
    network = FlowNet(1, 16, Labels(3, 64), fold=2)
    with torch.no_grad():  # the answer of one place is the bias of its pixel
        network.last.bias.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    made = network((torch.randn(1, 1, 20, 20), torch.tensor([0.5]), torch.tensor([1])))
    assert made[0, 0, 4:6, 6:8].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_what_a_run_asks_of_its_pictures_reaches_the_recipes(tmp_path):
    folder_of(tmp_path / "plain", 16, 40, 40)
    config = make_config(data="x", task="unconditional-image-generation", resolution=24, few_steps=True)
    table = get_data(config, str(tmp_path / "plain"), EventStream()).table
    target = TASK.fit_target(table.column("picture"), table.schema["picture"])
    (options,) = get_recipe("image-flow").variants(table.schema, target, len(table))
    assert (options.side, options.distil) == (24, True)
    (options,) = get_recipe("image-gaussian").variants(table.schema, target, len(table))
    assert options.side == 24


def test_captions_become_words():
    assert words_of("A bar, 横条!") == ["a", "bar", "横", "条"]
    asked = Asked("caption", words=("bar", "a"))
    assert asked.encode(["a BAR stands", None])[:, :3].tolist() == [[2, 1, 0], [0, 0, 0]]
    labels = Asked("label", labels=("x", "y"))
    assert labels.encode(["y", None, "never"]).tolist() == [2, 0, 0]


def test_folders_and_what_is_refused(tmp_path):
    for name in ("cats", "dogs"):
        folder_of(tmp_path / "animals" / name, 10, 20, 20)
    config = make_config(data="x", task="unconditional-image-generation")
    data = get_data(config, str(tmp_path / "animals"), EventStream())
    assert [c.name for c in data.table.schema.inputs] == ["label"]
    with pytest.raises(DataError, match="holds 3 pictures"):
        get_data(config, str(folder_of(tmp_path / "three", 3)), EventStream())
    plain = get_data(config, str(folder_of(tmp_path / "plain", 16, 20, 20)), EventStream())
    assert plain.table.schema.inputs == []
    with pytest.raises(OptionError, match="captions"):
        get_data(make_config(data="x", task="text-to-image"), str(tmp_path / "plain"), EventStream())


def test_pictures_without_captions_are_named_and_none_at_all_is_refused(tmp_path):
    folder_of(tmp_path / "photos", 20, 24, 24)
    rows = [f"photos/p{i:02}.png,{'' if i in (2, 7) else 'a wave of colour'}" for i in range(20)]
    (tmp_path / "some.csv").write_text("\n".join(["picture,caption", *rows]))
    said: list[str] = []
    events = EventStream()
    events.listen(lambda e: said.append(e.words.en) if hasattr(e, "words") else None)
    options = {"task": "text-to-image", "target": "picture", "column": {"caption": "text"}}
    get_data(make_config(data=str(tmp_path / "some.csv"), **options), str(tmp_path / "some.csv"), events)
    assert "2 of 20 pictures have no text: row 3 (p02.png), row 8 (p07.png); they are learnt" in " ".join(said)
    bare = [row.partition(",")[0] + "," for row in rows]
    (tmp_path / "none.csv").write_text("\n".join(["picture,caption", *bare]))
    with pytest.raises(OptionError, match="captions"):
        get_data(make_config(data=str(tmp_path / "none.csv"), **options), str(tmp_path / "none.csv"), events)


def test_a_whole_run_with_labels_and_one_without(tmp_path, monkeypatch):
    import modelwright as mw

    monkeypatch.chdir(tmp_path)
    raw, _ = TASK.sample(60, 0)
    for i, (data, label) in enumerate(
        zip(raw.column("picture").to_pylist(), raw.column("label").to_pylist(), strict=True)
    ):
        (tmp_path / "bars" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "bars" / label / f"{i}.png").write_bytes(data)
    options = {
        "task": "unconditional-image-generation",
        "budget": "40s",
        "recipes": ["image-mean", "image-gaussian"],
        "search": "none",
    }
    run = mw.fit(str(tmp_path / "bars"), **options)
    found = {m["name"]: m["value"] for m in run.facts["metrics"]}
    assert found["agreement"] > 0.6
    assert set(run.facts["winner"]) == {"image-gaussian"}
    section = run.facts["sections"][0]
    assert section["private"]
    assert section["pictures"][0]["wanted"].startswith("data:image/jpeg")
    label = raw.column("label")[0].as_py()
    one, again = (run.predict({"label": label, "seed": 5})[0]["prediction"] for _ in range(2))
    assert one == again
    assert mark_of(base64.b64decode(one["data"]))["seed"] == 5
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert 'class="beside"' in page
    assert "trainedAlgorithmicMedia" not in page or "carries a mark" in page


def test_pictures_without_labels_are_answered_as_rows_of_nothing(tmp_path):
    from modelwright.core.schema import Schema
    from modelwright.tune.timing import answer_time, as_sent

    folder_of(tmp_path / "plain", 20, 16, 16)
    config = make_config(data=str(tmp_path / "plain"), task=TASK.name, resolution=8)
    table = get_data(config, str(tmp_path / "plain"), EventStream()).table
    assert as_sent(table, Schema(tuple(table.schema.inputs))) == [{}] * len(table)
    target = TASK.fit_target(table.column("picture"), table.schema["picture"])
    recipe = get_recipe("image-gaussian")
    model = recipe.fit(table, None, recipe.options(), context(TASK, target))
    assert answer_time([model], table, target).one > 0


def test_labels_do_not_decide_which_side_a_picture_is_on():
    table, _ = sample_table(TASK, 40)
    units = TASK.units(table)
    assert len(set(units.tolist())) > 10, "by pictures, not by the two labels"
