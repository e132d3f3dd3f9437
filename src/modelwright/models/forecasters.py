"""Pretrained forecasters, built from a config and filled from safetensors: Chronos-Bolt, Chronos (T5) and TimesFM.

Chronos-Bolt reads patches of a standardised history with T5's encoder and answers quantiles of all steps by one step of its decoder; Chronos
reads and writes values as one of some thousand tokens (Ansari et al. 2024, arXiv 2403.07815); TimesFM is a decoder over patches
(Das et al. 2024, arXiv 2310.10688). T5 and TimesFM come from transformers, no code of a folder is run.
Legend: B rows, T values of a history, P patches, Q quantiles, S steps that a model answers at once, H steps asked for, D width, V tokens.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modelwright.core.errors import OptionError

_TIED = ("embed_tokens.weight", "lm_head.weight")  # told once, as `shared.weight`
_AT_ONCE = 64  # histories that are read together
_LEAST_SCALE = 1e-5
_BOUND = 1e20


class Forecaster(nn.Module):
    """A pretrained network that goes on with histories. `context` is how many of their values it reads, `steps` S."""

    context: int
    steps: int

    @abstractmethod
    def next(self, values: Tensor) -> Tensor:
        """Return the points of the next steps [B, S] of histories of equal length [B, T]."""

    def ahead(self, histories: Sequence[np.ndarray], horizon: int) -> np.ndarray:
        """Return points [B, H] for histories, each without gaps. Steps beyond S go on from the points before."""
        out = np.zeros((len(histories), horizon))
        cut = [h[-self.context :] for h in histories]
        for length in sorted({len(h) for h in cut}):
            same = [i for i, h in enumerate(cut) if len(h) == length]
            for first in range(0, len(same), _AT_ONCE):
                rows = same[first : first + _AT_ONCE]
                out[rows] = self._ahead(torch.from_numpy(np.stack([cut[i] for i in rows])).float(), horizon)
        return out

    @torch.inference_mode()
    def _ahead(self, values: Tensor, horizon: int) -> np.ndarray:
        found = values[:, :0]
        while found.shape[1] < horizon:
            known = torch.cat([values, found], dim=1)[:, -self.context :]
            found = torch.cat([found, self.next(known).float()], dim=1)
        return found[:, :horizon].double().numpy()


class _Residual(nn.Module):
    """Two layers beside one; names are those of Chronos-Bolt's files."""

    def __init__(self, width: int, hidden: int, out: int, activation: str) -> None:
        super().__init__()
        from transformers.activations import ACT2FN

        self.hidden_layer, self.output_layer = nn.Linear(width, hidden), nn.Linear(hidden, out)
        self.residual_layer = nn.Linear(width, out)
        self.act: Any = ACT2FN[activation]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output_layer(self.act(self.hidden_layer(x))) + self.residual_layer(x)
        return out


class ChronosBolt(Forecaster):
    """T5 between patches of a history and quantiles of what comes."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        from transformers import T5Config, T5Model

        own = config["chronos_config"]
        plain = T5Config(**{**_library_config(config), "vocab_size": 2 if own.get("use_reg_token") else 1})
        self.t5: Any = T5Model(plain)
        self.patch, self.stride = (
            int(own["input_patch_size"]),
            int(own.get("input_patch_stride", own["input_patch_size"])),
        )
        self.levels = [float(q) for q in own["quantiles"]]
        self.context, self.steps = int(own["context_length"]), int(own["prediction_length"])
        self.reg = int(config.get("reg_token_id", 1)) if own.get("use_reg_token") else None
        self.start = int(config.get("decoder_start_token_id") or 0)
        act = str(plain.dense_act_fn)
        self.input_patch_embedding = _Residual(2 * self.patch, plain.d_ff, plain.d_model, act)
        self.output_patch_embedding = _Residual(plain.d_model, plain.d_ff, len(self.levels) * self.steps, act)
        self.middle = int(np.argmin([abs(q - 0.5) for q in self.levels]))

    def next(self, values: Tensor) -> Tensor:
        centre = values.mean(dim=1, keepdim=True)
        scale = ((values - centre) ** 2).mean(dim=1, keepdim=True).sqrt()
        scale = torch.where(scale == 0, centre.abs() + _LEAST_SCALE, scale)
        x = (values - centre) / scale
        gap = -x.shape[1] % self.patch  # what is missing in front is 0, and marked
        known = nn.functional.pad(torch.ones_like(x), (gap, 0)).unfold(1, self.patch, self.stride)
        x = nn.functional.pad(x, (gap, 0)).unfold(1, self.patch, self.stride)
        tokens = self.input_patch_embedding(torch.cat([x, known], dim=2))
        if self.reg is not None:
            reg = torch.full((len(x), 1), self.reg, dtype=torch.long)
            tokens = torch.cat([tokens, self.t5.shared(reg)], dim=1)
        mask = torch.ones(tokens.shape[:2], dtype=torch.long)
        begin = torch.full((len(x), 1), self.start, dtype=torch.long)
        state = self.t5(
            inputs_embeds=tokens, attention_mask=mask, decoder_input_ids=begin, use_cache=False
        ).last_hidden_state
        quantiles = self.output_patch_embedding(state[:, 0]).view(len(x), len(self.levels), self.steps)
        out: Tensor = quantiles[:, self.middle] * scale + centre
        return out


class Chronos(Forecaster):
    """T5 over values as tokens. Each step goes on from the median of the step before: nothing is drawn by chance."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        from transformers import T5Config, T5ForConditionalGeneration

        own = config["chronos_config"]
        how = own["tokenizer_kwargs"]
        self.t5: Any = T5ForConditionalGeneration(T5Config(**_library_config(config)))
        self.context, self.steps = int(own["context_length"]), int(own["prediction_length"])
        special, self.end = int(own["n_special_tokens"]), int(own["eos_token_id"])
        self.first = special + 1  # token of the lowest centre
        self.ends = bool(own.get("use_eos_token", True))
        self.start = int(config.get("decoder_start_token_id") or 0)
        centres = torch.linspace(float(how["low_limit"]), float(how["high_limit"]), int(own["n_tokens"]) - special - 1)
        bound = torch.tensor([_BOUND])
        self.centres, self.bounds = centres, torch.cat([-bound, (centres[1:] + centres[:-1]) / 2, bound])

    def next(self, values: Tensor) -> Tensor:
        scale = values.abs().mean(dim=1, keepdim=True)
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        tokens = self._tokens(values / scale)
        if self.ends:
            tokens = torch.cat([tokens, torch.full((len(values), 1), self.end)], dim=1)
        mask = torch.ones_like(tokens)
        memory = self.t5.get_encoder()(input_ids=tokens, attention_mask=mask)
        said = torch.full((len(values), 1), self.start)
        found = []
        for _ in range(self.steps):
            logits = self.t5(
                encoder_outputs=memory, attention_mask=mask, decoder_input_ids=said, use_cache=False
            ).logits[:, -1]
            share = logits[:, self.first : self.first + len(self.centres)].float().softmax(dim=1).cumsum(dim=1)
            middle = (share < 0.5).sum(dim=1).clamp(max=len(self.centres) - 1)
            found.append(self.centres[middle])
            said = torch.cat([said, (middle + self.first)[:, None]], dim=1)
        return torch.stack(found, dim=1) * scale

    def _tokens(self, x: Tensor) -> Tensor:
        """Return the token of each value [B, T]: the first one stands for the lowest centre."""
        at = torch.bucketize(x, self.bounds, right=True) - 1
        return at.clamp(0, len(self.centres) - 1) + self.first


class TimesFm(Forecaster):
    """TimesFM as transformers has it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        import transformers

        made = transformers.AutoConfig.for_model(**_library_config(config, keep_type=True))
        name = "TimesFm2_5ModelForPrediction" if config["model_type"] == "timesfm2_5" else "TimesFmModelForPrediction"
        self.net: Any = getattr(transformers, name)(made)
        self.context, self.steps = int(made.context_length), int(made.horizon_length)

    def next(self, values: Tensor) -> Tensor:
        out: Tensor = self.net(past_values=list(values), return_dict=True).mean_predictions
        return out[:, : self.steps]


def _library_config(config: Mapping[str, Any], *, keep_type: bool = False) -> dict[str, Any]:
    """Return what transformers' own config takes of a folder's."""
    apart = {"chronos_config", "architectures", "auto_map", "dtype", "torch_dtype", "transformers_version"}
    return {k: v for k, v in config.items() if k not in apart and (keep_type or k != "model_type")}


def built(config: Mapping[str, Any]) -> Forecaster:
    """Return the network of a config, its weights by chance. Raises OptionError for one that is of no kind known here."""
    try:
        if "chronos_config" in config:
            return (ChronosBolt if "input_patch_size" in config["chronos_config"] else Chronos)(config).eval()
        if str(config.get("model_type", "")).startswith("timesfm"):
            return TimesFm(config).eval()
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as e:
        raise OptionError(
            f"The config.json of the forecaster cannot be used ({type(e).__name__}: {e}). Expected that of Chronos-Bolt, Chronos (T5) or TimesFM.",
            f"无法使用预测模型的 config.json（{type(e).__name__}：{e}）。应为 Chronos-Bolt、Chronos（T5）或 TimesFM 的配置。",
        ) from e
    raise OptionError(
        f"A forecaster of kind `{config.get('model_type')}` is not known here. Known: Chronos-Bolt, Chronos (T5), TimesFM.",
        f"未知的预测模型类型 `{config.get('model_type')}`。可用：Chronos-Bolt、Chronos（T5）、TimesFM。",
    )


def fill(network: Forecaster, tensors: Mapping[str, Tensor], source: str) -> None:
    """Put weights in their places. Raises OptionError where some are missing or of another shape."""
    named = {_inner(network, k): v.float() for k, v in tensors.items()}
    try:
        told = network.load_state_dict(named, strict=False)
    except RuntimeError as e:
        line = str(e).splitlines()[-1].strip()
        raise OptionError(
            f"The weights of `{source}` do not fit its config: {line}", f"`{source}` 的权重与其配置不符：{line}"
        ) from e
    absent = [k for k in told.missing_keys if not k.endswith(_TIED)]
    if absent:
        raise OptionError(
            f"`{source}` lacks {len(absent)} of the forecaster's tensors, `{absent[0]}` among them. Expected the weights of the whole model.",
            f"`{source}` 缺少预测模型的 {len(absent)} 个张量（如 `{absent[0]}`）。应为完整模型的权重。",
        )
    t5: Any = getattr(network, "t5", None)
    if t5 is not None:
        for part in (t5.encoder, t5.decoder):
            part.embed_tokens = t5.shared
        head = getattr(t5, "lm_head", None)
        if head is not None and not any(k.endswith("lm_head.weight") for k in named):
            head.weight = t5.shared.weight


def _inner(network: Forecaster, key: str) -> str:
    """Return where a tensor of a file stands in the network."""
    if isinstance(network, TimesFm):
        return key if key.startswith("net.") else f"net.{key}"
    apart = key.startswith(("t5.", "input_patch_embedding.", "output_patch_embedding."))
    return key if apart else f"t5.{key}"


def weights_of(folder: Path) -> dict[str, Tensor]:
    """Return all tensors of a folder's safetensors files by name, in the shapes stored. Raises OptionError where one cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    out: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            out.update(load_file(str(file)))
        except (OSError, SafetensorError) as e:
            raise OptionError(
                f"`{file.name}` of the forecaster cannot be read ({type(e).__name__}). Expected a safetensors file.",
                f"无法读取预测模型的 `{file.name}`（{type(e).__name__}）。应为 safetensors 文件。",
            ) from e
    return out
