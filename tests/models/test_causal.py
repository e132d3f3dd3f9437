"""Causal language models from folders: the house's engine says and finds likely what transformers does; other kinds run there."""

import json
import shutil

import numpy as np
import pytest
import torch

from hosted_made import tiny_causal
from modelwright.core.errors import OptionError
from modelwright.models.causal import Causal

transformers = pytest.importorskip("transformers")
CHATS = [[{"role": "user", "content": t}] for t in ("hello", "How long does a refund take?", "怎么开发票")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A Llama whose words differ."""
    where = tiny_causal(tmp_path_factory.mktemp("causal") / "tiny")
    config = transformers.AutoConfig.from_pretrained(where)
    config.initializer_range = 0.3
    torch.manual_seed(1)
    transformers.LlamaForCausalLM(config).save_pretrained(where)
    return where


@pytest.fixture(scope="module")
def other(folder, tmp_path_factory):
    """The same tokenizer with a network of a kind that is not read here."""
    where = tmp_path_factory.mktemp("causal") / "neox"
    shutil.copytree(folder, where)
    (where / "generation_config.json").unlink()
    vocab = json.loads((folder / "config.json").read_text())["vocab_size"]
    config = transformers.GPTNeoXConfig(
        vocab_size=vocab, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=128, eos_token_id=vocab - 1, bos_token_id=None,
    )  # fmt: skip
    transformers.GPTNeoXForCausalLM(config).save_pretrained(where)
    return where


def generated(folder, model, chat, most):
    """Return what transformers writes."""
    ids = torch.tensor([model.prompt(chat)])
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.inference_mode():
        made = theirs.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=most, pad_token_id=0
        )
    return model.tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True).strip()


@pytest.mark.parametrize("penalty", [None, 1.3])
def test_the_engine_writes_what_transformers_writes(folder, tmp_path, penalty):
    where = tmp_path / "tiny"
    shutil.copytree(folder, where)
    if penalty:
        settings = json.loads((where / "generation_config.json").read_text())
        (where / "generation_config.json").write_text(json.dumps({**settings, "repetition_penalty": penalty}))
    model = Causal(where)
    assert model.own
    together = model.write_all(CHATS, 12)
    assert together == [generated(where, model, c, 12) for c in CHATS]
    assert together == [model.write(c, 12) for c in CHATS]
    assert any(together)


def test_writing_ends_where_the_folder_says(folder, tmp_path):
    model = Causal(folder)
    prompts = [model.prompt(c) for c in CHATS]
    said = model._decoded(prompts, 6)
    first, end = max(said, key=len), max(said, key=len)[-1]
    assert len(first) > 1
    where = tmp_path / "tiny"
    shutil.copytree(folder, where)
    (where / "generation_config.json").write_text(json.dumps({"eos_token_id": [end, 10_000]}))
    assert first[: first.index(end)] == Causal(where)._decoded([prompts[said.index(first)]], 6)[0]


def test_likelihoods_are_those_of_transformers(folder):
    model = Causal(folder)
    theirs = Causal(folder)
    theirs.own, theirs.model = False, transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    prompts, ends = [model.prompt(c) for c in CHATS], [" yes", " no, never"]
    found = model.likelihood(prompts, ends)
    np.testing.assert_allclose(found, theirs.likelihood(prompts, ends), atol=1e-4)
    assert np.ptp(found) > 0.01


def test_other_kinds_run_in_transformers(other, tmp_path):
    model = Causal(other)
    assert not model.own
    assert model.write_all(CHATS[:1], 5) == [generated(other, model, CHATS[0], 5)]
    assert np.isfinite(model.likelihood([model.prompt(CHATS[0])], [" a", " b"])).all()
    assert model.origin()["kind"] == "gpt_neox"
    model.save(tmp_path / "saved")
    assert Causal(tmp_path / "saved").write(CHATS[0], 5) == model.write(CHATS[0], 5)


def test_damaged_weights_are_one_line(folder, tmp_path):
    where = tmp_path / "tiny"
    shutil.copytree(folder, where)
    (where / "model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(OptionError, match="not the folder of a causal language model"):
        Causal(where)
