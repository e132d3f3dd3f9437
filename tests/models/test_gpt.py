"""The GPT against `transformers` on the same weights, both ways; gradients that are written out; refusals."""

import json

import pytest
import torch

from language_made import hub
from modelwright.core.errors import BundleError, OptionError
from modelwright.models._lean import rms_unit, silu_gated
from modelwright.models.gpt import GPT, GPTConfig, plain_attention
from modelwright.models.gpt_layout import config_of, read, reads, write
from modelwright.train.optim import make_optimizers

KINDS = ["llama", "qwen2", "qwen3", "gpt2"]
IDS = torch.tensor([[3, 14, 15, 9, 2, 6, 5, 35], [8, 9, 7, 9, 3, 2, 3, 8]])


@pytest.mark.parametrize("kind", KINDS)
def test_logits_equal_transformers(kind, tmp_path):
    model = hub(kind)
    model.save_pretrained(tmp_path)
    net = read(tmp_path)
    with torch.no_grad():
        assert torch.allclose(net.logits(net(IDS)), model(IDS).logits, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_loads_in_transformers(kind, tmp_path):
    from transformers import AutoModelForCausalLM

    hub(kind).save_pretrained(tmp_path)
    net = read(tmp_path)
    again = tmp_path / "again"
    again.mkdir()
    write(net, again, 2)
    theirs = AutoModelForCausalLM.from_pretrained(again).eval()
    with torch.no_grad():
        assert torch.allclose(theirs(IDS).logits, net.logits(net(IDS)), atol=2e-4)


def test_a_network_trained_here_has_the_layout_of_qwen3(tmp_path):
    from transformers import AutoModelForCausalLM, Qwen3ForCausalLM

    torch.manual_seed(0)
    net = GPT(GPTConfig(50, 32, 2, 4, 2, 8, 48, 64, norm_weights=False, qk_norm=True))
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.2 * torch.randn_like(p))
    write(net, tmp_path, 0)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert isinstance(theirs, Qwen3ForCausalLM)
    with torch.no_grad():
        assert torch.allclose(theirs(IDS).logits, net.logits(net(IDS)), atol=2e-4)


def test_gradients_that_are_written_out():
    torch.manual_seed(0)
    x = torch.randn(3, 4, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(silu_gated, x)
    plain = torch.randn(5, 8, requires_grad=True)
    other = plain.detach().clone().requires_grad_()
    weight = torch.randn(5, 8)
    (rms_unit(plain, 1e-6) * weight).sum().backward()
    (torch.nn.functional.rms_norm(other, (8,), None, 1e-6) * weight).sum().backward()
    assert torch.allclose(plain.grad, other.grad, atol=1e-5)


def test_plain_attention_is_attention():
    q, k, v = torch.randn(3, 2, 4, 7, 8).unbind(0)
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(plain_attention(q, k, v), y.transpose(1, 2).flatten(2), atol=1e-5)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_a_few_steps_lower_the_loss(kind):
    torch.manual_seed(0)
    net = GPT(GPTConfig(20, 32, 2, 2, 2, 16, 40, 32, norm_weights=False, qk_norm=True), torch.bfloat16)
    ids = torch.arange(33)[None].repeat(4, 1) % 20
    optimizers = make_optimizers(net, 3e-3, 0.0, kind)
    losses = []
    for _ in range(25):
        for o in optimizers:
            o.zero_grad()
        value = net.loss(net(ids[:, :-1]), ids[:, 1:])
        value.backward()
        for o in optimizers:
            o.step()
        losses.append(float(value.detach()))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "mamba"},
        {"attention_bias": True},
        {"rope_parameters": {"rope_type": "yarn"}},
        {"hidden_act": "tanh"},
    ],
)
def test_other_kinds_are_left_to_transformers(change, tmp_path):
    hub("llama").save_pretrained(tmp_path)
    data = json.loads((tmp_path / "config.json").read_text()) | change
    assert not reads(data)
    with pytest.raises(OptionError, match="Read are"):
        config_of(data)


def test_damaged_weights_are_named(tmp_path):
    hub("llama").save_pretrained(tmp_path)
    data = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(BundleError, match="Copy the folder again"):
        read(tmp_path)


def test_dropout_leaves_out_in_training_only():
    torch.manual_seed(0)
    network = GPT(GPTConfig(vocab=11, width=16, layers=2, heads=2, kv_heads=2, head=8, hidden=24, context=8))
    for block in network.blocks:
        torch.nn.init.normal_(block.out)
        torch.nn.init.normal_(block.down)
    ids = torch.randint(0, 11, (2, 8))
    with torch.no_grad():
        plain = network.train()(ids)
        network.dropping(0.5)
        assert not torch.allclose(network(ids), network(ids))
        assert torch.equal(network.eval()(ids), plain)
