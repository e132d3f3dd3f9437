"""Folders as `transformers` writes them, read into a GPT and written from one: Llama, Mistral, Qwen2, Qwen3, GPT-2.

Only config.json and safetensors are read. A network without norm weights is written with ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from modelwright.core.errors import BundleError, OptionError
from modelwright.models.gpt import GPT, GPTConfig

KINDS = ("llama", "mistral", "qwen2", "qwen3", "gpt2")
_CLASSES = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3", "gpt2": "GPT2"}
_LARGE = 2 << 30  # bytes of weights from which on they stay in the type they are stored in


def read_config(folder: Path) -> dict[str, Any]:
    """Return a folder's config.json. Raises BundleError where it cannot be read."""
    try:
        data: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        data["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BundleError(
            f"{folder} holds no readable config.json ({type(e).__name__}); expected a folder as `save_pretrained` writes it.",
            f"{folder} 中没有可读的 config.json（{type(e).__name__}）；应为 `save_pretrained` 写出的文件夹。",
        ) from e
    return data


def reads(data: dict[str, Any]) -> bool:
    """Return whether a config is of a kind that GPT is able to be."""
    if data.get("model_type") not in KINDS or data.get("attention_bias") or data.get("mlp_bias"):
        return False
    window = data.get("sliding_window") if data.get("use_sliding_window", data["model_type"] == "mistral") else None
    rope = data.get("rope_parameters") or data.get("rope_scaling") or {}
    plain = rope.get("rope_type", rope.get("type", "default")) in ("default", "linear", "llama3")
    known = data.get("hidden_act", "silu") in ("silu", "relu2", "gelu") and data.get(
        "activation_function", "gelu_new"
    ) in ("gelu_new", "gelu")
    return plain and known and (window is None or window >= data.get("max_position_embeddings", 0))


def config_of(data: dict[str, Any]) -> GPTConfig:
    """Return the GPT config that a config.json describes. Raises OptionError for a kind that is not read."""
    kind = data["model_type"]
    if not reads(data):
        raise OptionError(
            f"A model of kind `{kind}` with these options is not read here. Read are {', '.join(KINDS)}.",
            f"不支持该选项下的 `{kind}` 模型。支持：{'、'.join(KINDS)}。",
        )
    if kind == "gpt2":
        d, h = data["n_embd"], data["n_head"]
        return GPTConfig(
            data["vocab_size"], d, data["n_layer"], h, h, d // h, data.get("n_inner") or 4 * d, data["n_positions"],
            norm="layer", eps=data.get("layer_norm_epsilon", 1e-5), positions="learned", gated=False, bias=True,
            activation=data.get("activation_function", "gelu_new"), tied=data.get("tie_word_embeddings", True),
        )  # fmt: skip
    h = data["num_attention_heads"]
    rope = dict(data.get("rope_parameters") or data.get("rope_scaling") or {})
    theta = rope.pop("rope_theta", None) or data.get("rope_theta") or 10_000.0
    return GPTConfig(
        data["vocab_size"], data["hidden_size"], data["num_hidden_layers"], h, data.get("num_key_value_heads") or h,
        data.get("head_dim") or data["hidden_size"] // h, data["intermediate_size"],
        data.get("max_position_embeddings", 2048), eps=data.get("rms_norm_eps", 1e-6), theta=float(theta), scaling=rope,
        qk_norm=kind == "qwen3", qkv_bias=kind == "qwen2", activation=data.get("hidden_act", "silu"),
        tied=bool(data.get("tie_word_embeddings", False)),
    )  # fmt: skip


def kind_of_gpt(config: GPTConfig) -> str:
    """Return the kind under which a GPT is written."""
    if config.norm == "layer":
        return "gpt2"
    return "qwen3" if config.qk_norm else "qwen2" if config.qkv_bias else "llama"


def config_json(config: GPTConfig, end: int) -> dict[str, Any]:
    """Return the config.json of a GPT whose texts end with the id `end`."""
    kind = kind_of_gpt(config)
    out: dict[str, Any] = {
        "architectures": [f"{_CLASSES[kind]}{'LMHeadModel' if kind == 'gpt2' else 'ForCausalLM'}"],
        "model_type": kind, "vocab_size": config.vocab, "bos_token_id": end, "eos_token_id": end,
        "tie_word_embeddings": config.tied, "torch_dtype": "float32", "use_cache": True,
    }  # fmt: skip
    if kind == "gpt2":
        return out | {
            "n_embd": config.width, "n_layer": config.layers, "n_head": config.heads, "n_inner": config.hidden,
            "n_positions": config.context, "layer_norm_epsilon": config.eps, "activation_function": config.activation,
        }  # fmt: skip
    return out | {
        "hidden_size": config.width, "num_hidden_layers": config.layers, "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads, "head_dim": config.head, "intermediate_size": config.hidden,
        "max_position_embeddings": config.context, "rms_norm_eps": config.eps, "hidden_act": config.activation,
        "rope_theta": config.theta, "rope_parameters": {"rope_type": "default", "rope_theta": config.theta, **config.scaling},
    }  # fmt: skip


def _split(block: Any, name: str) -> dict[str, Tensor]:
    c = block.config
    sizes = [c.heads * c.head, c.kv_heads * c.head, c.kv_heads * c.head]
    out: dict[str, Tensor] = {}
    for part, w in zip("qkv", block.qkv.split(sizes)):
        out[f"{name}.self_attn.{part}_proj.weight"] = w
    if block.qkv_bias is not None:
        for part, w in zip("qkv", block.qkv_bias.split(sizes)):
            out[f"{name}.self_attn.{part}_proj.bias"] = w
    if block.qk is not None:
        out |= {f"{name}.self_attn.q_norm.weight": block.qk[0], f"{name}.self_attn.k_norm.weight": block.qk[1]}
    gate, up = block.up.chunk(2)
    return out | {
        f"{name}.self_attn.o_proj.weight": block.out, f"{name}.mlp.gate_proj.weight": gate,
        f"{name}.mlp.up_proj.weight": up, f"{name}.mlp.down_proj.weight": block.down,
    }  # fmt: skip


def to_tensors(network: GPT) -> dict[str, Tensor]:
    """Return copies of the weights on the CPU by the names, and in the shapes, that `transformers` gives them."""
    c = network.config
    ones = torch.ones(c.width)

    def norm(n: Any) -> Tensor:
        return ones if n.weight is None else n.weight

    if kind_of_gpt(c) == "gpt2":
        assert network.place is not None
        out: dict[str, Any] = {"transformer.wte.weight": network.embed, "transformer.wpe.weight": network.place}
        for i, b in enumerate(network.blocks):
            n = f"transformer.h.{i}"
            for name, weight, bias in (
                ("attn.c_attn", b.qkv, b.qkv_bias), ("attn.c_proj", b.out, b.out_bias),
                ("mlp.c_fc", b.up, b.up_bias), ("mlp.c_proj", b.down, b.down_bias),
            ):  # fmt: skip
                out |= {f"{n}.{name}.weight": weight.T, f"{n}.{name}.bias": bias}
            for name, m in (("ln_1", b.norm1), ("ln_2", b.norm2)):
                out |= {f"{n}.{name}.weight": m.weight, f"{n}.{name}.bias": m.bias}
        out |= {"transformer.ln_f.weight": network.norm.weight, "transformer.ln_f.bias": network.norm.bias}
    else:
        out = {"model.embed_tokens.weight": network.embed, "model.norm.weight": norm(network.norm)}
        for i, b in enumerate(network.blocks):
            name = f"model.layers.{i}"
            out |= _split(b, name)
            out[f"{name}.input_layernorm.weight"] = norm(b.norm1)
            out[f"{name}.post_attention_layernorm.weight"] = norm(b.norm2)
    if network.head is not None:
        out["lm_head.weight"] = network.head
    return {k: v.detach().cpu().contiguous().clone() for k, v in out.items()}


def write(network: GPT, folder: Path, end: int) -> None:
    """Write config.json, generation_config.json and model.safetensors into an existing folder."""
    from safetensors.torch import save_file

    (folder / "config.json").write_text(json.dumps(config_json(network.config, end), indent=1), encoding="utf-8")
    settings = {"bos_token_id": end, "eos_token_id": end}
    (folder / "generation_config.json").write_text(json.dumps(settings), encoding="utf-8")
    save_file(to_tensors(network), str(folder / "model.safetensors"), metadata={"format": "pt"})


def read(folder: Path) -> GPT:
    """Return the network of a folder, ready to answer. Raises BundleError for damaged files, OptionError for other kinds."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config = config_of(read_config(folder))
    files = sorted(folder.glob("*.safetensors"))
    found: dict[str, Tensor] = {}
    try:
        for path in files:
            found |= load_file(str(path))
        large = sum(t.numel() * t.element_size() for t in found.values()) > _LARGE
        network = _filled(config, {k.removeprefix("transformer.").removeprefix("model."): v for k, v in found.items()})
    except (OSError, SafetensorError, KeyError, RuntimeError) as e:
        raise BundleError(
            f"The weights in {folder} cannot be read ({type(e).__name__}: {str(e)[:80]}). Copy the folder again.",
            f"无法读取 {folder} 中的权重（{type(e).__name__}）。请重新复制该文件夹。",
        ) from e
    if large:
        network.compute = network.embed.dtype
    else:
        network.float()
    return network.eval().requires_grad_(False)


def _filled(config: GPTConfig, found: dict[str, Tensor]) -> GPT:
    with torch.device("meta"):
        shape = GPT(config)
    state: dict[str, Tensor] = {}
    if kind_of_gpt(config) == "gpt2":
        state |= {"embed": found["wte.weight"], "place": found["wpe.weight"]}
        state |= {"norm.weight": found["ln_f.weight"], "norm.bias": found["ln_f.bias"]}
        names = {"qkv": "attn.c_attn", "out": "attn.c_proj", "up": "mlp.c_fc", "down": "mlp.c_proj"}
        for i in range(config.layers):
            for own, theirs in names.items():
                state[f"blocks.{i}.{own}"] = found[f"h.{i}.{theirs}.weight"].T.contiguous()
                state[f"blocks.{i}.{own}_bias"] = found[f"h.{i}.{theirs}.bias"]
            for own, theirs in (("norm1", "ln_1"), ("norm2", "ln_2")):
                state[f"blocks.{i}.{own}.weight"] = found[f"h.{i}.{theirs}.weight"]
                state[f"blocks.{i}.{own}.bias"] = found[f"h.{i}.{theirs}.bias"]
    else:
        state |= {"embed": found["embed_tokens.weight"], "norm.weight": found["norm.weight"]}
        for i in range(config.layers):
            n, own = f"layers.{i}", f"blocks.{i}"
            state[f"{own}.qkv"] = torch.cat([found[f"{n}.self_attn.{p}_proj.weight"] for p in "qkv"])
            state[f"{own}.out"] = found[f"{n}.self_attn.o_proj.weight"]
            state[f"{own}.up"] = torch.cat([found[f"{n}.mlp.{p}_proj.weight"] for p in ("gate", "up")])
            state[f"{own}.down"] = found[f"{n}.mlp.down_proj.weight"]
            state[f"{own}.norm1.weight"] = found[f"{n}.input_layernorm.weight"]
            state[f"{own}.norm2.weight"] = found[f"{n}.post_attention_layernorm.weight"]
            if config.qkv_bias:
                state[f"{own}.qkv_bias"] = torch.cat([found[f"{n}.self_attn.{p}_proj.bias"] for p in "qkv"])
            if config.qk_norm:
                state[f"{own}.qk"] = torch.stack([found[f"{n}.self_attn.{p}_norm.weight"] for p in "qk"])
    if not config.tied:
        state["head"] = found["lm_head.weight"] if "lm_head.weight" in found else found["embed_tokens.weight"]
    shape.load_state_dict(state, assign=True)
    if config.positions == "rotary":  # buffers that no file holds
        fresh = GPT(
            GPTConfig(1, 2, 0, 1, 1, config.head, 1, config.context, theta=config.theta, scaling=config.scaling)
        )
        shape.cos, shape.sin = fresh.cos, fresh.sin
    return shape
