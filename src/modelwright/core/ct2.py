"""Weights as CTranslate2 keeps them (model.bin, format 6): read without its library, and named as transformers names those of Whisper.

The format: https://github.com/OpenNMT/CTranslate2/blob/master/python/ctranslate2/specs/model_spec.py. Numbers alone are in it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_FORMAT = 6
_KINDS = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_SCALE = "_scale"  # of weights of 8 bits, one for each row


def read_ct2(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a file of CTranslate2 by name, each in its own shape; those of 8 bits as the numbers they stand for, float32.

    Raises OSError where it cannot be read, ValueError for anything else than such a file.
    """
    data = path.read_bytes()
    at = 0

    def number(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return int(value)

    def text() -> str:
        nonlocal at
        size = number("H")
        at += size
        return data[at - size : at - 1].decode("utf-8")

    try:
        if number("I") != _FORMAT:
            raise ValueError("another format")
        text()
        number("I")
        out: dict[str, np.ndarray] = {}
        for _ in range(number("I")):
            name = text()
            shape = [number("I") for _ in range(number("B"))]
            kind, size = _KINDS[number("B")], number("I")
            out[name] = np.frombuffer(data, kind, size // np.dtype(kind).itemsize, at).reshape(shape)
            at += size
        for _ in range(number("I")):
            alias, name = text(), text()
            out[alias] = out[name]
    except (struct.error, KeyError, UnicodeDecodeError) as e:
        raise ValueError(f"no weights of CTranslate2 ({type(e).__name__})") from e
    scales = {k.removesuffix(_SCALE): v for k, v in out.items() if k.endswith(_SCALE)}
    for name, scale in scales.items():
        out[name] = out[name].astype(np.float32) / scale.reshape(-1, *(1,) * (out[name].ndim - 1))
    return out


def whisper_weights(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the tensors of a Whisper model, float32 in the shapes that transformers has, by its names.

    `found` is as `read_ct2` returns it. Raises KeyError for a tensor that is missing, ValueError for one that cannot be split.
    """
    out: dict[str, np.ndarray] = {}

    def take(name: str, made: str, *, parts: tuple[str, ...] = ("",)) -> None:
        for part, values in zip(parts, np.split(found[name], len(parts)), strict=True):
            out[made.format(part)] = np.ascontiguousarray(values, np.float32)

    def norm(name: str, made: str) -> None:
        take(f"{name}/gamma", f"{made}.weight")
        take(f"{name}/beta", f"{made}.bias")

    def linear(name: str, made: str, parts: tuple[str, ...] = ("",)) -> None:
        take(f"{name}/weight", made + ".weight", parts=parts)
        take(f"{name}/bias", made + ".bias", parts=parts)

    for side in ("encoder", "decoder"):
        norm(f"{side}/layer_norm", f"model.{side}.layer_norm")
        take(f"{side}/position_encodings/encodings", f"model.{side}.embed_positions.weight")
        for k in range(sum(n.startswith(f"{side}/layer_") and n.endswith("/ffn/linear_0/weight") for n in found)):
            here, there = f"{side}/layer_{k}", f"model.{side}.layers.{k}"
            norm(f"{here}/self_attention/layer_norm", f"{there}.self_attn_layer_norm")
            linear(f"{here}/self_attention/linear_0", there + ".self_attn.{}", ("q_proj", "k_proj", "v_proj"))
            linear(f"{here}/self_attention/linear_1", f"{there}.self_attn.out_proj")
            norm(f"{here}/ffn/layer_norm", f"{there}.final_layer_norm")
            linear(f"{here}/ffn/linear_0", f"{there}.fc1")
            linear(f"{here}/ffn/linear_1", f"{there}.fc2")
            if side == "decoder":
                norm(f"{here}/attention/layer_norm", f"{there}.encoder_attn_layer_norm")
                linear(f"{here}/attention/linear_0", f"{there}.encoder_attn.q_proj")
                linear(f"{here}/attention/linear_1", there + ".encoder_attn.{}", ("k_proj", "v_proj"))
                linear(f"{here}/attention/linear_2", f"{there}.encoder_attn.out_proj")
    for k in (1, 2):
        linear(f"encoder/conv{k}", f"model.encoder.conv{k}")
    take("decoder/embeddings/weight", "model.decoder.embed_tokens.weight")
    return {k: v for k, v in out.items() if not k.endswith("k_proj.bias")}  # keys have none
