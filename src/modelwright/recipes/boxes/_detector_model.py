"""A detector that was trained: its options, how it answers, and how it is saved, exported and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from modelwright.core.answers.base import TargetCodec
from modelwright.core.recipe import Model
from modelwright.core.saved import Loading, read_state, write_state
from modelwright.core.schema import Table
from modelwright.core.words import Words
from modelwright.features.shared.canvas import Canvas, move_back, upright
from modelwright.models.overlap import MOST, suppress
from modelwright.recipes.boxes._boxes import Curve, Found, answers, picture_column, thresholds_of
from modelwright.recipes.shared.network_options import NetworkOptions

LEAST = 0.02  # how sure a box must be to be answered at all
TOGETHER = 0.6  # overlap above which one of two boxes of a label goes
_COVERED = 0.8  # share of a box that a better one of its label covers, where tiles meet


class DetectorOptions(NetworkOptions):
    """`size` of a backbone trained from scratch, `neck` the width of what stands on it, `most_side` the canvas's longer side at most.

    `levels` are the strides that are looked at; `flip`, `upside`, `zoom`, `light`, `mosaic` what pictures go through in training.
    `cooldown` is the share of the epochs in which the learning rate still comes down when `patience` has ended: boxes fit closer then.
    """

    size: Literal["tiny", "small", "medium"] = "small"
    neck: int = Field(default=64, ge=8, le=512)
    levels: tuple[int, ...] = (8, 16, 32)
    most_side: int = Field(default=640, ge=64, le=2048)
    flip: bool = True
    upside: bool = False
    zoom: float = Field(default=0.4, ge=0, le=2)
    light: float = Field(default=0.3, ge=0, le=1)
    mosaic: float = Field(default=0.5, ge=0, le=1)
    batch: int = Field(default=8, ge=1, le=256)
    epochs: int = Field(default=60, ge=1, le=2000)
    lr: float = Field(default=2e-3, gt=0, le=1)
    encoder_lr: float = Field(default=5e-4, gt=0, le=1)
    weight_decay: float = Field(default=0.05, ge=0, le=10)
    clip: float = Field(default=10.0, ge=0)
    ema: float = Field(default=0.99, ge=0, lt=1)
    patience: int = Field(default=30, ge=1)
    cooldown: float = Field(default=0.15, ge=0, le=1)
    optimizer: Literal["adamw", "muon", "sgd"] = "muon"


class DetectorModel(Model):
    """A trained detector with its canvas, and the curves of its labels, from which thresholds are taken."""

    session: Any = None  # of an exported graph that answers in the network's place
    mirrors: ClassVar[bool] = (
        True  # whether the network gives one box a place, so that a mirrored picture's can be set beside them
    )

    def __init__(
        self, network: Any, canvas: Canvas, options: DetectorOptions, target: TargetCodec, extent: dict[str, Any],
        history: list[dict[str, float]], device: str = "cpu", config: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.network, self.canvas, self.options, self.target = network, canvas, options, target
        self.extent, self.history, self.device = extent, history, device
        self.config = dict(config) if config else None  # of a pretrained backbone, and where it comes from
        self.curves: list[Curve] = extent.get("curves") or [{"threshold": [], "precision": [], "recall": []}] * len(
            target.labels
        )
        self.thresholds = list(extent.get("thresholds") or thresholds_of(self.curves))

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where a pretrained backbone comes from."""
        return [self.config["origin"]] if self.config else []

    def asked(self, wanted: Sequence[Mapping[str, float]]) -> DetectorModel:
        """Return the same with thresholds at which precision and recall of each label are as `wanted`, as far as validation tells."""
        extent = {**self.extent, "thresholds": thresholds_of(self.curves, wanted)}
        return type(self)(
            self.network, self.canvas, self.options, self.target, extent, self.history, self.device, self.config
        )

    def scores(self, table: Table) -> np.ndarray:
        return answers(self.find(table), self.target.labels, self.thresholds)

    def scores_upside_down(self, table: Table) -> np.ndarray:
        """Return the same as `scores` [N, 1], where each picture is looked at upside down."""
        return answers(self.find(table, upside=True), self.target.labels, self.thresholds)

    def find(self, table: Table, upside: bool = False) -> list[Found | None]:
        """Return what is found in each picture: one after another, so that a picture is answered alike alone and among others."""
        name = picture_column(table.schema)
        cells = table.column(name).to_pylist() if name else [None] * len(table)
        find = self._upside_down if upside else self.of_pixels
        return [find(upright(cell)) for cell in cells]

    def _upside_down(self, pixels: np.ndarray | None) -> Found | None:
        found = None if pixels is None else self.of_pixels(pixels[::-1])
        if pixels is None or found is None:
            return None
        boxes = found.boxes.copy()
        boxes[:, [1, 3]] = pixels.shape[0] - boxes[:, [3, 1]]
        return Found(boxes, found.scores, found.labels)

    def boxes_in(self, pixels: np.ndarray) -> list[dict[str, Any]]:
        """Return the boxes of a picture uint8 [H, W, 3] as `scores` gives them."""
        found: list[dict[str, Any]] = answers([self.of_pixels(pixels)], self.target.labels, self.thresholds)[0, 0]
        return found

    def of_pixels(self, pixels: np.ndarray | None) -> Found | None:
        """Return what is found in a picture uint8 [H, W, 3]; None where there is none."""
        if pixels is None:
            return None
        views, places = self.canvas.views(pixels)
        boxes, scores, kinds = [], [], []
        for view, place in zip(views, places, strict=True):
            b, s, k = self._view(view)
            boxes.append(move_back(b, place, (pixels.shape[1], pixels.shape[0])))
            scores.append(s)
            kinds.append(k)
        b, s, k = np.concatenate(boxes), np.concatenate(scores), np.concatenate(kinds)
        whole = (b[:, 2] > b[:, 0]) & (b[:, 3] > b[:, 1])
        b, s, k = b[whole], s[whole], k[whole]
        keep = suppress(b, s, k, TOGETHER, _COVERED if len(views) > 1 else 2.0)
        return Found(b[keep], s[keep], k[keep])

    def _view(self, view: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return boxes [D, 4] of a canvas, how sure they are, and the numbers of their labels: of those that overlap the best ones.

        Boxes are compared as they are, before they are cut at the edges of the picture, as an exported graph does it.
        """
        if self.session is not None:
            from modelwright.recipes.boxes._onnx import run

            return run(self.session, view)
        import torch

        network = self._answering().eval()
        with torch.inference_mode():
            raw = network({"pixels": torch.from_numpy(np.ascontiguousarray(view))[None].to(self.device)})
        sure, boxes = raw.logits[0].sigmoid().cpu().numpy(), raw.boxes[0].cpu().numpy()
        at, kinds = np.nonzero(sure >= LEAST)
        found, scores = boxes[at].astype(np.float64), sure[at, kinds].astype(np.float64)
        keep = suppress(found, scores, kinds, TOGETHER)
        return found[keep], scores[keep], kinds[keep]

    def _answering(self) -> Any:
        """Return the network that answers: the trained one, or one that looks at each canvas mirrored as well (`extent["mirrored"]`)."""
        if not self.extent.get("mirrored"):
            return self.network
        from modelwright.models.detection.mirrored import Mirrored

        return Mirrored(self.network)

    def objects_graph(self) -> Any:
        """Return the detector as an ONNX graph, suppression inside: a canvas to boxes, scores and labels."""
        from modelwright.recipes.boxes._onnx import graph_of

        return graph_of(self._answering().cpu().eval(), self.canvas.width, self.canvas.height, TOGETHER, LEAST)

    @property
    def objects_about(self) -> str:
        """What an exported graph takes and gives, for the export's README."""
        from modelwright.recipes.boxes._onnx import ABOUT

        return ABOUT.format(width=self.canvas.width, height=self.canvas.height, most=MOST)

    @classmethod
    def from_session(cls, session: Any, folder: Path, target: TargetCodec) -> DetectorModel:
        """Return a detector that answers with an exported graph; `folder` holds its canvas and thresholds."""
        with Loading(folder):
            data = read_state(folder)
            canvas, options = Canvas.restore(data["canvas"]), cls.options_of(data["options"])
            made = cls(None, canvas, options, target, data["extent"], [], config=data["backbone"])
            made.session = session
            return made

    @classmethod
    def options_of(cls, told: Mapping[str, Any]) -> DetectorOptions:
        """Return the options that a saved detector tells."""
        return DetectorOptions(**told)

    @classmethod
    def built(cls, options: DetectorOptions, target: TargetCodec, told: Mapping[str, Any] | None) -> Any:
        """Return the network of a saved detector, before it has its weights."""
        return build(options, target, told, None)

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_model

        save_model(self.network, str(folder / "weights.safetensors"))  # what two layers share is written once
        state = {
            "options": self.options.model_dump(mode="json", exclude={"pretrained"}),
            "extent": self.extent,
            "canvas": self.canvas.state(),
            "backbone": self.config,
        }
        write_state(folder, state)

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> DetectorModel:
        from safetensors.torch import load_model

        with Loading(folder, Words("network", "网络")):
            data = read_state(folder)
            options = cls.options_of(data["options"])
            network = cls.built(options, target, data["backbone"])
            load_model(network, str(folder / "weights.safetensors"))
            canvas = Canvas.restore(data["canvas"])
            return cls(network.eval(), canvas, options, target, data["extent"], [], config=data["backbone"])


def build(options: DetectorOptions, target: TargetCodec, told: Mapping[str, Any] | None, folder: Path | None) -> Any:
    """Return a network: on a backbone from scratch, or the pretrained one that `told` describes, with the weights of `folder`."""
    from modelwright.models.detection.network import Detector

    labels = len(target.labels)
    if told is None:
        return Detector(options.size, labels, options.neck, options.levels)
    share = options.encoder_lr / options.lr
    return Detector(
        told["config"],
        labels,
        options.neck,
        options.levels,
        folder=folder,
        mean=told["mean"],
        std=told["std"],
        share=share,
    )
