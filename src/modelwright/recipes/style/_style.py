"""What the recipes of style transfer share: features trained once for all of them, styles as statistics, the model that answers.

A model holds statistics of the style pictures, never the pictures: their channels' means, deviations and products. How much of style
and content a result misses is told by the same features for every recipe of a run.
Legend: H height, W width, C channels, N rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from modelwright.core.answers.base import TargetCodec, as_objects
from modelwright.core.answers.media import file_json
from modelwright.core.errors import DataError, unknown
from modelwright.core.recipe import Estimate, FitContext, Model, Options, Recipe
from modelwright.core.saved import Loading, read_state, read_tensors, write_state, write_tensors
from modelwright.core.schema import Schema, Table
from modelwright.core.words import Words
from modelwright.data.colour import in_channels, to_rgb, to_ycbcr
from modelwright.data.kinds.base import media
from modelwright.data.kinds.image import decode
from modelwright.data.resize import resized, to_bytes
from modelwright.recipes.shared.pictures import png

if TYPE_CHECKING:
    from torch import Tensor

TASKS = frozenset({"style-transfer"})
LARGEST = 1600  # pixels of the longer side of an answer
_STYLE_SIDE, JUDGED_SIDE = 512, 256
_LOOKED = 300  # pictures that the filters are learnt from, beside the styles
_WEIGHED = 40  # of them, by which the channels of a pretrained network are weighed

Styles = dict[str, dict[str, "Tensor"]]  # by name: gram.0 .. gram.3, mean.0 .., deviation.0 .., colour


def fitted_to(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return a picture [H, W, C] in colour, uint8 [H', W', 3], whose longer side is `side` pixels at most."""
    pixels = in_channels(pixels, 3)
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    height, width = (max(1, round(s * scale)) for s in pixels.shape[:2])
    return to_bytes(resized(pixels, height, width, scale))


def tensor_of(pixels: np.ndarray, device: str = "cpu") -> Tensor:
    """Return pixels [H, W, 3] uint8 as [1, 3, H, W] in 0..1."""
    import torch

    return torch.from_numpy(np.array(pixels.transpose(2, 0, 1)[None], order="C")).float().to(device) / 255.0


def pixels_of(made: Tensor) -> np.ndarray:
    """Return [1, 3, H, W] in 0..1 as pixels [H, W, 3] uint8."""
    return to_bytes(made[0].detach().permute(1, 2, 0).float().cpu().numpy() * 255.0)


def noise_like(pixels: np.ndarray) -> np.ndarray:
    """Return noise of a picture's size, uint8 [H, W, 3]: what Gatys et al. begin with, by which is told how much of style and content is missed."""
    return np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)


def style_pictures(schema: Schema) -> dict[str, np.ndarray]:
    """Return the style pictures that the run was given, by name, uint8 [H, W, 3] of at most 512 pixels at a side.

    Raises DataError for one that is not there.
    """
    told: Mapping[str, str] = schema.inputs[0].options.get("styles") or {}
    found = {}
    for name, path in told.items():
        cell = media(path, Path())
        if cell is None:
            raise DataError(f"There is no style picture {path}.", f"找不到风格图片 {path}。")
        found[name] = fitted_to(decode(cell), _STYLE_SIDE)
    if not found:  # the kit's sample, which has no styles: stripes
        y, x = np.mgrid[:48, :48]
        waves = [127 + 120 * np.sin((x + k * y) / 3) for k in (1, -1, 2)]
        found["stripes"] = np.stack(waves, 2).astype(np.uint8)
    return found


class StyleOptions(Options):
    """`pretrained` names the network whose maps are looked at beside the filters; none where it is empty."""

    pretrained: str = ""


def fitted_features(train: Table, ctx: FitContext, pretrained: str = "") -> Any:
    """Return the features of a run: filters learnt once from its pictures, and the maps of a pretrained network where one is named. The
    same for every recipe. Raises OptionError where the network has no maps of several sizes."""
    from modelwright.models.style.filters import learn

    key = ("style-features", pretrained)
    if key not in ctx.cache:
        column = train.column(train.schema.inputs[0].name)
        rows = np.flatnonzero(np.asarray(column.is_valid()))[:_LOOKED]
        pictures = [fitted_to(decode(column[int(i)].as_py()), JUDGED_SIDE) for i in rows]
        pictures += [fitted_to(p, JUDGED_SIDE) for p in style_pictures(train.schema).values()] * 4
        filters = learn(pictures, 0)
        ctx.cache[key] = _deep(filters, pictures, pretrained) if pretrained else filters
    return ctx.cache[key]


def _deep(filters: Any, pictures: Sequence[np.ndarray], pretrained: str) -> Any:
    from modelwright.core.pretrained import find
    from modelwright.models.backbones.base import pretrained_backbone
    from modelwright.models.style.deep import DeepFeatures

    backbone, mean, std = pretrained_backbone(pretrained)
    found = find(pretrained)
    told = {"config": found.config, "mean": mean.tolist(), "std": std.tolist(), "origin": found.origin()}
    made = DeepFeatures(filters, told)
    made.backbone = backbone
    some = [pictures[i] for i in np.linspace(0, len(pictures) - 1, min(_WEIGHED, len(pictures))).astype(int)]
    return made.eval().requires_grad_(False).weigh([tensor_of(p) for p in some])


def measured(features: Any, pictures: Mapping[str, np.ndarray], device: str = "cpu") -> Styles:
    """Return the statistics of style pictures [H, W, 3], by name: of each stage products [C, C], means and deviations [C, 1, 1]; of its colours."""
    import torch

    from modelwright.models.style.filters import gram, moments

    out: Styles = {}
    with torch.no_grad():
        for name, pixels in pictures.items():
            held = {"colour": torch.from_numpy(_colour(pixels))}
            for i, stage in enumerate(features.stages(tensor_of(pixels, device))):
                held[f"gram.{i}"] = gram(stage)[0].cpu()
                mean, deviation = moments(stage)
                held[f"mean.{i}"], held[f"deviation.{i}"] = mean[0].cpu(), deviation[0].cpu()
            out[name] = held
    return out


def _colour(pixels: np.ndarray) -> np.ndarray:
    """Return mean and deviation [2, 3] of luma and chroma."""
    planes = to_ycbcr(pixels).reshape(-1, 3)
    return np.stack([planes.mean(0), planes.std(0)]).astype(np.float32)


def mixed(styles: Styles, told: str | None) -> dict[str, Tensor]:
    """Return the statistics that a row asks for, in the shapes of `measured`: of one style by name, or of several, `waves:0.7 + ink:0.3`.

    Raises DataError for a style that there is not, and for shares that are none.
    """
    if told is None or not told.strip():
        return next(iter(styles.values()))
    parts: list[tuple[float, dict[str, Tensor]]] = []
    for piece in told.split("+"):
        name, _, share = piece.strip().partition(":")
        try:
            weight = float(share) if share.strip() else 1.0
        except ValueError:
            weight = -1.0
        if name.strip() not in styles:
            raise unknown(Words("style", "风格"), name.strip(), list(styles), DataError)
        if weight < 0:
            raise DataError(
                f"Expected styles as NAME or NAME:SHARE + NAME:SHARE, received `{told[:80]}`.",
                f"风格应写作 `名称` 或 `名称:份额 + 名称:份额`，收到的是 `{told[:80]}`。",
            )
        parts.append((weight, styles[name.strip()]))
    total = sum(w for w, _ in parts) or 1.0
    return {k: sum((w / total * s[k] for w, s in parts[1:]), parts[0][0] / total * parts[0][1][k]) for k in parts[0][1]}


class StyleModel(Model):
    """A model that paints pictures in the styles it was given."""

    def __init__(self, features: Any, styles: Styles, options: Options, device: str = "cpu") -> None:
        self.features, self.styles, self.options, self.device = features, styles, options, device
        self.extent: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []

    @property
    def deep(self) -> dict[str, Any] | None:
        """What describes the pretrained network among the features; None where there is none."""
        return getattr(self.features, "told", None)

    @property
    def origins(self) -> list[dict[str, str]]:
        """Where a pretrained network comes from."""
        return [self.deep["origin"]] if self.deep else []

    @abstractmethod
    def painted(self, pixels: np.ndarray, style: Mapping[str, Tensor], strength: float) -> np.ndarray:
        """Return a picture [H, W, 3] uint8 in a style, `strength` in 0..1 of the way."""

    def of_row(
        self, pixels: np.ndarray, told: str | None, strength: float | None, keep_colour: bool | None
    ) -> np.ndarray:
        """Return what a row asks for, uint8 [H, W, 3]; with `keep_colour` the luma alone is painted, and the picture keeps its own colours."""
        given = fitted_to(pixels, LARGEST)
        amount = 1.0 if strength is None or not np.isfinite(strength) else float(np.clip(strength, 0.0, 1.0))
        made = self.painted(given, mixed(self.styles, told), amount)
        if keep_colour:
            planes = to_ycbcr(made)
            planes[:, :, 1:] = to_ycbcr(given)[:, :, 1:]
            made = to_bytes(to_rgb(planes))
        return made

    def refused(self, table: Table) -> list[tuple[int, str, Words]]:
        """As Model.refused: styles that there are not, or shares of them that cannot be read."""
        out = []
        for row, told in enumerate(table.cells("style")):
            try:
                mixed(self.styles, told)
            except DataError as e:
                out.append((row, "style", Words(e.words.en.rstrip("."), e.words.zh.rstrip("。"))))
        return out

    def scores(self, table: Table) -> np.ndarray:
        picture = next(c.name for c in table.schema.inputs if c.modality == "image")
        told = [table.cells(n) for n in ("style", "strength", "keep_colour")]
        out = []
        for i, cell in enumerate(table.column(picture)):
            made = self.of_row(decode(cell.as_py()), *(t[i] for t in told)) if cell.is_valid else None
            out.append(None if made is None else file_json("image/png", png(made)))
        return as_objects(out)[:, None]

    def judge(self, table: Table) -> np.ndarray:
        """Return what results [N, 1] miss of style and content, for small versions of the pictures, each in one of the styles in turn."""
        out: list[Any] = []
        column, names = table.column(table.schema.inputs[0].name), list(self.styles)
        for i, cell in enumerate(column):
            if not cell.is_valid:
                out.append(None)
                continue
            pixels, style = fitted_to(decode(cell.as_py()), JUDGED_SIDE), self.styles[names[i % len(names)]]
            out.append({"figures": self._missed(pixels, self.painted(pixels, style, 1.0), style)})
        return as_objects(out)[:, None]

    def _missed(self, pixels: np.ndarray, made: np.ndarray, style: Mapping[str, Tensor]) -> dict[str, float]:
        import torch

        from modelwright.models.style.filters import content_loss, gram, style_loss

        at, colours = self.features.content, self.features.colours
        with torch.inference_mode():
            own, now, start = (
                self.features.stages(tensor_of(p, self.device)) for p in (pixels, made, noise_like(pixels))
            )
            wanted = [style[f"gram.{k}"][None].to(self.device) for k in range(len(own))]
            of_style = float(style_loss([gram(s) for s in now], wanted) / style_loss([gram(s) for s in own], wanted))
            of_content = float(content_loss(now[at], own[at], colours) / content_loss(start[at], own[at], colours))
        return {"style_left": of_style, "content_left": of_content, "left": of_style + of_content}

    def save(self, folder: Path) -> None:
        weights = {f"features.{k}": v for k, v in self.features.state_dict().items()}
        weights |= {f"style.{i}.{k}": v for i, held in enumerate(self.styles.values()) for k, v in held.items()}
        weights |= {f"own.{k}": v for k, v in self.own_weights().items()}
        write_tensors(folder / "weights.safetensors", weights)
        state = {
            "styles": list(self.styles),
            "options": self.options.model_dump(exclude={"pretrained"}),
            "extent": self.extent,
            "features": self.deep,
        }
        write_state(folder, state)

    def own_weights(self) -> dict[str, Tensor]:
        """Return the weights that this recipe trained beside the features, each in a shape of its own."""
        return {}

    def take(self, weights: dict[str, Tensor]) -> None:
        """Take what `own_weights` gave, in its shapes."""

    @classmethod
    def load(cls, folder: Path, target: TargetCodec) -> StyleModel:
        from modelwright.core.recipe import get_recipe
        from modelwright.models.style.deep import restored

        with Loading(folder):
            state, weights = read_state(folder), read_tensors(folder / "weights.safetensors")

            def part(start: str) -> dict[str, Tensor]:
                return {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}

            features = restored(state.get("features"), part("features."))
            styles = {str(name): part(f"style.{i}.") for i, name in enumerate(state["styles"])}
            options = type(get_recipe(cls.recipe)).options(**state["options"])
            model = cls(features, styles, options)
            model.take(part("own."))
            model.extent = dict(state["extent"])
            return model


class StyleRecipe(Recipe):
    """What the recipes of style transfer declare alike."""

    needs: ClassVar[tuple[str, ...]] = ("torch",)
    extra = "nn"
    baseline = False
    seeded = False
    leads = "image"
    options: ClassVar[type[Options]] = StyleOptions
    space: ClassVar[dict[str, Any]] = {}
    tasks = TASKS
    model: ClassVar[type[Model]]
    takes: ClassVar[float] = 30.0  # processor seconds of a fit beyond the features

    def refuses(self, schema: Schema, target: TargetCodec, rows: int) -> Words | None:
        return None

    def variants(self, schema: Schema, target: TargetCodec, rows: int) -> list[Options]:
        told: dict[str, Any] = {"pretrained": next(iter(self.bases.encoders.get("image", ())), "")}
        return [self.options(**told)]

    def estimate(self, train: Table, options: Options, ctx: FitContext) -> Estimate:
        assert isinstance(options, StyleOptions)
        known = ("style-features", options.pretrained) in ctx.cache
        return Estimate(seconds=self.takes + (0 if known else 3), memory=1 << 30, least=2.0)

    def fit(self, train: Table, valid: Table | None, options: Options, ctx: FitContext) -> Model:
        import torch

        torch.set_num_threads(max(1, ctx.threads))  # as the training loop does
        assert isinstance(options, StyleOptions)
        features = fitted_features(train, ctx, options.pretrained).to(ctx.device)
        made: Any = self.model
        styles = measured(features, style_pictures(train.schema), ctx.device)
        model: StyleModel = made(features, styles, options, ctx.device)
        self.learn(model, train, ctx)
        return model

    def learn(self, model: StyleModel, train: Table, ctx: FitContext) -> None:
        """Train what the model has of its own."""
