"""What mends pictures, exported: the graph answers pictures of any size, whole or in tiles, as the model does, from bytes to bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from modelwright.core.answers.media import MediaCodec, file_bytes, file_json
from modelwright.core.errors import ModelwrightError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data import tiling
from modelwright.recipes.pictures._pictures import Geometry
from modelwright.release.bundle import Predictor
from modelwright.release.export import export_onnx
from pictures_made import enlarger, picture, png

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

CODEC = MediaCodec("image-to-image", "image/png")


def model_of(name, geometry, **options):
    recipe = get_recipe(name)
    if recipe.baseline:
        return recipe.model(geometry, {})
    told = recipe.options(width=8, blocks=1, **options)
    torch.manual_seed(0)
    network = recipe.network(geometry, told).eval()
    for weights in network.parameters():
        if weights.dim() > 1:
            torch.nn.init.normal_(weights, 0, 0.08)
    return recipe.model(network, geometry, told)


@pytest.mark.parametrize(
    ("name", "geometry", "options"),
    [
        ("espcn", Geometry(2, 3, 3), {}),  # luma through the network, chroma by the cubic
        pytest.param("lanczos", Geometry(3, 3, 3), {}, marks=pytest.mark.slow),  # tracing takes seconds
        pytest.param("bicubic", Geometry(2, 3, 1), {}, marks=pytest.mark.slow),
        pytest.param("fsrcnn", Geometry(4, 1, 1), {}, marks=pytest.mark.slow),
        pytest.param("edsr", Geometry(1, 1, 3), {"ensemble": True}, marks=pytest.mark.slow),
        pytest.param("unet", Geometry(2, 3, 3), {}, marks=pytest.mark.slow),  # sides that are no multiple of its stride
    ],
)
def test_the_graph_answers_as_the_model_does(name, geometry, options, tmp_path, monkeypatch):
    model = model_of(name, geometry, **options)
    onnx.save_model(model.objects_graph(), str(tmp_path / "m.onnx"))
    model.save(tmp_path)
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    opened = type(model).from_session(session, tmp_path, CODEC)
    for size in ((48, 56), (51, 37), (1, 2)):
        pixels = picture(1, *size, geometry.given)
        wanted, got = model.made(pixels), opened.made(pixels)
        assert wanted.shape == got.shape == (size[0] * geometry.scale, size[1] * geometry.scale, geometry.wanted)
        assert np.abs(wanted.astype(int) - got).max() <= 1, "no more than rounding"
    pixels = picture(2, 90, 75, geometry.given)
    whole = opened.made(pixels)
    monkeypatch.setattr("modelwright.recipes.pictures._onnx.tiled", lambda *a: tiling.tiled(*a, tile=24))
    assert np.abs(whole.astype(int) - opened.made(pixels)).max() <= 1, "tiles give what the whole gives"


def test_an_export_is_a_folder_that_answers_alone(tmp_path):
    from modelwright.release.onnx_runtime import load_onnx

    predictor = enlarger(2)
    folder = export_onnx(predictor, tmp_path / "onnx")
    row = {"picture": png(picture(3))}
    wanted, got = (p.predict([row])[0]["prediction"] for p in (predictor, load_onnx(folder)))
    first, second = (np.asarray(Image.open(io.BytesIO(file_bytes(a))), int) for a in (wanted, got))
    assert first.shape == (96, 112, 3)
    assert np.abs(first - second).max() <= 1
    readme = (folder / "README.md").read_text()
    assert "uint8" in readme
    assert "codecs.json" not in readme
    assert "picture.png" in readme
    assert "bytes" not in readme.split("```")[1], "a file is named, not quoted"
    told = onnxruntime.InferenceSession(str(folder / "member-0.onnx")).get_modelmeta().custom_metadata_map
    assert told == {"scale": "2", "reach": "4", "stride": "1"}


def test_what_has_no_graph_says_so_in_one_sentence(tmp_path):
    predictor = enlarger(1)
    still = Predictor(
        get_task("image-to-image"), predictor.schema, predictor.target,
        [(1.0, get_recipe("median").model(Geometry(1, 3, 3), {"size": 3}))], name="still",
    )  # fmt: skip
    with pytest.raises(ModelwrightError, match=r"What `median` answers .* Deploy the bundle: modelwright serve"):
        export_onnx(still, tmp_path / "onnx")
    assert not (tmp_path / "onnx").exists()


def test_files_are_alike_within_one_step_of_a_value():
    pixels = picture(1)

    def scores(*made):
        return np.array([file_json("image/png", png(p)) for p in made] + [None], object)[:, None]

    assert CODEC.alike(scores(pixels), scores(pixels))
    near = np.where(pixels > 0, pixels - 1, pixels)
    assert CODEC.alike(scores(pixels), scores(near))
    assert not CODEC.alike(scores(pixels), scores(np.where(pixels > 1, pixels - 2, pixels)))
    assert not CODEC.alike(scores(pixels), scores(pixels[1:]))
    assert not CODEC.alike(scores(pixels), scores(pixels)[::-1])
