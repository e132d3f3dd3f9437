"""Pretrained encoder-decoders, built by transformers from a config and filled from safetensors; as `pretrained.py`.

Legend: B batch, S source tokens, T answer tokens, M places that are learnt, V pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.core.errors import BundleError
from modelwright.core.words import Words
from modelwright.features.base import Ragged
from modelwright.features.shared.subwords import padded
from modelwright.models._hub import hub_model
from modelwright.models.beam import of_like_length
from modelwright.models.pretrained import add_lora

_TOKENS = 8000  # source tokens times beams that are answered together


def load_pairs(config: Mapping[str, Any], folder: Any) -> Any:
    """Return the model of a config: with the weights of `folder`, or only built where that is None.

    Raises OptionError where weights cannot be read, BundleError where transformers cannot build the config.
    """
    kind = config.get("model_type")
    return hub_model(
        folder,
        Words(f"A model of kind `{kind}`", f" `{kind}` 类型的模型"),
        lambda transformers: transformers.AutoModelForSeq2SeqLM,
        lambda transformers: transformers.AutoModelForSeq2SeqLM.from_config(
            transformers.AutoConfig.for_model(**config), dtype=torch.float32
        ),
    )


class HubSeq2Seq(nn.Module):
    """Reads `source` [B, S] and `before` [B, T] (ids + 1, padding 0), gives the logits [M, V] of the places in `keep`."""

    def __init__(self, model: Any, pad: int, lora_rank: int = 0) -> None:
        super().__init__()
        self.model, self.pad = model, pad
        if lora_rank:
            for p in model.parameters():
                p.requires_grad_(False)
            for part in (model.get_encoder(), model.get_decoder()):
                add_lora(part, lora_rank)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        source, before = inputs["source"], inputs["before"]
        out = self.model(
            input_ids=torch.where(source > 0, source - 1, self.pad), attention_mask=(source > 0).long(),
            decoder_input_ids=torch.where(before > 0, before - 1, self.pad), use_cache=False,
        )  # fmt: skip
        logits: Tensor = out.logits[inputs["keep"]]
        return logits

    def tensors(self) -> dict[str, Tensor]:
        """Return the weights by name, in their shapes, tied ones once."""
        seen: set[int] = set()
        out = {}
        for name, value in self.model.state_dict().items():
            if value.data_ptr() not in seen or value.numel() == 0:
                seen.add(value.data_ptr())
                out[name] = value.detach().cpu().contiguous()
        return out

    def fill(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave, in its shapes. Raises BundleError where weights are missing or strange."""
        missing, strange = self.model.load_state_dict(dict(tensors), strict=False)
        self.model.tie_weights()
        held = {v.data_ptr() for k, v in self.model.state_dict().items() if k in tensors}
        gone = [k for k, v in self.model.state_dict().items() if k in missing and v.data_ptr() not in held]
        if strange or gone:
            raise BundleError(
                f"The model's weights do not fit: {[*gone, *strange][:3]}.",
                f"模型权重不匹配：{[*gone, *strange][:3]}。",
            )

    def answer(
        self, sources: Ragged, *, beams: int, most: int, penalty: float, ngram: int, first: int | None, end: int, start: int,
        device: str,
    ) -> list[list[list[int]]]:  # fmt: skip
        """Return up to `beams` answers (ids) to each source, the best first; sources of like length together."""
        from transformers import GenerationConfig

        told = GenerationConfig(
            num_beams=beams, num_return_sequences=beams, max_new_tokens=most, length_penalty=penalty, no_repeat_ngram_size=ngram,
            do_sample=False, early_stopping=False, pad_token_id=self.pad, eos_token_id=end, decoder_start_token_id=start,
            forced_bos_token_id=first, bad_words_ids=[[self.pad]] if self.pad != end else None,
        ) if beams > 1 else GenerationConfig(
            max_new_tokens=most, no_repeat_ngram_size=ngram, do_sample=False, pad_token_id=self.pad, eos_token_id=end,
            decoder_start_token_id=start, forced_bos_token_id=first,
            bad_words_ids=[[self.pad]] if self.pad != end else None,
        )  # fmt: skip
        out: list[list[list[int]]] = [[] for _ in range(len(sources))]
        self.eval()
        with torch.inference_mode():
            for batch in of_like_length(sources.lengths, beams, 128, _TOKENS):
                ids = torch.from_numpy(padded(sources, batch)).to(device)
                made = self.model.generate(
                    input_ids=torch.where(ids > 0, ids - 1, self.pad),
                    attention_mask=(ids > 0).long(),
                    generation_config=told,
                )
                for row, found in zip(batch, made.view(len(batch), beams, -1).tolist(), strict=True):
                    out[row] = found
        return out
