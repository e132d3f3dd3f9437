"""Networks of pictures that are written here: shapes, weights by the names of their file, and how packaged ones are converted."""

import json
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from modelwright.core import packaged, pretrained
from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.packaged import Packaged
from modelwright.core.words import Words
from modelwright.models.backbones.base import backbone_of, pretrained_backbone
from modelwright.models.backbones.efficientnet_lite0 import _ENDS, _LAYERS, EfficientNetLite0
from modelwright.models.pretrained import depth_of

CONFIG = dict(packaged.PACKAGED["efficientnet-lite0"].config)


def as_in_file(network):
    """Return a network's weights by the names of the published file."""
    ends, layers = {v: k for k, v in _ENDS.items()}, {v: k for k, v in _LAYERS.items()}
    out = {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    for name, value in network.state_dict().items():
        parts = name.split(".")
        if parts[0] == "blocks":
            out[f"_blocks.{parts[1]}._{layers['.'.join(parts[2:4])]}.{parts[4]}"] = value
        else:
            out[f"_{ends['.'.join(parts[:2])]}.{parts[2]}"] = value
    return out


@pytest.fixture
def network():
    torch.manual_seed(0)
    return EfficientNetLite0(CONFIG).eval()


@pytest.fixture
def folder(tmp_path, network):
    known = packaged.PACKAGED["efficientnet-lite0"]
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(known.preprocessor))
    save_file(as_in_file(network), str(tmp_path / "model.safetensors"))
    return tmp_path


@pytest.mark.parametrize(("height", "width"), [(64, 96), (33, 70)])
def test_the_maps_are_as_fine_as_their_strides(network, height, width):
    with torch.no_grad():
        maps = network.pyramid(torch.zeros(1, 3, height, width))
    wanted = [(w, -(-height // s), -(-width // s)) for w, s in zip(network.widths, network.strides, strict=True)]
    assert [tuple(m.shape[1:]) for m in maps] == wanted
    assert sum(p.numel() for p in network.parameters()) == 3_371_008  # 4.65 million with the classifier of 1,000


def test_the_maps_of_a_vgg_are_those_of_its_groups():
    from modelwright.models.backbones.vgg import VGG

    torch.manual_seed(0)
    made = VGG({"model_type": "vgg", "depth": 11}).eval()
    x = torch.randn(1, 3, 40, 33)
    with torch.no_grad():
        maps = made.pyramid(x)
        wanted = torch.relu(torch.nn.functional.conv2d(x, made.features[0].weight, made.features[0].bias, padding=1))
    assert torch.allclose(maps[0], wanted, atol=1e-5)
    assert [tuple(m.shape[1:]) for m in maps] == [
        (w, -(-40 // s), -(-33 // s)) for w, s in zip(made.widths, made.strides, strict=True)
    ]
    assert len(made.pyramid(x, 2)) == 2
    assert (
        sum(p.numel() for p in made.parameters()) == 9_220_480
    )  # published: 132,863,336 with the classifier's 123,642,856
    with pytest.raises(OptionError, match="depth 11, 13, 16, 19"):
        VGG({"model_type": "vgg", "depth": 12})


def test_statistics_stay_as_they_were_trained(network):
    before = network.stem.norm.running_mean.clone()
    network.train()
    network.pyramid(torch.randn(2, 3, 32, 32))
    assert torch.equal(network.stem.norm.running_mean, before)
    assert network.stem.norm.weight.requires_grad


@pytest.mark.parametrize(("height", "width"), [(40, 40), (33, 70), (64, 31)])
def test_filters_that_hold_the_normalisation_answer_as_it_does(network, height, width):
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
    x = torch.randn(2, 3, height, width)
    plain = network.pyramid(x)  # as it is trained
    with torch.no_grad():
        folded = network.pyramid(x)
    given = x.clone().requires_grad_(True)
    frozen = network.requires_grad_(False).pyramid(given)
    for wanted, got, other in zip(plain, folded, frozen, strict=True):
        size = float(wanted.detach().abs().max())
        assert torch.allclose(got, wanted, atol=1e-5 * size)
        assert torch.allclose(other, wanted, atol=1e-5 * size)
    frozen[-1].square().sum().backward()
    assert torch.isfinite(given.grad).all()
    assert given.grad.abs().max() > 0


def test_a_folder_of_the_published_file_is_read_by_name(network, folder):
    made, mean, deviation = pretrained_backbone(str(folder))
    x = torch.randn(1, 3, 40, 40)
    with torch.no_grad():
        assert torch.equal(made(x).pooler_output, network(x).pooler_output)
    assert (mean.shape, deviation.shape) == ((3,), (3,))
    assert pretrained.find(str(folder)).reads == ("image", "video")


def test_weights_of_another_network_are_refused(folder):
    held = load_file(str(folder / "model.safetensors"))
    held.pop("_conv_head.weight")
    save_file(held, str(folder / "model.safetensors"))
    with pytest.raises(OptionError, match="whole efficientnet-lite0"):
        backbone_of(CONFIG, folder)


def test_the_stem_learns_most_slowly(network):
    depths = {n: depth_of(n, [0], 16) for n, _ in network.named_parameters()}
    assert depths["stem.conv.weight"] == 0
    assert depths["blocks.3.depth.conv.weight"] == 4
    assert depths["head.conv.weight"] == 17


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that holds a pickle of weights, and a cache of its own."""
    place = tmp_path / "some_weights"
    place.mkdir()
    (place / "__init__.py").write_text("raise ImportError('is not imported')")
    torch.save({"_conv_stem.weight": torch.ones(2, 2)}, place / "w.pth")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    import hashlib

    digest = hashlib.sha256((place / "w.pth").read_bytes()).hexdigest()
    known = Packaged("some_weights", "x", Words("X", "X"), pickle="w.pth", sha256=digest, config={"model_type": "x"})
    monkeypatch.setitem(packaged.PACKAGED, "some", known)
    return place


def test_packaged_weights_are_converted_once(package, monkeypatch):
    folder = packaged.folder_of("some")
    assert torch.equal(load_file(str(folder / "model.safetensors"))["_conv_stem.weight"], torch.ones(2, 2))
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("read again"))
    assert packaged.folder_of("some") == folder
    assert sorted(p.name for p in folder.parent.iterdir()) == [folder.name]


def test_other_weights_are_refused_and_nothing_is_left(package, tmp_path):
    torch.save({"a": torch.zeros(1)}, package / "w.pth")
    with pytest.raises(OptionError, match="SHA-256"):
        packaged.folder_of("some")
    assert not (tmp_path / "cache").exists()


def test_weights_that_are_not_installed_are_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="efficientnet"):
        packaged.folder_of("efficientnet-lite0")
    assert not packaged.installed("efficientnet-lite0")


def test_a_module_of_this_name_is_never_run(package):
    packaged.folder_of("some")
    assert not isinstance(sys.modules.get("some_weights"), ModuleType)


@pytest.mark.skipif(not packaged.installed("efficientnet-lite0"), reason="the extra is not installed")
def test_the_packaged_weights_tell_a_disc_from_noise(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pretrained.find.cache_clear()
    made, mean, deviation = pretrained_backbone("efficientnet-lite0")
    y, x = np.mgrid[:96, :96]

    def disc(at):
        return np.where(((x - at) ** 2 + (y - 48) ** 2 < 400)[..., None], (220, 120, 30), (90, 140, 200)) / 255

    noise = np.random.default_rng(0).random((96, 96, 3))
    shown = torch.tensor(np.stack([disc(44), disc(56), noise])).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        v = made((shown - mean[:, None, None]) / deviation[:, None, None]).pooler_output
    near = torch.nn.functional.cosine_similarity(v[0], v[1], dim=0)
    far = torch.nn.functional.cosine_similarity(v[0], v[2], dim=0)
    pretrained.find.cache_clear()
    assert near > 0.9 > far + 0.2
