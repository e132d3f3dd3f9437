"""Pretrained encoders of text and pictures (`pretrained_av.py`: of sound and clips), built by transformers from a config and filled from safetensors.

An encoder whose codec knows the weights' folder takes them from there; one restored from a bundle is only built, and the
bundle's weights fill it. Options read here: `encoder_lr`, `layer_decay`, `train_embeddings`, `lora_rank`, and those of
augmentation. Legend: B batch, T tokens or patches, D width, S side, C channels.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.core.errors import BundleError, MissingExtra, OptionError
from modelwright.models.augment import in_training
from modelwright.models.backbones.base import Backbone, backbone_of
from modelwright.models.encoders.base import Encoded, Encoder

# Families whose `pooler_output` is made of trained layers alone; of others the tokens themselves are pooled.
_POOLED = frozenset(
    ("convnext", "convnextv2", "resnet", "regnet", "swin", "swinv2", "clip_vision_model", "siglip_vision_model")
)
_VISION = {"clip": "CLIPVisionModel", "siglip": "SiglipVisionModel"}
_LAYER = re.compile(r"(?:^|\.)(?:layers?|blocks?|h)\.(\d+)\.")
_STAGE = re.compile(r"(?:^|\.)stages\.(\d+)\.(?:layers\.(\d+)\.)?")

_BELOW = re.compile(r"^stem\.|embed|feature_extractor|feature_projection|^conv\d\.")  # what lies below the first layer
_LOST = 0.1  # share of an encoder's tensors that may be absent from its file: poolers, masks of training


def load_encoder(config: Mapping[str, Any], folder: Any) -> Any:
    """Return the encoder of a config: with the weights of `folder`, or only built where that is None.

    Raises OptionError where weights cannot be read, BundleError where transformers cannot build the config.
    """
    own = backbone_of(config, folder)
    if own is not None:
        return own
    try:
        import transformers
    except ImportError as e:
        raise MissingExtra("pretrained", "Using pretrained encoders", "使用预训练编码器") from e
    kind = str(config["model_type"])
    vision = _VISION.get(kind)
    made: Any = getattr(transformers, vision) if vision else transformers.AutoModel
    with quiet_transformers(transformers):
        if folder is not None:
            try:
                model, told = made.from_pretrained(
                    str(folder), use_safetensors=True, local_files_only=True, dtype=torch.float32,
                    output_loading_info=True,
                )  # fmt: skip
            except (OSError, ValueError, RuntimeError, KeyError) as e:
                raise OptionError(
                    f"The weights of `{folder}` cannot be read ({type(e).__name__}). Expected the safetensors files of a whole model.",
                    f"无法读取 `{folder}` 的权重（{type(e).__name__}）。应为完整模型的 safetensors 文件。",
                ) from e
            _check_whole(model, told, folder)
        else:
            try:
                plain = transformers.AutoConfig.for_model(**{k: v for k, v in config.items() if k != "auto_map"})
                model = made(plain.vision_config) if vision else made.from_config(plain, dtype=torch.float32)
            except (ValueError, KeyError, TypeError, AttributeError) as e:
                raise BundleError(
                    f"An encoder of kind `{kind}` cannot be built ({type(e).__name__}); is transformers of another version?",
                    f"无法构建 `{kind}` 类型的编码器（{type(e).__name__}）；transformers 的版本是否不同？",
                ) from e
    if getattr(model, "pooler", None) is not None and model.config.model_type not in _POOLED:
        model.pooler = None  # of an untrained layer nothing is read
    return model


def _check_whole(model: Any, told: Mapping[str, Any], folder: Any) -> None:
    """Refuse a file that lacks much of the encoder: the library would leave those parts random without a word."""
    absent, whole = len(told.get("missing_keys", ())), len(model.state_dict())
    if absent > _LOST * whole + 4:
        raise OptionError(
            f"`{folder}` lacks {absent} of the encoder's {whole} tensors. Expected the weights of the whole encoder.",
            f"`{folder}` 缺少编码器 {whole} 个张量中的 {absent} 个。应为完整编码器的权重。",
        )


@contextlib.contextmanager
def quiet_transformers(transformers: Any) -> Iterator[None]:
    """Keep the library's progress bars and notes on unused weights out of the terminal."""
    log = transformers.utils.logging
    level, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()


def depth_of(name: str, stages: list[int], layers: int) -> int:
    """Return how deep a parameter lies: 0 embeddings, i + 1 for the i-th layer, `layers` + 1 beyond the last."""
    stage = _STAGE.search(name)
    if stage:
        return sum(stages[: int(stage[1])]) + int(stage[2] or 0) + 1
    layer = _LAYER.search(name)
    if layer:
        return int(layer[1]) + 1
    return 0 if _BELOW.search(name) else layers + 1


def set_rates(model: nn.Module, share: float, decay: float) -> None:
    """Give each parameter its share of the learning rate: `share` at the top, less by `decay` for each layer below.

    Layer-wise decay as in ELECTRA (arXiv 2003.10555) and BEiT (arXiv 2106.08254); `train/optim.py` reads `lr_scale`.
    """
    names = [n for n, _ in model.named_parameters()]
    stages = [0] * (1 + max((int(m[1]) for n in names if (m := _STAGE.search(n))), default=0))
    for n in names:
        if m := _STAGE.search(n):
            stages[int(m[1])] = max(stages[int(m[1])], int(m[2] or 0) + 1)
    layers = max((depth_of(n, stages, -1) for n in names), default=0)
    for n, p in model.named_parameters():
        p.lr_scale = share * decay ** (layers + 1 - depth_of(n, stages, layers))  # type: ignore[attr-defined]


def add_lora(model: nn.Module, rank: int) -> None:
    """Put low-rank adapters beside all linear layers and keep everything else still (Hu et al., arXiv 2106.09685)."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as e:
        raise MissingExtra("pretrained", "LoRA", "LoRA 微调") from e
    linear = sorted({n for n, m in model.named_modules() if isinstance(m, nn.Linear)})
    if not linear:
        raise OptionError(
            "LoRA needs linear layers, and this encoder has none; use `finetune`.",
            "LoRA 需要线性层，而该编码器没有；请使用 `finetune`。",
        )
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=linear)
    inject_adapter_in_model(config, model)


def merge_lora(model: nn.Module) -> None:
    """Add the adapters to the weights they stand beside and take them away: what is left is a plain encoder."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    found = [(n, m) for n, m in model.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, layer in found:
        made: Any = layer
        made.merge()
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, made.get_base_layer())
    for p in model.parameters():
        p.requires_grad_(True)


class HubEncoder(Encoder):
    """What pretrained encoders share: `model`, its learning rates, its adapters; where asked for, kept as it is."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.model = self.prepare(load_encoder(codec.config, codec.folder))
        rank = int(getattr(options, "lora_rank", 0))
        share = float(getattr(options, "encoder_lr", 1e-4)) / float(getattr(options, "lr", 1e-3))
        if codec.folder is None:
            return  # restored: its weights follow, and it is not trained
        if rank:
            add_lora(self.model, rank)
            set_rates(self.model, share, 1.0)
            return
        set_rates(self.model, share, float(getattr(options, "layer_decay", 0.9)))

    def prepare(self, model: Any) -> Any:
        """Return the loaded encoder as this column's cells want it; the same whether loaded or only built."""
        return model


class HubText(HubEncoder):
    """A text encoder of the BERT kind; its tokens' mean, or its first token where its makers pooled so."""

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        self.width = int(self.model.config.hidden_size)
        pad = self.model.config.pad_token_id
        self.pad, self.first = int(pad) if pad is not None else 0, codec.pooling == "cls"
        if not getattr(options, "train_embeddings", False):
            self.model.get_input_embeddings().weight.requires_grad_(False)

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        ids = inputs["ids"]
        mask = ids > 0
        x = self.model(
            input_ids=torch.where(mask, ids - 1, self.pad), attention_mask=mask.long()
        ).last_hidden_state.float()
        vector = x[:, 0] if self.first else (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
        return Encoded(vector * (1 - inputs["missing"][:, None]), x, mask)


class HubImage(HubEncoder):
    """An encoder of pictures: what its own trained pooling gives, else the first token beside the mean of the others."""

    mixes = True

    def __init__(self, codec: Any, options: Any) -> None:
        super().__init__(codec, options)
        defaults = {"flip": False, "shift": 0.0, "erase": 0.0, "colour": 0.0, "policy": 0.0}
        self.augmentation = {k: getattr(options, k, v) for k, v in defaults.items()}
        self.pooled = isinstance(self.model, Backbone) or self.model.config.model_type in _POOLED
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", 255 * torch.tensor(codec.mean).float()[None, :, None, None])
        self.register_buffer("deviation", 255 * torch.tensor(codec.std).float()[None, :, None, None])
        self.width = self._width()

    def _width(self) -> int:
        config = self.model.config
        if not self.pooled:
            return 2 * int(config.hidden_size)
        sizes = getattr(config, "hidden_sizes", None)
        return int(sizes[-1] if sizes else config.hidden_size)

    def pooled_of(self, out: Any) -> tuple[Tensor, Tensor]:
        """Return a vector for each picture [B, D], and the tokens or maps it comes from."""
        maps = out.last_hidden_state.float()
        if self.pooled:
            return out.pooler_output.float().flatten(1), maps
        return torch.cat([maps[:, 0], maps[:, 1:].mean(1)], dim=1), maps

    def forward(self, inputs: dict[str, Tensor]) -> Encoded:
        x = (inputs["pixels"].permute(0, 3, 1, 2).float() - self.mean) / self.deviation
        if self.training:
            x = in_training(x, self.augmentation, self.turn, self.mix)
        vector, maps = self.pooled_of(self.model(pixel_values=x))
        return Encoded(vector * (1 - inputs["missing"][:, None]), maps if maps.dim() == 3 else None)
