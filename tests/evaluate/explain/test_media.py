"""Heat maps lie where the answer lies; lenses hide what they say; nothing of a file's content stands in a text."""

import base64
import io
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from clock_made import stopped_clock
from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.answers.value import ValueCodec
from modelwright.core.registry import names_in
from modelwright.core.schema import MEDIA, Column, Schema, Table, arrow_type
from modelwright.data.kinds.base import media
from modelwright.data.kinds.image import decode
from modelwright.evaluate.explain._gradcam import heat as gradcam
from modelwright.evaluate.explain.lenses.base import LENSES, lens_of, shown
from modelwright.evaluate.explain.media import pictures, scaled, shares
from modelwright.evaluate.explain.rows import explain_row

TARGET = ClassesCodec(["dark", "bright"], [1, 1])


def png(pixels) -> bytes:
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


def spot(y, x, size=64, colour=(250, 250, 250)) -> bytes:
    """Grey with a bright square in one of 4 x 4 places."""
    pixels = np.full((size, size, 3), 90, np.uint8)
    step = size // 4
    pixels[y * step : (y + 1) * step, x * step : (x + 1) * step] = colour
    return png(pixels)


def one(cell, modality="image", **others):
    columns = [Column("it", modality), *(Column(n, "number") for n in others)]
    data = {"it": pa.array([cell], arrow_type(modality)), **{n: pa.array([v]) for n, v in others.items()}}
    return Table.of(pa.table(data), Schema(tuple(columns)))


def brightness(table):
    """Answers `bright` by the brightest place of the picture, and by the number beside it."""
    out = []
    for i in range(len(table)):
        cell = table.column("it")[i].as_py()
        high = (
            -2.0
            if cell is None
            else float(decode(cell, 32).mean(2).max() - 170) / 20 + float((decode(cell, 32).mean(2) > 170).mean())
        )
        if "n" in table.schema:
            high += (table.column("n")[i].as_py() or 0.0) * 0.5
        out.append(1 / (1 + np.exp(-high)))
    return np.stack([1 - np.array(out), np.array(out)], 1)


@pytest.mark.parametrize("place", [(0, 0), (1, 3), (3, 2)])
def test_hiding_finds_the_place(place):
    table = one(media(spot(*place), None), n=1.0)
    found = explain_row(brightness, table, table.schema, TARGET, seconds=5.0)
    told = {a.column: a for a in found}
    assert told["n"].weight == pytest.approx(0.5, abs=1e-4)
    assert told["n"].heat is None
    picture = told["it"]
    assert picture.how == "occlusion"
    heat = np.array(picture.heat)
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert (y * 4 // heat.shape[0], x * 4 // heat.shape[1]) == place
    assert heat.max() == 1
    again = json.loads(json.dumps(picture.to_json()))
    assert again["heat"] == picture.heat
    assert "heat" not in told["n"].to_json()


def test_values_and_other_answers_are_explained_too():
    table = one(media(spot(2, 1), None))
    against = explain_row(brightness, table, table.schema, TARGET, answer=0, seconds=5.0)[0]
    assert np.array(against.heat).min() == -1
    value = explain_row(lambda t: brightness(t)[:, 1:] * 9, table, table.schema, ValueCodec(0, 1, 0, 9), seconds=5.0)[0]
    heat = np.array(value.heat)
    assert heat.argmax() // heat.shape[1] * 4 // heat.shape[0] == 2


def test_no_time_leaves_the_columns_weight(monkeypatch):
    clock = stopped_clock(monkeypatch, *(f"modelwright.evaluate.explain.{n}" for n in ("rows", "attribution", "media")))
    table = one(media(spot(0, 0), None))

    def slow(t):
        clock.sleep(0.02 * len(t))
        return brightness(t)

    found = explain_row(slow, table, table.schema, TARGET, seconds=0.1)
    assert clock.now - 1000 < 0.5
    assert [(a.column, a.heat) for a in found] == [("it", None)]


def test_a_file_that_has_gone_leaves_the_columns_weight(tmp_path):
    file = tmp_path / "gone.png"
    file.write_bytes(spot(0, 0))
    cell = media("gone.png", tmp_path)
    table = one(cell)

    def by_missing(t):
        there = np.asarray(t.column("it").is_valid()).astype(float)
        return np.stack([1 - 0.4 - there * 0.5, 0.4 + there * 0.5], 1)

    file.unlink()
    found = explain_row(by_missing, table, table.schema, TARGET)
    assert [(a.column, a.text, a.heat) for a in found] == [("it", "gone.png", None)]
    assert pictures(table, 100) == {}


def test_missing_media_have_nothing_to_say():
    table = one(None)
    assert explain_row(brightness, table, table.schema, TARGET) == []
    assert pictures(table, 100) == {}


@pytest.fixture(scope="module")
def network():
    """A small residual network that tells a red from a blue square, wherever it is, beside a number."""
    from modelwright.core.recipe import get_recipe
    from modelwright.core.task import get_task
    from modelwright.testing import context

    rng = np.random.default_rng(0)
    side = rng.integers(0, 2, 96)
    colours = ((250, 40, 40), (40, 40, 250))
    cells = [media(spot(*map(int, rng.integers(0, 4, 2)), 32, colours[s]), None) for s in side]
    schema = Schema((Column("it", "image"), Column("n", "number"), Column("y", "category", "target")))
    data = {
        "it": pa.array(cells, MEDIA),
        "n": pa.array(rng.normal(size=96)),
        "y": pa.array(["red" if s == 0 else "blue" for s in side]),
    }
    table = Table.of(pa.table(data), schema)
    task = get_task("classification")
    target = task.fit_target(table.column("y"), schema["y"])
    recipe = get_recipe("resnet")
    options = type(recipe).options(
        base=8,
        blocks=1,
        epochs=10,
        batch=16,
        lr=3e-3,
        ema=0.0,
        dropout=0.1,
        flip=True,
        shift=0.0,
        column_dropout=0.0,
        smoothing=0.0,
    )
    model = recipe.fit(table, None, options, context(task, target))
    return model, table, target


def test_feature_maps_of_a_network_find_the_place(network):
    model, table, target = network
    right = model.scores(table)
    assert (right.argmax(1) == target.encode(table.column("y"))).mean() > 0.9
    before = {k: v.clone() for k, v in model.network.state_dict().items()}
    places = []
    for i in range(8):
        row = table.take(np.array([i]))
        chosen = int(model.scores(row)[0].argmax())
        maps = gradcam(model, row, "it", chosen, "classes")
        assert maps.ndim == 2
        pixels = np.ptp(decode(row.column("it")[0].as_py(), maps.shape[0]).astype(int), axis=2) > 100
        places.append(maps[pixels].mean() > maps[~pixels].mean())
    assert np.mean(places) >= 0.75
    np.testing.assert_array_equal(right, model.scores(table))
    assert all((before[k] == v).all() for k, v in model.network.state_dict().items())
    assert not model.network.training


def test_a_network_is_asked_before_parts_are_hidden(network):
    model, table, target = network
    inputs = Schema(tuple(table.schema.inputs))
    found = [
        explain_row(model.scores, table.take(np.array([i])), inputs, target, model=model, seconds=3.0) for i in range(4)
    ]
    told = [a for f in found for a in f if a.column == "it"]
    assert {a.how for a in told} <= {"grad-cam", "occlusion"}
    assert "grad-cam" in {a.how for a in told}
    assert gradcam(model, table.take(np.array([0])), "n", 0, "classes") is None
    assert gradcam(model, table.take(np.array([0])), "unknown", 0, "classes") is None


def wav(seconds=1.0, rate=8000) -> bytes:
    import soundfile

    t = np.arange(int(seconds * rate)) / rate
    held = io.BytesIO()
    soundfile.write(held, 0.3 * np.sin(2 * np.pi * 300 * t) * (t > seconds / 2), rate, format="WAV")
    return held.getvalue()


def test_sound_is_hidden_by_stretches_in_bands():
    pytest.importorskip("soundfile")
    from modelwright.evaluate.explain.lenses.audio import heard, in_bands

    lens = lens_of("audio")
    cell = media(wav(), None)
    parts = lens.parts(cell, 200)
    assert (parts.rows, parts.columns, parts.count) == (4, 12, 48)
    whole, _ = heard(parts.whole)
    assert whole == pytest.approx(heard(cell)[0], abs=1e-3)
    assert in_bands(whole).sum(0) == pytest.approx(whole, abs=1e-4)
    loss = [float(np.abs(whole - heard(parts.without(i))[0]).sum()) for i in range(48)]
    assert divmod(int(np.argmax(loss)), 12)[0] == 2  # 300 Hz lies in the second band from below
    assert np.array(loss).reshape(4, 12)[:, :5].sum() < 0.1 * sum(loss)  # the first half is silent
    assert lens.parts(cell, 3).rows == 1
    assert lens.parts(media(wav(0.01), None), 99) is None
    assert lens.picture(cell, 120).startswith("data:image/png")
    assert lens.label(cell).startswith("audio, 16 kB")


def test_series_are_hidden_by_channel_and_time():
    lens = lens_of("series")
    cell = [[float(i) for i in range(48)], [1.0] * 24 + [None] * 24]
    parts = lens.parts(cell, 200)
    assert (parts.rows, parts.columns) == (2, 24)
    out = parts.without(0)
    assert out[0][:2] == [23.5, 23.5]
    assert out[0][2:] == cell[0][2:]
    assert out[1] == cell[1]
    assert lens.parts([[float(c)] * 8 for c in range(20)], 200).rows == 8
    assert lens.parts([[1.0]], 200) is None
    assert lens.parts([], 200) is None
    assert lens.picture(cell, 160).startswith("data:image/png")
    assert shown(cell, "series") == "series, 2 x 48"

    def late(table):
        cells = [table.column("it")[i].as_py() for i in range(len(table))]
        p = np.array([0.5 if c is None else 0.1 + 0.008 * np.mean(c[0][40:]) for c in cells])
        return np.stack([1 - p, p], 1)

    step = [[0.0] * 40 + [90.0] * 8]
    table = one(step, "series")
    heat = np.array(explain_row(late, table, table.schema, TARGET, seconds=3.0)[0].heat)
    assert heat.shape[0] == 1
    assert heat[0, -4:].min() > 0.5
    assert heat[0, :-8].max() < 0.2


def test_atoms_and_letters_are_marked_in_the_text():
    parts = lens_of("molecule").parts("CC(=O)[nH+]Br", 99)
    assert [parts.without(i) for i in range(parts.count)] == [
        "*C(=O)[nH+]Br", "C*(=O)[nH+]Br", "CC(=*)[nH+]Br", "CC(=O)*Br", "CC(=O)[nH+]*",
    ]  # fmt: skip
    assert lens_of("molecule").parts("C", 99) is None
    assert lens_of("molecule").parts("C" * 50, 10).count == 10
    dna = lens_of("sequence").parts("ACGTACGT", 4)
    assert dna.without(1) == "ACNNACGT"
    assert lens_of("sequence").parts("MKVLAA", 6).without(0) == "XKVLAA"

    def has_oxygen(table):
        p = np.array([0.9 if "O" in (table.column("it")[i].as_py() or "") else 0.2 for i in range(len(table))])
        return np.stack([1 - p, p], 1)

    table = one("CCCO", "molecule")
    found = explain_row(has_oxygen, table, table.schema, TARGET)
    strongest = found[0]
    assert (strongest.text, strongest.start, strongest.end, strongest.heat) == ("O", 3, 4, None)


def test_clips_are_hidden_by_stretches_of_time():
    pytest.importorskip("av")
    from modelwright.evaluate.explain.lenses.video import as_cell, seen

    frames = [np.full((128, 128, 3), 0, np.uint8) for _ in range(32)]
    for i, frame in enumerate(frames):
        frame[:, :64] = 8 * i
    parts = lens_of("video").parts(as_cell(frames), 99)
    assert (parts.rows, parts.columns) == (1, 8)
    same = seen(parts.whole, 32)
    assert [int(f[0, 0, 0]) for f in same] == pytest.approx([8 * i for i in range(32)], abs=8)
    hidden = seen(parts.without(7), 32)
    assert np.ptp(hidden[31]) == 0
    assert np.ptp(hidden[0].astype(int) - same[0]) == 0
    assert lens_of("video").picture(parts.whole, 120).startswith("data:image/jpeg")


def test_names_of_cells_quote_nothing():
    held = media(spot(0, 0), None)
    assert shown(held, "image") == f"image, {len(held['bytes'])} B"
    assert shown({**held, "bytes": bytes(24_400)}, "audio") == "audio, 24 kB"
    assert shown({"path": "/data/x/a b.png", "bytes": None, "digest": "1"}, "image") == "a b.png"
    assert shown(True, "boolean") == "true"
    assert shown("CCO", "molecule") == "CCO"
    assert shown(b"secret", "text") == "text"


def test_pictures_are_small():
    table = one(media(png(np.random.default_rng(0).integers(0, 255, (300, 600, 3)).astype(np.uint8)), None))
    shown_ = pictures(table, 160)["it"]
    assert Image.open(io.BytesIO(base64.b64decode(shown_.split(",")[1]))).size == (160, 80)
    assert len(shown_) < 30_000


def test_every_lens_is_a_modality_and_bounds_its_parts():
    assert set(names_in(LENSES)) == {"audio", "image", "molecule", "sequence", "series", "video"}
    for most in (0, 1):
        assert lens_of("image").parts(media(spot(0, 0), None), most) is None
    assert lens_of("image").parts(media(spot(0, 0), None), 50).count == 36
    assert lens_of("number") is None


def test_scales_and_shares():
    assert scaled(np.array([[2.0, -4.0], [0.0, 1.0]])) == [[0.5, -1.0], [0.0, 0.25]]
    assert scaled(np.zeros((1, 2))) == [[0.0, 0.0]]
    parts = [{"column": "a", "weight": 1.0}, {"column": "a", "weight": 2.0}, {"column": "b", "weight": -1.0}]
    assert shares(parts) == {"a": 0.75, "b": 0.25}
    assert shares([]) == {}
