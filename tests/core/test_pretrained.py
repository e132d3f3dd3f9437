"""Finding pretrained encoders: what a name stands for, and what is refused."""

import importlib.util
import json

import pytest

from modelwright.core import pretrained
from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.pretrained import find, mostly_english
from pretrained_made import tiny_image, tiny_text


def test_the_config_says_what_it_reads(tmp_path):
    assert find(str(tiny_text(tmp_path / "a"))).modality == "text"
    found = find(str(tiny_image(tmp_path / "b")))
    assert (found.modality, found.name) == ("image", "b")


@pytest.mark.parametrize(("kind", "width"), [("bert", 24), ("distilbert", 24)])
def test_the_config_says_how_wide_it_is(tmp_path, kind, width):
    assert find(str(tiny_text(tmp_path / "a", kind))).width == width
    assert find(str(tiny_image(tmp_path / "b", "convnext"))).width == 16


def test_the_model_card_tells_licence_and_paper(tmp_path):
    folder = tiny_text(tmp_path / "a")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\nSee https://arxiv.org/abs/1908.10084.")
    origin = find(str(folder)).origin()
    assert (origin["licence"], origin["paper"]) == ("apache-2.0", "arXiv 1908.10084")


def test_pickled_weights_are_refused(tmp_path):
    folder = tiny_text(tmp_path / "a")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(OptionError, match="can hold code") as caught:
        find(str(folder))
    assert "safetensors" in caught.value.words.zh


def test_code_of_a_model_is_refused(tmp_path):
    folder = tiny_text(tmp_path / "a")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "modeling_x.X"}}))
    with pytest.raises(OptionError, match="code of its own"):
        find(str(folder))


@pytest.mark.parametrize(
    ("config", "says"),
    [('{"model_type": "gpt2"}', "not an encoder known"), ("{}", "not an encoder known"), ("no json", "config.json")],
)
def test_other_folders_are_refused(tmp_path, config, says):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(OptionError, match=says):
        find(str(tmp_path))


def test_a_folder_without_weights_is_refused(tmp_path):
    folder = tiny_text(tmp_path / "a")
    (folder / "model.safetensors").unlink()
    with pytest.raises(OptionError, match="no weights"):
        find(str(folder))


def test_a_path_that_is_not_there_is_no_hub_name(tmp_path):
    with pytest.raises(OptionError, match="no folder"):
        find(str(tmp_path / "nothing"))


def test_a_hub_name_offline_is_answered_in_words(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(OptionError, match="HF_ENDPOINT"):
        find("nobody/nothing-of-this-name")


def test_the_missing_extra_is_named(monkeypatch, tmp_path):
    real = importlib.util.find_spec
    monkeypatch.setattr(pretrained.importlib.util, "find_spec", lambda n: None if n == "transformers" else real(n))
    with pytest.raises(MissingExtra, match=r"modelwright\[pretrained\]"):
        find(str(tmp_path / "any"))
    assert not pretrained.minilm_installed()


@pytest.mark.parametrize(
    ("texts", "english"),
    [
        (["where is my card and how can I get it", None, "the payment is not there"], True),
        (["快递在哪里", "我要退款"], False),
        (["wo ist meine Karte, und wann kommt sie an", "ich brauche Hilfe"], False),
        (["refund 请退款 now", "the 快递"], False),
        ([None, "", "123"], False),
    ],
)
def test_english_is_told_from_other_texts(texts, english):
    assert mostly_english(texts) == english
