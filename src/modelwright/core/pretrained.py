"""Pretrained encoders: finding the folder that a name stands for, and reading what it is before anything is loaded.

A name is a local folder, that of packaged weights (`minilm`, `efficientnet-lite0`), or a model of the hub,
`owner/name` or `owner/name@revision`. The hub is asked only for a name that the user gave; the mirror in HF_ENDPOINT and
HF_HUB_OFFLINE are respected. Only JSON, text and safetensors files are read, and no code of a model is ever run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from modelwright.core import packaged
from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.words import Words

MINILM, EFFICIENTNET = "minilm", "efficientnet-lite0"
_ANY_SIZE = (EFFICIENTNET, "vgg")
_ALLOWED = ["*.json", "*.safetensors", "vocab.txt", "*merges.txt", "*.model", "*.spm", "README.md"]
_LEFT_OUT = ["onnx/*", "openvino/*", "*.onnx", "*.bin", "*.h5", "*.msgpack", "*.py"]
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")

# Kinds of models by the modality that their encoder reads; their names are those of `model_type` in config.json.
FAMILIES: dict[str, tuple[str, ...]] = {
    "text": (
        "bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet", "albert", "electra", "ernie",
        "deberta", "deberta-v2", "modernbert", "convbert", "mobilebert", "roformer", "nystromformer", "rembert",
    ),
    "text2text": ("marian", "t5", "mt5", "bart", "mbart", "m2m_100", "pegasus"),  # a text is read, another one written
    "text2speech": ("vits", "hibari", "speecht5"),  # a text is read aloud
    "vocoder": ("speecht5_hifigan", "hifigan"),  # spectra become sound, for a voice beside it
    "image": (
        "vit", "deit", "beit", "dinov2", "dinov2_with_registers", "convnext", "convnextv2", "resnet", "regnet",
        "swin", "swinv2", "clip", "clip_vision_model", "siglip", "siglip_vision_model",
        EFFICIENTNET, "vgg",
    ),
    "audio": (
        "wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat", "whisper", "audio-spectrogram-transformer",
    ),
    "video": ("videomae", "timesformer"),
    "detect": ("rt_detr", "rt_detr_v2", "d_fine", "conditional_detr", "deformable_detr"),  # boxes are found in pictures
    "forecast": ("timesfm", "timesfm2_5", "chronos"),  # histories are continued; Chronos says so beside the kind `t5`
}  # fmt: skip


_PIPELINE = "model_index.json"
# Diffusion models in diffusers' layout that are tuned here, and the folders that they need.
PIPELINES: dict[str, tuple[str, ...]] = {
    "StableDiffusionPipeline": ("unet", "scheduler", "vae", "text_encoder", "tokenizer"),
    "DDPMPipeline": ("unet", "scheduler"),
    "DDIMPipeline": ("unet", "scheduler"),
}


def bare_name(asked: str) -> str:
    """Return what to call a model that was asked for: its hub name, or the last part of a path; never a path of this machine."""
    return Path(asked).name if Path(asked).exists() else asked


@dataclass(frozen=True)
class Found:
    """A pretrained encoder on disk: what was asked for, where it lies, its config.json, and the modality it reads."""

    asked: str
    folder: Path
    config: dict[str, Any]
    modality: str

    @property
    def name(self) -> str:
        """What to call it; never a path of this machine."""
        return bare_name(self.asked)

    @property
    def width(self) -> int:
        """How wide its vectors are, as its config tells under one of several names; 768 where it does not."""
        own = self.config.get("vision_config", self.config)
        told = own.get("hidden_size", own.get("dim", own.get("hidden_sizes", own.get("d_model", 768))))
        return int(told[-1] if isinstance(told, list) else told)

    @property
    def convolutional(self) -> bool:
        """Whether it is a network written here that takes pictures of any size and has no linear layers."""
        return bool(self.config.get("any_size")) or self.config["model_type"] in _ANY_SIZE

    @property
    def rate(self) -> float:
        """The learning rate of its top layers in fine-tuning: its config's own, else 2e-4 for the 384 wide MiniLM, by measurement;
        wider Transformers bear less, about in proportion."""
        return float(self.config.get("encoder_lr", 2e-4 * min(1.0, 384 / self.width)))

    @property
    def reads(self) -> tuple[str, ...]:
        """Modalities of the columns that it can read: its own, and for pictures the frames of clips as well."""
        return ("image", "video") if self.modality == "image" else (self.modality,)

    def json(self, name: str) -> dict[str, Any]:
        """Return a JSON object of its folder, such as vocab.json; {} where there is none."""
        try:
            found = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def told(self) -> dict[str, Any]:
        """Return what preprocessor_config.json says of how its makers prepare what it reads; {} where there is none."""
        return self.json("preprocessor_config.json")

    def origin(self) -> dict[str, str]:
        """Return where it comes from, for cards and bundles: name, revision or digest, licence and paper where told."""
        out = {"name": self.name, "kind": str(self.config["model_type"])}
        own = packaged.PACKAGED.get(self.asked)
        if own is not None and own.onnx:
            return out | {"sha256": own.sha256, "licence": str(own.config["licence"])}
        parts = self.folder.parts
        if len(parts) > 1 and parts[-2] == "snapshots":
            out["revision"] = parts[-1]
        else:
            out["sha256"] = digest_of_weights(self.folder)
        return out | facts_of_card(self.folder / "README.md")


def minilm_installed() -> bool:
    """Return whether the packaged English sentence encoder can be used: it, transformers and torch are installed."""
    return packaged.installed(MINILM) and importlib.util.find_spec("transformers") is not None


@cache
def find(asked: str) -> Found:
    """Return the encoder that a name stands for.

    Raises OptionError where there is none, it is of no known kind, it wants code of its own to be run, or it has no
    safetensors weights; MissingExtra where a library is not installed.
    """
    own = packaged.PACKAGED.get(asked)
    if own is not None and own.onnx and not Path(asked).is_dir():
        return Found(asked, packaged.folder_of(asked), dict(own.config), _modality(own.config, asked))
    if asked != EFFICIENTNET and importlib.util.find_spec("transformers") is None:
        raise MissingExtra("pretrained", "Using pretrained encoders", "使用预训练编码器")
    folder = _folder(asked)
    if (folder / _PIPELINE).is_file():
        return _pipeline(asked, folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise OptionError(
            f"`{asked}` holds no readable config.json ({type(e).__name__}); expected a folder as `save_pretrained` writes it.",
            f"`{asked}` 中没有可读的 config.json（{type(e).__name__}）；应为 `save_pretrained` 写出的文件夹。",
        ) from e
    modality = _modality(config, asked)
    if "auto_map" in config:
        raise OptionError(
            f"`{asked}` wants code of its own to be run, which is never done. Choose an encoder of a kind that is built in.",
            f"`{asked}` 需要运行其自带代码，这是不允许的。请选择内置类型的编码器。",
        )
    _check_weights(folder, asked)
    return Found(asked, folder, config, modality)


def _pipeline(asked: str, folder: Path) -> Found:
    """Return a diffusion model in diffusers' layout. Raises OptionError for one of a kind that is not tuned here, or without weights;
    MissingExtra where diffusers is not installed."""
    try:
        index = json.loads((folder / _PIPELINE).read_text(encoding="utf-8"))
        kind = str(index["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise OptionError(
            f"`{asked}` holds no readable {_PIPELINE} ({type(e).__name__}); expected a folder as diffusers' `save_pretrained` writes it.",
            f"`{asked}` 中没有可读的 {_PIPELINE}（{type(e).__name__}）；应为 diffusers 的 `save_pretrained` 写出的文件夹。",
        ) from e
    if kind not in PIPELINES:
        known = ", ".join(PIPELINES)
        raise OptionError(
            f"`{asked}` is a {kind}, which cannot be tuned here; expected one of: {known}.",
            f"`{asked}` 为 {kind}，此处无法微调；可用：{known}。",
        )
    for part in PIPELINES[kind]:
        if not (folder / part).is_dir():
            raise OptionError(
                f"`{asked}` has no folder `{part}`; expected {', '.join(PIPELINES[kind])} beside {_PIPELINE}.",
                f"`{asked}` 中没有文件夹 `{part}`；{_PIPELINE} 旁应有 {'、'.join(PIPELINES[kind])}。",
            )
        if part not in ("scheduler", "tokenizer"):
            _check_weights(folder / part, f"{asked}/{part}")
    if importlib.util.find_spec("diffusers") is None:
        raise MissingExtra("diffusion", "Using a diffusion model from a folder", "使用文件夹中的扩散模型")
    return Found(asked, folder, {"model_type": kind}, "diffuse")


@cache
def find_causal(asked: str) -> Found:
    """Return the causal language model that a name stands for, to be tuned or served.

    Raises OptionError where there is none, it is no causal model, it wants code of its own to be run, or it has no
    safetensors weights.
    """
    folder = _folder(asked)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        made = [str(a) for a in config.get("architectures") or []]
    except (OSError, ValueError, AttributeError) as e:
        raise OptionError(
            f"`{asked}` holds no readable config.json ({type(e).__name__}); expected a folder as `save_pretrained` writes it.",
            f"`{asked}` 中没有可读的 config.json（{type(e).__name__}）；应为 `save_pretrained` 写出的文件夹。",
        ) from e
    if not any(a.endswith(("ForCausalLM", "LMHeadModel")) for a in made):
        raise OptionError(
            f"`{asked}` is not a causal language model: its architectures are {made}, expected ...ForCausalLM.",
            f"`{asked}` 不是因果语言模型：其架构为 {made}，应为 ...ForCausalLM。",
        )
    if "auto_map" in config:
        raise OptionError(
            f"`{asked}` wants code of its own to be run, which is never done. Choose a model of a kind that is built in.",
            f"`{asked}` 需要运行其自带代码，这是不允许的。请选择内置类型的模型。",
        )
    _check_weights(folder, asked)
    return Found(asked, folder, config, "causal")


def _folder(asked: str) -> Path:
    if asked in packaged.names() and not Path(asked).is_dir():
        return packaged.folder_of(asked)
    if Path(asked).is_dir():
        return Path(asked)
    if Path(asked).exists() or asked.startswith((".", "/", "~")) or asked.count("/") > 1 or "\\" in asked:
        raise OptionError(
            f"There is no folder `{asked}`. Give a folder with config.json, {_packaged(' or ')}, or the name of a hub model.",
            f"没有文件夹 `{asked}`。请给出含 config.json 的文件夹、{_packaged('、')} 或模型库中的名称。",
        )
    return _from_hub(asked)


def _packaged(between: str) -> str:
    return between.join(f"`{n}`" for n in packaged.names())


def _from_hub(asked: str) -> Path:
    """Return the folder of a hub model in the cache, fetched where it is not there yet."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, _, revision = asked.partition("@")
    try:
        return Path(
            snapshot_download(name, revision=revision or None, allow_patterns=_ALLOWED, ignore_patterns=_LEFT_OUT)
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError, ValueError) as e:
        raise OptionError(
            f"`{asked}` is not a folder here, and the hub did not give it ({type(e).__name__}). Check the name and the "
            "network (HF_ENDPOINT names a mirror), or give a local folder.",
            f"本地没有文件夹 `{asked}`，也无法从模型库取得（{type(e).__name__}）。请检查名称与网络"
            "（HF_ENDPOINT 可指定镜像），或给出本地文件夹。",
        ) from e


def _modality(config: dict[str, Any], asked: str) -> str:
    if isinstance(config.get("chronos_config"), dict):
        return "forecast"
    kind = str(config.get("model_type", ""))
    for modality, kinds in FAMILIES.items():
        if kind in kinds:
            return modality
    known = Words(*("; ".join(f"{m}: {', '.join(k)}" for m, k in FAMILIES.items()),) * 2)
    raise OptionError(
        f"`{asked}` is of kind `{kind}`, which is not an encoder known here. Known: {known.en}.",
        f"`{asked}` 的类型为 `{kind}`，不是已知的编码器。可用：{known.zh}。",
    )


def _check_weights(folder: Path, asked: str) -> None:
    if list(folder.glob("*.safetensors")):
        return
    if any(p.suffix in _PICKLES for p in folder.iterdir()):
        raise OptionError(
            f"`{asked}` has its weights only in a format that can hold code (pickle). Expected model.safetensors: save "
            "it again with `save_pretrained`, or name a revision that has it.",
            f"`{asked}` 的权重仅有可携带代码的格式（pickle）。应有 model.safetensors：请用 `save_pretrained` 重新保存，"
            "或指定含该文件的版本。",
        )
    raise OptionError(
        f"`{asked}` holds no weights; expected model.safetensors.", f"`{asked}` 中没有权重；应有 model.safetensors。"
    )


@cache
def digest_of_weights(folder: Path) -> str:
    """Return the SHA-256 over the folder's weights, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")) or sorted(folder.rglob("*.safetensors")):
        with path.open("rb") as f:
            while block := f.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def facts_of_card(card: Path) -> dict[str, str]:
    """Return licence and paper as a model card tells them; what it does not tell is left out."""
    try:
        text = card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    head = text.split("---", 2)[1] if text.startswith("---") and text.count("---") > 1 else ""
    licence = re.search(r"^license:\s*['\"]?([\w.+-]+)", head, re.MULTILINE)
    # a card that names several papers mostly names those of its data: none is taken for the model's own then
    papers = set(re.findall(r"arxiv(?:\.org/(?:abs|pdf)/|:)(\d{4}\.\d{4,5})", text, re.IGNORECASE))
    out = {"licence": licence[1]} if licence else {}
    return out | ({"paper": f"arXiv {papers.pop()}"} if len(papers) == 1 else {})


_ENGLISH = frozenset(
    [
        "the",
        "a",
        "an",
        "is",
        "are",
        "was",
        "to",
        "of",
        "in",
        "and",
        "i",
        "my",
        "it",
        "for",
        "on",
        "you",
        "with",
        "not",
        "this",
        "that",
        "have",
        "can",
        "how",
        "what",
    ]
)


def mostly_english(texts: list[str | None]) -> bool:
    """Return whether texts look English: nearly all letters are plain, and one word in eight or more is a common one."""
    whole = " ".join(t for t in texts if t)
    letters = [c for c in whole if c.isalpha()]
    if not letters or sum(c.isascii() for c in letters) < 0.95 * len(letters):
        return False
    words = re.findall(r"[a-z]+", whole.lower())
    return sum(w in _ENGLISH for w in words) >= len(words) / 8
