"""How pictures that were made look to a network: `--lpips` names one, by which LPIPS is told of every candidate."""

from __future__ import annotations

from pathlib import Path

from modelwright.core.errors import OptionError
from modelwright.core.facts.run import Facts
from modelwright.core.words import Words
from modelwright.evaluate.metrics.pictures import LPIPS
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import State
from modelwright.recipes.shared.perceptual_judge import look_with


class LookedAt(Concern):
    """Has a network look at all pictures that are judged in this run; without one LPIPS is left out, and the report says so."""

    name = "looked_at"
    weighed = False

    def options_checked(self) -> None:
        """Raises OptionError where what `--lpips` names is no network of pictures, or LPIPS is asked for without one."""
        look_with(None)
        named = getattr(self.config, "lpips", None)
        if named:
            from modelwright.models.restore.lpips import lpips_of

            eye, self.weighed = lpips_of(str(named))
            look_with(eye)
        elif self.config.metric == LPIPS.name or LPIPS.name in (self.config.gate or ""):
            raise OptionError(
                f"`{LPIPS.name}` is what a network sees: name one with --lpips (a folder with a VGG, or efficientnet-lite0).",
                f"`{LPIPS.name}` 需要一个网络：请用 --lpips 指定（含 VGG 的文件夹或 efficientnet-lite0）。",
            )

    def report_deepened(self, state: State, facts: Facts) -> None:
        if state.task.name != "image-to-image":
            return
        said = self._words_on_lpips()
        for section in facts.get("sections", []):
            if section["name"] == "pictures":
                section["says"] = [a + b for a, b in zip(section["says"], said, strict=True)]

    def _words_on_lpips(self) -> Words:
        """What the report says of LPIPS."""
        named = getattr(self.config, "lpips", None)
        if not named:
            return Words(
                " LPIPS is left out: --lpips names a network with weights for it.",
                "未计算 LPIPS：可用 --lpips 指定带权重的网络。",
            )
        shown = Path(str(named)).name
        if self.weighed:
            return Words(
                f" LPIPS by `{shown}`, its channels weighed as people see (arXiv 1801.03924); less is better.",
                f"LPIPS 由 `{shown}` 计算，通道按人眼评判加权（arXiv 1801.03924）；越小越好。",
            )
        return Words(
            f" LPIPS by `{shown}`, whose channels all weigh alike: it compares models, but not with published figures; less is better.",
            f"LPIPS 由 `{shown}` 计算，各通道权重相同：可比较模型，但不能与论文数值相比；越小越好。",
        )
