"""Tiny forecasters with random weights in the layouts of Chronos-Bolt, Chronos (T5) and TimesFM: for tests, never fetched from anywhere."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

T5 = {
    "model_type": "t5", "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 2,
    "feed_forward_proj": "relu", "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1, "dropout_rate": 0.1,
    "is_encoder_decoder": True, "tie_word_embeddings": False, "torch_dtype": "float32",
}  # fmt: skip
BOLT = {"context_length": 64, "prediction_length": 8, "input_patch_size": 4, "input_patch_stride": 4, "quantiles": [0.1, 0.5, 0.9], "use_reg_token": True}  # fmt: skip
CHRONOS = {
    "tokenizer_class": "MeanScaleUniformBins", "tokenizer_kwargs": {"low_limit": -15.0, "high_limit": 15.0}, "context_length": 32,
    "prediction_length": 6, "n_tokens": 64, "n_special_tokens": 2, "pad_token_id": 0, "eos_token_id": 1, "use_eos_token": True,
    "model_type": "seq2seq", "num_samples": 20, "temperature": 1.0, "top_k": 50, "top_p": 1.0,
}  # fmt: skip


def tiny_bolt(folder: Path) -> Path:
    from transformers import T5Config, T5Model

    torch.manual_seed(0)
    body = T5Model(T5Config(**{k: v for k, v in T5.items() if k != "model_type"}, vocab_size=2))
    tensors = {k: v.clone() for k, v in body.state_dict().items() if not k.endswith("embed_tokens.weight")}
    for name, width, out in (("input", 8, 16), ("output", 16, 24)):
        for layer, (a, b) in {
            "hidden_layer": (width, 32),
            "output_layer": (32, out),
            "residual_layer": (width, out),
        }.items():
            made = nn.Linear(a, b)
            tensors[f"{name}_patch_embedding.{layer}.weight"] = made.weight.detach().clone()
            tensors[f"{name}_patch_embedding.{layer}.bias"] = made.bias.detach().clone()
    config = {
        **T5,
        "architectures": ["ChronosBoltModelForForecasting"],
        "chronos_config": BOLT,
        "reg_token_id": 1,
        "vocab_size": 2,
    }
    return _written(folder, config, tensors)


def tiny_chronos(folder: Path) -> Path:
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    body = T5ForConditionalGeneration(T5Config(**{k: v for k, v in T5.items() if k != "model_type"}, vocab_size=64))
    tensors = {k: v.clone() for k, v in body.state_dict().items() if not k.endswith("embed_tokens.weight")}
    config = {**T5, "architectures": ["T5ForConditionalGeneration"], "chronos_config": CHRONOS, "vocab_size": 64}
    return _written(folder, config, tensors)


def tiny_timesfm(folder: Path) -> Path:
    from transformers import TimesFmConfig, TimesFmModelForPrediction

    torch.manual_seed(0)
    config = TimesFmConfig(
        patch_length=8, context_length=64, horizon_length=16, num_hidden_layers=2, hidden_size=16, intermediate_size=16, head_dim=8, num_attention_heads=2
    )  # fmt: skip
    TimesFmModelForPrediction(config).save_pretrained(folder)
    return folder


MADE = {"bolt": tiny_bolt, "chronos": tiny_chronos, "timesfm": tiny_timesfm}


def _written(folder: Path, config: dict, tensors: dict) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    return folder
