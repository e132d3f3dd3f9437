"""Whole pretrained models, built by transformers: with the weights of a folder, or without any where a bundle brings them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from modelwright.core.errors import BundleError, MissingExtra, OptionError
from modelwright.core.words import Words, chinese
from modelwright.models.pretrained import quiet_transformers

_FAULTS = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError)


def hub_model(
    folder: Any, named: Words, kind: Callable[[Any], Any], built: Callable[[Any], Any], *, whole: bool = False
) -> Any:
    """Return a model: `kind(transformers)` with the safetensors of `folder`, or `built(transformers)` where that is None.

    `named` is what the model is called in errors; `whole` asks that the folder has every weight, so that none is left as chance drew it.
    Raises MissingExtra without transformers, OptionError where weights cannot be read, BundleError where the model cannot be built.
    """
    try:
        import transformers
    except ImportError as e:
        raise MissingExtra("pretrained", "Using pretrained models", "使用预训练模型") from e
    with quiet_transformers(transformers):
        try:
            if folder is None:
                return built(transformers)
            made, told = kind(transformers).from_pretrained(
                str(folder), use_safetensors=True, local_files_only=True, dtype=torch.float32, output_loading_info=True
            )
            if whole and told["missing_keys"]:
                raise KeyError(min(told["missing_keys"]))
            return made
        except _FAULTS as e:
            if folder is not None:
                raise OptionError(
                    f"The weights of `{folder}` cannot be read ({type(e).__name__}). Expected the safetensors files of a whole model.",
                    f"无法读取 `{folder}` 的权重（{type(e).__name__}）。应为完整模型的 safetensors 文件。",
                ) from e
            raise BundleError(
                f"{named.en} cannot be built ({type(e).__name__}); is transformers of another version?",
                chinese("无法构建", named.zh) + f"（{type(e).__name__}）；transformers 的版本是否不同？",
            ) from e
