"""Columns as a pretrained encoder reads them: its own tokens, its own size of pictures (`_hub_av.py`: sound and clips).

The encoder's folder is named by the column's option `pretrained`. Its config.json and tokenizer.json become the codec's
state, so a bundle needs neither the folder nor a network. Legend: N rows, S side in pixels.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from modelwright.core.errors import MissingExtra, OptionError
from modelwright.core.pretrained import Found, find
from modelwright.core.schema import Column
from modelwright.data.kinds.base import Unreadable
from modelwright.data.kinds.image import decode
from modelwright.features._decoded import decoded
from modelwright.features.base import Codec, Ragged

_SIDES, _LOOK = (128, 160, 224), 32  # pixels, and pictures looked at to choose among them
_LENGTH = 256  # tokens of a text that are read at most, where the column's options say nothing
_RESAMPLING = {0: "NEAREST", 1: "LANCZOS", 2: "BILINEAR", 3: "BICUBIC", 4: "BOX", 5: "HAMMING"}


class HubCodec(Codec):
    """What the codecs of pretrained encoders share: `config` of the architecture, `origin`, and the weights' `folder`.

    `folder` is known after `fit` only: a restored codec builds the architecture, and its weights come from the bundle.
    """

    view = "hub"

    def __init__(self, config: dict[str, Any], origin: dict[str, str], folder: Path | None = None) -> None:
        self.config, self.origin, self.folder = config, origin, folder

    @property
    def tokens(self) -> int:
        """About how many tokens the encoder makes of a cell where all cells are alike; 0 where they are not."""
        return 0

    def key(self) -> str:
        """Return what tells its encodings from those of another codec of the same encoder."""
        own = {k: v for k, v in self.state().items() if k not in ("config", "origin", "tokenizer")}
        return json.dumps([self.origin, own], sort_keys=True)

    def state(self) -> dict[str, Any]:
        return {"config": self.config, "origin": self.origin}


class HubTokens(HubCodec):
    """Text as an encoder's token ids: {"ids": Ragged of id + 1, "missing": float32 [N]}; 0 is padding.

    `length` is what holds 99 % of the training rows, and no more than the option `length` or the encoder's own limit.
    """

    def __init__(
        self, config: dict[str, Any], origin: dict[str, str], tokenizer: str, length: int, pooling: str,
        folder: Path | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, origin, folder)
        self.tokenizer, self.length, self.pooling = tokenizer, length, pooling
        self._made: Any = None

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        found = find(str(column.options["pretrained"]))
        most = min(int(column.options.get("length", _LENGTH)), longest_of(found.config))
        out = cls(found.config, found.origin(), _tokenizer(found), most, _pooling(found.folder), found.folder)
        lengths = out.encode(values)["ids"].lengths
        usual = float(np.percentile(lengths, 99)) if len(lengths) else 8.0
        out.length = min(most, 8 * int(np.ceil(usual / 8)))  # a step of 8, so that folds read alike
        out._made = None
        return out

    def encode(self, values: pa.Array) -> dict[str, Any]:
        made = self._tokens()
        rows = [e.ids or [0] for e in made.encode_batch([v or "" for v in values.to_pylist()])]
        offsets = np.cumsum([0, *(len(r) for r in rows)], dtype=np.int64)
        flat = np.fromiter((i + 1 for r in rows for i in r), np.int64, int(offsets[-1]))
        return {"ids": Ragged(flat, offsets), "missing": np.asarray(values.is_null()).astype(np.float32)}

    def _tokens(self) -> Any:
        if self._made is None:
            try:
                from tokenizers import Tokenizer
            except ImportError as e:
                raise MissingExtra("pretrained", "Using pretrained encoders", "使用预训练编码器") from e
            self._made = Tokenizer.from_str(self.tokenizer)
            self._made.no_padding()
            self._made.enable_truncation(self.length)
        return self._made

    def state(self) -> dict[str, Any]:
        own = {"tokenizer": json.loads(self.tokenizer), "length": self.length, "pooling": self.pooling}
        return {**super().state(), **own}

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        tokenizer = json.dumps(state["tokenizer"], ensure_ascii=False)
        return cls(state["config"], state["origin"], tokenizer, int(state["length"]), state["pooling"])


def longest_of(config: Mapping[str, Any]) -> int:
    """Return how many tokens an encoder's positions hold; RoBERTa's begin after its padding id."""
    most = int(config.get("max_position_embeddings", 512))
    shift = ("roberta", "xlm-roberta", "camembert", "mpnet")
    return most - 2 if config["model_type"] in shift else most


def _tokenizer(found: Found) -> str:
    """Return tokenizer.json as text; older folders without one are converted. Raises OptionError where that fails."""
    path = found.folder / "tokenizer.json"
    try:
        if path.is_file():
            return path.read_text(encoding="utf-8")
        from transformers import AutoTokenizer

        made: str = AutoTokenizer.from_pretrained(str(found.folder), local_files_only=True).backend_tokenizer.to_str()
        return made
    except (OSError, ValueError, AttributeError, ImportError) as e:
        raise OptionError(
            f"`{found.asked}` holds no tokenizer.json, and none can be made of what it holds ({type(e).__name__}).",
            f"`{found.asked}` 中没有 tokenizer.json，也无法由现有文件生成（{type(e).__name__}）。",
        ) from e


def _pooling(folder: Path) -> str:
    """Return `cls` where the sentence-transformers' pooling of the folder says so, else `mean`."""
    try:
        told = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "mean"
    return "cls" if told.get("pooling_mode_cls_token") else "mean"


class HubPixels(HubCodec):
    """Pictures at an encoder's own size: {"pixels": uint8 [N, S, S, 3], "missing": float32 [N]}.

    The shorter side is brought to `edge` and the middle S x S cut out; with `edge` 0 the picture is squeezed to S x S.
    `mean` and `std` [3] are the encoder's own, on the scale 0..1.
    """

    channels = 3

    @property
    def tokens(self) -> int:
        return max(1, (self.side // 16) ** 2)

    def __init__(
        self, config: dict[str, Any], origin: dict[str, str], size: Mapping[str, Any], folder: Path | None = None
    ) -> None:
        super().__init__(config, origin, folder)
        self.side, self.edge, self.resample = int(size["side"]), int(size["edge"]), str(size["resample"])
        self.mean, self.std = [float(v) for v in size["mean"]], [float(v) for v in size["std"]]

    @classmethod
    def fit(cls, values: pa.Array, column: Column, target: np.ndarray | None, seed: int) -> Self:
        found = find(str(column.options["pretrained"]))
        size = size_of(found)
        if found.convolutional:  # a convolutional one need not look at small pictures as closely
            size["side"] = int(column.options.get("most_side", min(size["side"], _side(values, seed))))
        return cls(found.config, found.origin(), size, found.folder)

    def encode(self, values: pa.Array) -> dict[str, Any]:
        missing = np.asarray(values.is_null()).astype(np.float32)
        return {"pixels": decoded(values, self._picture_of, (self.side, self.side, 3), np.uint8), "missing": missing}

    def _picture_of(self, cell: Mapping[str, Any]) -> np.ndarray:
        from PIL import Image

        try:
            found = decode(cell)
        except Unreadable:  # its file has changed since it was checked
            return np.zeros((self.side, self.side, 3), np.uint8)
        if found.shape[2] == 1:
            found = np.repeat(found, 3, axis=2)
        height, width = found.shape[:2]
        scale = self.edge / min(height, width)
        wide, high = (int(width * scale + 1e-6), int(height * scale + 1e-6)) if self.edge else (self.side, self.side)
        picture = Image.fromarray(found).resize(
            (max(wide, self.side), max(high, self.side)), Image.Resampling[self.resample]
        )
        left, top = (picture.width - self.side) // 2, (picture.height - self.side) // 2
        return np.asarray(picture.crop((left, top, left + self.side, top + self.side)))

    def state(self) -> dict[str, Any]:
        return {**super().state(), "size": self.size()}

    def size(self) -> dict[str, Any]:
        """Return how cells are brought to size, as `size_of` gives it."""
        return {
            "side": self.side, "edge": self.edge, "resample": self.resample, "mean": self.mean, "std": self.std,
        }  # fmt: skip

    @classmethod
    def restore(cls, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        return cls(state["config"], state["origin"], state["size"])


def _side(values: pa.Array, seed: int) -> int:
    """Return the side at which pictures are shown to a network that takes any: their own, small ones made larger."""
    known = values.drop_null()
    index = np.sort(np.random.default_rng(seed).permutation(len(known))[:_LOOK])
    sides = []
    for cell in known.take(pa.array(index, pa.int64())).to_pylist():
        with contextlib.suppress(Unreadable):
            sides.append(min(decode(cell).shape[:2]))
    usual = float(np.median(sides)) if sides else 0.0
    return next((s for s in _SIDES if usual <= s), _SIDES[-1])


def size_of(found: Found) -> dict[str, Any]:
    """Return side, edge, resampling, mean and deviation from preprocessor_config.json, else from the architecture."""
    told = found.told()
    vision = found.config.get("vision_config", found.config)
    own = vision.get("image_size", 224)
    own = int(own[0] if isinstance(own, list) else own)
    size, crop = told.get("size", own), told.get("crop_size", {})
    size = size if isinstance(size, dict) else {"shortest_edge": size} if crop else {"height": size}
    crop = crop if isinstance(crop, dict) else {"height": crop}
    short = int(size.get("shortest_edge", 0))
    if "crop_pct" in told and short and short < 384:  # ConvNeXt's way: a larger edge, then the middle
        side, edge = short, int(short / float(told["crop_pct"]))
    elif short and told.get("do_center_crop"):
        side, edge = int(crop.get("height", short)), short
    else:
        side, edge = int(size.get("height", short or own)), 0
    return {
        "side": side, "edge": edge, "resample": _RESAMPLING.get(told.get("resample", 2), "BILINEAR"),
        "mean": told.get("image_mean", [0.5] * 3), "std": told.get("image_std", [0.5] * 3),
    }  # fmt: skip
