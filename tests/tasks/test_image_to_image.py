"""Pictures from pictures: a whole run, pairs of every shape, and what is set aside or refused, by file and row."""

import base64
import io

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

import modelwright as mw
from modelwright.core.config import make_config
from modelwright.core.errors import ColumnError, DataError, ModelwrightError, OptionError
from modelwright.core.events import EventStream
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.pipeline.intake import get_data
from modelwright.recipes.pictures._pictures import Geometry
from modelwright.testing import context
from pictures_made import folder_of, picture, png

TASK = get_task("image-to-image")


def data_of(source, **options):
    said = []
    events = EventStream()
    events.listen(lambda e: said.append(e.words.en) if hasattr(e, "words") else None)
    config = make_config(data=str(source), task="image-to-image", **options)
    return get_data(config, source, events), " ".join(said)


def test_a_run_from_a_folder_of_good_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "photos", 12)
    run = mw.fit(
        str(tmp_path / "photos"),
        task="image-to-image",
        degrade="bicubic x2",
        budget="20s",
        recipes=["bicubic", "lanczos"],
    )
    board = {r["name"]: r["value"] for r in run.facts["leaderboard"] if r["status"] == "ok"}
    assert min(board["lanczos"], board["bicubic"]) > 20
    assert board["lanczos"] != board["bicubic"]
    section = run.facts["sections"][0]
    assert section["private"]
    assert section["pictures"][0]["before"].startswith("data:image/jpeg;base64,")
    for kind in ("before", "after", "wanted"):  # pictures of 56 x 48 are shown as large as can be looked at
        shown = base64.b64decode(section["pictures"][0][kind].split(",")[1])
        assert Image.open(io.BytesIO(shown)).size == (5 * 56, 5 * 48)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert page.count('class="slide"') == len(section["pictures"])
    answer = run.predict({"picture": str(tmp_path / "photos" / "p00.png")})[0]["prediction"]
    assert answer["type"] == "image/png"
    bundle = run.folder / "bundle"
    assert not [p for p in bundle.rglob("*") if p.suffix == ".png"], "a bundle holds no picture"


def test_scale_and_channels_are_found(tmp_path):
    good = folder_of(tmp_path / "good", 4, 40, 48)
    data, _ = data_of(good, degrade="bicubic x4")
    assert data.table.schema.inputs[0].options["scale"] == 4
    data, _ = data_of(good, degrade="grey")
    assert data.table.schema.inputs[0].options["channels"] == [1, 3]
    assert data.metric.name == "psnr_colour"
    cell = data.table.column("picture")[0].as_py()
    assert cell["bytes"] is None, "nothing is held that can be read"


def test_pairs_of_unlike_size_are_set_aside_by_row_and_file(tmp_path):
    for i in range(6):
        small, large = picture(i, 20, 24), picture(i, 40, 48)
        for side, pixels in (("low", small), ("high", large if i != 4 else large[:39])):
            (tmp_path / side).mkdir(exist_ok=True)
            (tmp_path / side / f"p{i}.png").write_bytes(png(pixels))
    data, said = data_of(tmp_path)
    assert len(data.table) == 5
    assert "row 5 (p4.png): 24 x 20 -> 48 x 39" in said
    assert data.table.rows.tolist() == [1, 2, 3, 4, 6]
    for i in range(6):
        (tmp_path / "high" / f"p{i}.png").write_bytes(png(picture(i, 30, 31)))
    with pytest.raises(DataError, match="24 x 20 -> 31 x 30"):
        data_of(tmp_path)


def test_test_pairs_of_another_scale_than_training_are_refused_before_anything_is_tried(tmp_path):
    good = folder_of(tmp_path / "good", 4, 40, 48)
    for i in range(3):
        for side, pixels in (("low", picture(i, 20, 24)), ("high", picture(i, 60, 72))):
            (tmp_path / "pairs" / side).mkdir(parents=True, exist_ok=True)
            (tmp_path / "pairs" / side / f"p{i}.png").write_bytes(png(pixels))
    with pytest.raises(
        DataError, match=r"must be 2 times as large.*row 1 \(p0.png\): 24 x 20 -> 72 x 60.*--degrade"
    ) as e:
        data_of(good, degrade="bicubic x2", test=str(tmp_path / "pairs"))
    assert "2 倍" in e.value.words.zh
    with pytest.raises(DataError, match="must be of the given one's size"):
        data_of(good, degrade="noise 25", test=str(tmp_path / "pairs"))
    data, _ = data_of(good, degrade="bicubic x3", test=str(tmp_path / "pairs"))
    assert len(data.test) == 3


def test_test_pictures_that_are_trained_on_are_told(tmp_path):
    photos = str(folder_of(tmp_path / "photos", 12))
    test = folder_of(tmp_path / "test", 2)
    (test / "own.png").write_bytes(png(picture(50)))
    config = make_config(data=photos, task="image-to-image", degrade="bicubic x2", test=str(test))
    found = get_data(config, photos, EventStream()).findings
    assert [f.words.en for f in found if f.code == "test-overlap"] == ["2 test pictures (66.7 %) are trained on too."]
    for old in test.glob("p*.png"):
        old.unlink()
    assert not [f for f in get_data(config, photos, EventStream()).findings if f.code == "test-overlap"]


def test_a_test_table_of_other_columns_says_which_it_has(tmp_path):
    photos = str(folder_of(tmp_path / "photos", 12))
    (tmp_path / "test.csv").write_text("low,high\na.png,b.png\n")
    config = make_config(data=photos, task="image-to-image", degrade="bicubic x2", test=str(tmp_path / "test.csv"))
    with pytest.raises(ColumnError, match=r"misses the columns good of the training data; it has low, high\."):
        get_data(config, photos, EventStream())


def test_too_small_moving_deep_and_print_colours(tmp_path):
    good = folder_of(tmp_path / "good", 3, 40, 48)
    (good / "tiny.png").write_bytes(png(picture(0, 12, 12)))
    frames = [Image.fromarray(picture(i, 40, 48)) for i in range(3)]
    frames[0].save(good / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(picture(7, 40, 48)).convert("CMYK").save(good / "print.jpg", quality=95)
    deep = picture(8, 40, 48, 1)[:, :, 0].astype(np.uint16) * 257
    Image.fromarray(deep).save(good / "deep.png")
    (good / "cut.png").write_bytes(png(picture(9))[:200])
    data, said = data_of(good, degrade="bicubic x2")
    assert "tiny.png" in said
    assert "moving.gif" in said
    assert len(data.table) == 6
    assert data.table.schema.inputs[0].options["channels"] == [3, 3]
    recipe = get_recipe("bicubic")
    model = recipe.fit(
        data.table,
        None,
        recipe.options(),
        context(TASK, TASK.fit_target(data.table.column("good"), data.table.schema["good"])),
    )
    found = [s["figures"]["psnr"] for s in model.judge(data.table)[:, 0]]
    assert min(found) > 20


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, OptionError, "--degrade"),
        ({"degrade": "sepia"}, OptionError, "sepia"),
        ({"degrade": "bicubic x8"}, DataError, "8 pixels"),
        ({"degrade": "blur 1", "target": "nothing"}, ModelwrightError, "nothing"),
    ],
)
def test_refused(tmp_path, options, error, says):
    good = folder_of(tmp_path / "good", 3, 40, 48)
    with pytest.raises(error, match=says):
        data_of(good, **options)


def test_columns_of_a_table():
    rows = {
        "id": [1, 2, 3],
        "worse": [png(picture(i)) for i in range(3)],
        "better": [png(picture(i)) for i in range(3)],
    }
    data, _ = data_of(pa.table(rows), target="better")
    assert [c.name for c in data.table.schema.inputs] == ["worse"]
    with pytest.raises(OptionError, match="leave --degrade out"):
        data_of(pa.table(rows), target="better", degrade="blur 2")
    with pytest.raises(OptionError, match="several columns of pictures"):
        data_of(pa.table({**rows, "third": rows["worse"]}), target="better")
    with pytest.raises(ColumnError, match="id"):
        data_of(pa.table({"id": ["a b", "b c", "c d"], "worse": rows["worse"]}), target="id", column={"id": "text"})


def test_a_network_learns_what_noise_is(tmp_path):
    good = folder_of(tmp_path / "good", 8)
    data, _ = data_of(good, degrade="noise 30")
    target = TASK.fit_target(data.table.column("good"), data.table.schema["good"])
    ctx = context(TASK, target)
    recipe = get_recipe("edsr")
    options = recipe.options(width=16, blocks=1, patch=24, batch=8, epochs=1, lr=3e-3)
    train, held = data.table.take(np.arange(6)), data.table.take(np.arange(6, 8))
    model = recipe.fit(train, held, options, ctx)
    came = get_recipe("bicubic").fit(train, held, get_recipe("bicubic").options(), ctx)
    assert ctx.value(held, model.judge(held)) > ctx.value(held, came.judge(held)) + 3
    model.save(tmp_path)
    again = type(model).load(tmp_path, target)
    assert np.array_equal(again.made(picture(1)), model.made(picture(1)))


def test_a_unet_does_more_than_blur():
    """Within a few steps it keeps edges under noise, which the best linear filter cannot: a network whose activations are nearly lines
    stays there."""
    from scipy.ndimage import gaussian_filter

    from modelwright.train.optim import make_optimizers, schedule

    recipe = get_recipe("unet")
    options = recipe.options(width=12, blocks=1)
    torch.manual_seed(0)
    network = recipe.network(Geometry(1, 1, 1), options)
    rng = np.random.default_rng(0)

    def shapes(count):
        """Return pictures [N, 1, 32, 32] in 0..1 of three flat squares each, and the same under noise of 25."""
        clean = np.empty((count, 1, 32, 32), np.float32)
        for c in clean[:, 0]:
            c[:] = rng.random()
            for _ in range(3):
                top, left = rng.integers(0, 24, 2)
                c[top : top + 12, left : left + 12] = rng.random()
        return clean, np.clip(clean + rng.normal(0, 25 / 255, clean.shape), 0, 1).astype(np.float32)

    optimizers = make_optimizers(network, options.lr, 0.0, options.optimizer)
    for step in range(60):
        clean, noisy = (torch.from_numpy(p) for p in shapes(16))
        for o in optimizers:
            for group in o.param_groups:
                group["lr"] = group["base"] * schedule(step / 60)
            o.zero_grad()
        (network(noisy) - clean).abs().mean().backward()
        for o in optimizers:
            o.step()
    clean, noisy = shapes(40)
    with torch.inference_mode():
        error = float(((network(torch.from_numpy(noisy)).numpy() - clean) ** 2).mean())
    blurred = min(float(((gaussian_filter(noisy, (0, 0, s, s)) - clean) ** 2).mean()) for s in (0.5, 0.7, 0.9, 1.1))
    assert error < 0.6 * blurred


def test_how_loud_ends_of_a_network_are_is_learnt():
    """Muon keeps filters at unit length: the first, which sees pixels, and the last, which says how large a correction is, are AdamW's."""
    from modelwright.train.muon import Muon
    from modelwright.train.optim import make_optimizers

    recipe = get_recipe("unet")
    network = recipe.network(Geometry(1, 1, 1), recipe.options())
    made = make_optimizers(network, 1e-3, 0.0, recipe.options().optimizer)
    filters = {id(p) for o in made if isinstance(o, Muon) for g in o.param_groups for p in g["params"]}
    assert len(filters) > 20
    assert not {id(network.first.weight), id(network.head[0].weight)} & filters


def test_colour_keeps_its_chroma_when_luma_alone_is_seen():
    recipe = get_recipe("edsr")
    options = recipe.options(width=4, blocks=1)
    geometry = Geometry(2, 3, 3)
    model = recipe.model(recipe.network(geometry, options), geometry, options)
    assert model.on_luma
    pixels = picture(3, 30, 40)
    cubic = get_recipe("bicubic").model(geometry, {}).made(pixels)
    # untrained, the network adds nothing: what comes is the cubic, through luma and chroma
    assert np.abs(model.made(pixels).astype(int) - cubic).max() <= 2


def test_a_picture_that_cannot_be_read_is_named_as_such(tmp_path):
    good = folder_of(tmp_path / "good", 3, 40, 48)
    (good / "cut.png").write_bytes(png(picture(9))[:200])
    said = []
    events = EventStream()
    events.listen(lambda e: said.append(e.words) if hasattr(e, "words") else None)
    data = get_data(make_config(data=str(good), task="image-to-image", degrade="noise 25"), str(good), events)
    assert len(data.table) == 3
    words = next(w for w in said if "left out" in w.en)
    assert words.en.startswith("1 pair is left out, since one of the two cannot be had: row 1")
    assert "第 1 行" in words.zh
    assert "times as large" not in words.en
