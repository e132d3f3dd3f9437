"""Pretrained recognisers of speech: Whisper, which writes token after token, and wav2vec 2.0 and its kin with a head for CTC.

Legend: B batch, T samples, S frames, M mel bands, L tokens, D width, V tokens or units.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modelwright.core.words import Words
from modelwright.models._hub import hub_model
from modelwright.models.hub_pairs import HubSeq2Seq
from modelwright.models.pretrained import add_lora, load_encoder
from modelwright.models.pretrained_av import Convolved, after

_LOOPED = 3  # times that the same run of tokens may come again at the end before an answer is cut off there


def load_whisper(config: Mapping[str, Any], folder: Any, places: int) -> Any:
    """Return Whisper of a config for `places` frames of its encoder: with the weights of `folder`, or only built where that is None.

    Raises OptionError where weights cannot be read, BundleError where transformers cannot build the config.
    """
    model = hub_model(
        folder,
        Words("Whisper", " Whisper"),
        lambda transformers: transformers.WhisperForConditionalGeneration,
        lambda transformers: transformers.WhisperForConditionalGeneration(
            transformers.WhisperConfig(**{k: v for k, v in config.items() if k != "auto_map"})
        ),
    )
    encoder = model.model.encoder
    encoder.embed_positions = nn.Embedding.from_pretrained(encoder.embed_positions.weight[:places].detach().clone())
    encoder.config.max_source_positions = places
    for part in (encoder, model.model.decoder):
        part.layerdrop = 0.0
    return model


class HubWhisper(HubSeq2Seq):
    """Reads `mel` [B, M, S] and `before` [B, L] (token ids, -1 padding), gives the logits [P, V] of the places in `keep` [B, L]."""

    def __init__(self, model: Any, pad: int, lora_rank: int = 0) -> None:
        super().__init__(model, pad, lora_rank)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        before = inputs["before"].clamp_min(0)  # what follows the end of a row is not looked at
        out = self.model.model(input_features=inputs["mel"], decoder_input_ids=before, use_cache=False)
        logits: Tensor = self.model.proj_out(out.last_hidden_state[inputs["keep"]])
        return logits

    def write(
        self,
        mel: Tensor,
        prompt: Sequence[int],
        end: int,
        never: Sequence[int],
        first: Sequence[int],
        most: int,
        heads: Sequence[Sequence[int]] = (),
    ) -> list[tuple[list[int], list[float], np.ndarray]]:
        """Return for each spectrogram [B, M, S] its tokens [L], their log probabilities [L], and where each was heard [L, places].

        Greedily. What begins to say the same over and over is cut off.
        """
        self.eval()
        with torch.inference_mode():
            heard = self.model.model.encoder(mel).last_hidden_state
            ids = torch.tensor([list(prompt)] * len(mel), device=mel.device)
            out: list[tuple[list[int], list[float]]] = [([], []) for _ in range(len(mel))]
            open_ = np.ones(len(mel), bool)
            last, kept = ids, _cache(self.model.model.decoder)
            barred = torch.tensor([i for i in never if i != end], dtype=torch.long, device=mel.device)
            at_first = torch.tensor([i for i in first if i != end], dtype=torch.long, device=mel.device)
            for step in range(most):
                found = self.model.model.decoder(input_ids=last, encoder_hidden_states=heard, use_cache=True, **kept)
                logits = self.model.proj_out(found.last_hidden_state[:, -1]).float()
                logits[:, barred] = -torch.inf
                if step == 0:
                    logits[:, at_first] = -torch.inf
                best, chosen = logits.log_softmax(1).max(1)
                for i in np.flatnonzero(open_):
                    token = int(chosen[i])
                    if token == end:
                        open_[i] = False
                        continue
                    out[i][0].append(token)
                    out[i][1].append(float(best[i]))
                    cut = _loops(out[i][0])
                    if cut:
                        del out[i][0][-cut:], out[i][1][-cut:]
                        open_[i] = False
                if not open_.any():
                    break
                last = chosen[:, None]
            places = self._heard_at(heard, prompt, [t for t, _ in out], heads)
        return [(t, p, w) for (t, p), w in zip(out, places, strict=True)]

    def _heard_at(
        self, heard: Tensor, prompt: Sequence[int], rows: Sequence[list[int]], heads: Sequence[Sequence[int]]
    ) -> list[np.ndarray]:
        """Return how much each token of each row looks at each place of what is heard [L, places]: the mean over `heads` (layer, head)
        that are known to follow the sound, else over all of the upper half of the layers."""
        longest = max((len(r) for r in rows), default=0)
        ids = np.zeros((len(rows), len(prompt) + longest), np.int64)
        ids[:, : len(prompt)] = prompt
        for i, r in enumerate(rows):
            ids[i, len(prompt) : len(prompt) + len(r)] = r
        layers = self.model.model.decoder.layers
        told: dict[int, list[int]] = {}
        for layer, head in heads:
            told.setdefault(layer, []).append(head)
        wanted = sorted(told) or range(len(layers) // 2, len(layers))
        seen: list[Tensor] = []

        def look(module: Any, args: Any, kwargs: Any) -> None:
            queries = module.q_proj(kwargs["hidden_states"] if "hidden_states" in kwargs else args[0])
            keys = module.k_proj(heard)
            q, k = (x.unflatten(2, (module.num_heads, -1)).transpose(1, 2) for x in (queries, keys))
            weights = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(3)
            mine = told.get(wanted[len(seen)])
            seen.append((weights[:, mine] if mine else weights).mean(1) * (len(mine) if mine else 1))

        hooks = [layers[k].encoder_attn.register_forward_pre_hook(look, with_kwargs=True) for k in wanted]
        try:
            self.model.model.decoder(
                input_ids=torch.from_numpy(ids).to(heard.device), encoder_hidden_states=heard, use_cache=False
            )
        finally:
            for hook in hooks:
                hook.remove()
        mean = (torch.stack(seen).sum(0) / max(1, len(heads) or len(seen))).cpu().numpy()
        # the place before a token is the one that says it
        return [mean[i, len(prompt) - 1 : len(prompt) - 1 + len(r)] for i, r in enumerate(rows)]


def _cache(decoder: Any) -> dict[str, Any]:
    """Return an empty cache of keys and values, by the name that the library's version calls it; it is filled in place."""
    from transformers.cache_utils import DynamicCache, EncoderDecoderCache

    name = "cache" if "cache" in inspect.signature(decoder.forward).parameters else "past_key_values"
    return {name: EncoderDecoderCache(DynamicCache(), DynamicCache())}


def _loops(tokens: Sequence[int]) -> int:
    """Return how many tokens at the end only say again what stands before them; 0 where none do."""
    for size in range(1, len(tokens) // (_LOOPED + 1) + 1):
        run = tokens[-size:]
        if all(tokens[-size * (k + 1) : len(tokens) - size * k] == run for k in range(_LOOPED + 1)):
            return size * _LOOPED
    return 0


def monotone(weights: np.ndarray) -> np.ndarray:
    """Return the place [L] at which each token is said, never before that of an earlier one, where `weights` [L, places] are largest.

    Dynamic time warping (Sakoe & Chiba 1978) over the logarithms: every place belongs to one token.
    """
    count, places = weights.shape
    cost = -np.log(weights + 1e-6)
    total = np.full((count, places), np.inf)
    total[0] = np.cumsum(cost[0])
    came = np.zeros((count, places), bool)  # whether a token was begun at this place
    for k in range(1, count):
        for t in range(k, places):
            stay, begin = total[k, t - 1], total[k - 1, t - 1]
            came[k, t] = begin <= stay
            total[k, t] = cost[k, t] + min(stay, begin)
    out = np.zeros(count, np.int64)
    t = places - 1
    for k in range(count - 1, 0, -1):
        while t > k and not came[k, t]:
            t -= 1
        out[k] = t
        t -= 1
    return out


class HubCtc(nn.Module):
    """An encoder of waves to logits of units: {"wave": [B, T], NaN where padded} -> {"units": [B, S, V], "speech": [B, S], "lengths": [B]}.

    Who speaks where is heard by loudness, not by the network: "speech" is nothing. `train` says what learns: the head alone, everything
    above the convolutions, or adapters.
    """

    def __init__(
        self, config: Mapping[str, Any], folder: Any, normalise: bool, units: int, train: str = "all", rank: int = 0
    ) -> None:
        super().__init__()
        model: Any = load_encoder(config, folder)
        for name, value in (("layerdrop", 0.0), ("apply_spec_augment", False)):
            setattr(model.config, name, value)
        model.feature_extractor = Convolved(model.feature_extractor)
        for p in (model if train != "all" else model.feature_extractor).parameters():
            p.requires_grad_(False)
        if train == "lora":
            add_lora(model, rank)
        self.model, self.normalise = model, normalise
        self.units = nn.Linear(int(model.config.hidden_size), units)
        nn.init.normal_(self.units.weight, std=0.02)
        nn.init.zeros_(self.units.bias)

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        wave = inputs["wave"]
        real = ~wave.isnan()
        count = real.sum(1)
        if self.normalise:
            total = count[:, None].to(wave.dtype)
            known = torch.where(real, wave, torch.zeros_like(wave))
            mean = known.sum(1, keepdim=True) / total
            spread = (((known - mean) * real) ** 2).sum(1, keepdim=True) / total
            wave = (wave - mean) * (spread + 1e-7).rsqrt()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # WavLM mixes two kinds of masks
            x = self.model(wave, attention_mask=real.long()).last_hidden_state.float()
        for kernel, stride in zip(self.model.config.conv_kernel, self.model.config.conv_stride, strict=True):
            count = after(count, int(kernel), int(stride))
        made = self.units(x)
        return {"units": made, "speech": torch.zeros_like(made[:, :, 0]), "lengths": count.clamp(1, x.shape[1])}
