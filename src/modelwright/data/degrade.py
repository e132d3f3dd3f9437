"""Pictures made worse on purpose, so that a network can learn the way back: `bicubic x2`, `noise 25`, `jpeg 30`, `blur 2`, `grey`.

Several follow one another with a plus: `blur 1.5 + noise 10`. A cell says how it is to be degraded (`kinds.base.with_how`) and is
degraded when it is decoded: nothing is written, and no split of pictures is held in memory. Legend: H height, W width, C channels.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np

from modelwright.core.errors import OptionError
from modelwright.core.words import Words
from modelwright.data.colour import in_channels
from modelwright.data.resize import resized, to_bytes

_STEP = re.compile(r"([a-z]+)\s*x?\s*([0-9]*\.?[0-9]+)?")
# name -> what the number is, its least and its most; None for no number
_KNOWN: dict[str, tuple[Words, float, float] | None] = {
    "bicubic": (Words("the factor, a whole number", "倍数（整数）"), 2, 8),
    "noise": (Words("the standard deviation, of 255", "标准差（满值 255）"), 0.1, 200),
    "jpeg": (Words("the quality", "质量"), 1, 95),
    "blur": (Words("the standard deviation in pixels", "标准差（像素）"), 0.1, 20),
    "grey": None,
}
_OTHER_NAMES = {"gray": "grey", "gaussian": "noise", "compression": "jpeg"}


@dataclass(frozen=True)
class Step:
    """One degradation, and how strong it is (0 where it has no strength)."""

    name: str
    amount: float = 0.0

    def __str__(self) -> str:
        if self.name == "grey":
            return "grey"
        return f"bicubic x{self.amount:g}" if self.name == "bicubic" else f"{self.name} {self.amount:g}"


def parse_degrade(text: str) -> tuple[Step, ...]:
    """Return the steps that a text names. Raises OptionError for one that there is not, or a strength that cannot be."""
    steps = []
    for part in text.lower().split("+"):
        found = _STEP.fullmatch(part.strip())
        name = _OTHER_NAMES.get(found[1], found[1]) if found else ""
        if found is None or name not in _KNOWN:
            raise _refused(text, part.strip())
        steps.append(Step(name, _amount(text, part.strip(), name, found[2])))
    return tuple(steps)


def _amount(text: str, part: str, name: str, given: str | None) -> float:
    known = _KNOWN[name]
    if known is None:
        if given is not None:
            raise _refused(text, part)
        return 0.0
    what, least, most = known
    value = float(given) if given is not None else -1.0
    if not least <= value <= most or (name == "bicubic" and value != int(value)):
        raise OptionError(
            f"--degrade `{name}` takes {what.en} from {least:g} to {most:g}, received `{part}`.",
            f"--degrade `{name}` 需要{what.zh}，范围 {least:g} 至 {most:g}；收到的是 `{part}`。",
        )
    return value


def _refused(text: str, part: str) -> OptionError:
    return OptionError(
        f'There is no degradation `{part}`. Known: "bicubic x2", "noise 25", "jpeg 30", "blur 2", "grey"; several with a plus between them.',
        f"没有名为 `{part}` 的退化方式。可用：“bicubic x2”“noise 25”“jpeg 30”“blur 2”“grey”，多个之间用加号连接。",
    )


def shrinks(steps: tuple[Step, ...]) -> int:
    """Return how many times smaller a picture becomes."""
    out = 1
    for step in steps:
        out *= int(step.amount) if step.name == "bicubic" else 1
    return out


def degraded(pixels: np.ndarray, steps: tuple[Step, ...], seed: int | np.random.Generator) -> np.ndarray:
    """Return pixels uint8 [H, W, C] made worse; the same for the same seed."""
    rng = np.random.default_rng(seed)
    for step in steps:
        pixels = _with_step(pixels, step, rng)
    return pixels


def _with_step(pixels: np.ndarray, step: Step, rng: np.random.Generator) -> np.ndarray:
    if step.name == "bicubic":
        factor = int(step.amount)
        height, width = (max(1, side // factor) for side in pixels.shape[:2])
        whole = pixels[: height * factor, : width * factor]
        return to_bytes(resized(whole, height, width, 1 / factor))
    if step.name == "noise":
        return to_bytes(pixels + rng.normal(0, step.amount, pixels.shape).astype(np.float32))
    if step.name == "blur":
        from scipy.ndimage import gaussian_filter

        return to_bytes(gaussian_filter(pixels.astype(np.float32), (step.amount, step.amount, 0)))
    return _jpeg(pixels, int(step.amount)) if step.name == "jpeg" else in_channels(pixels, 1)


def _jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(held, "JPEG", quality=quality)
    found = np.asarray(Image.open(held))
    return found[:, :, None] if found.ndim == 2 else found
