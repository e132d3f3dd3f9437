"""What a recogniser understands of a voice that was trained: `--hears` names one, which should have learnt from other recordings.

Legend: T samples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.core import packaged
from modelwright.core.errors import ModelwrightError, OptionError
from modelwright.core.facts.run import Facts
from modelwright.core.judged import Metric
from modelwright.core.pretrained import bare_name
from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Table
from modelwright.core.task import Section, Task
from modelwright.core.words import Words
from modelwright.data.kinds.audio import MOST_SECONDS
from modelwright.evaluate.metrics.spoken import HEARD
from modelwright.features.shared.edit_distance import errors
from modelwright.features.shared.speech import samples_of
from modelwright.features.shared.transcript_rules import Rules, words_of
from modelwright.pipeline.concerns.base import Concern
from modelwright.pipeline.state import State
from modelwright.recipes.shared.speech_judge import Ear, listen_with
from modelwright.release.bundle import load
from modelwright.release.registry.find import find_bundle

_ROWS, _SECONDS, _LONGEST, _SHOWN = 60, 40.0, 20.0, 20
_OWN, _VOICES = "automatic-speech-recognition", "text-to-speech"
Judge = tuple[Any, Rules]  # a model of speech, and by which rules its texts are compared


class Heard(Concern):
    """Has a recogniser write down what voices say: what is heard best wins, and the report shows what was heard of test rows and of their recordings."""

    name = "heard"
    judge: Judge | None = None

    def options_checked(self) -> None:
        """Raises OptionError where what `--hears` names is no recogniser, BundleError where it cannot be read."""
        named = getattr(self.config, "hears", None)
        self.judge = recogniser(str(named)) if named else None
        listen_with(_ear(self.judge) if self.judge is not None else None)
        if not named and (self.config.metric == HEARD.name or HEARD.name in (self.config.gate or "")):
            raise OptionError(
                f"`{HEARD.name}` is what a recogniser understands: name one with --hears MODEL.",
                f"`{HEARD.name}` 需要语音识别模型：请用 --hears 模型 指定。",
            )

    def ranking(self, task: Task, metric: Metric) -> Metric:
        return HEARD if self.judge is not None and task.name == _VOICES else metric

    def report_deepened(self, state: State, facts: Facts) -> None:
        model = state.predictor.members[0][1]
        if self.judge is None or not hasattr(model, "said") or not len(state.parts.test):
            return
        found = section(model, state.parts.test, self.judge, bare_name(str(self.config.hears)))
        if found is not None:
            facts["sections"] = [*facts.get("sections", []), found.to_json()]


def recogniser(named: str) -> Judge:
    """Return the recogniser of a run or bundle, or Whisper by its name or folder. Raises OptionError, BundleError."""
    if named in packaged.names() or (Path(named) / "preprocessor_config.json").is_file():
        frozen: Any = get_recipe("speech-frozen")
        made = frozen.untouched(named)
        return made, made.rules
    predictor = load(find_bundle(named))
    if predictor.task.name != _OWN:
        raise OptionError(
            f"--hears names a recogniser of speech (task {_OWN}) or Whisper; `{named}` is a model of task {predictor.task.name}.",
            f"--hears 应为语音识别模型（任务 {_OWN}）或 Whisper；`{named}` 的任务为 {predictor.task.name}。",
        )
    rules: Rules = predictor.target.rules  # type: ignore[attr-defined]
    return predictor.members[0][1], rules


def _ear(judge: Judge) -> Ear:
    """Return what hears for a run while it chooses."""
    ear, rules = judge

    def hears(samples: np.ndarray, rate: int, text: str) -> tuple[int, int]:
        wanted = words_of(rules.apply(text))
        got = words_of(_text(ear, rules, _at(samples, rate, ear.front.rate)))
        return errors(wanted, got), len(wanted)

    return hears


def section(model: Any, test: Table, judge: Judge, name: str) -> Section | None:
    """Return the error rates of a recogniser on what a voice says of test rows, and on their recordings; None where nothing was said."""
    ear, rules = judge
    target = test.schema.target
    assert target is not None
    index = np.random.default_rng(0).permutation(len(test))[:_ROWS]
    some = test.take(np.sort(index))
    texts = [str(t or "") for t in some.column(model.voice.text).to_pylist()]
    until = time.monotonic() + _SECONDS
    rows: list[tuple[int, str, str, str]] = []
    for row, text, made, cell in zip(some.rows, texts, model.said(some), some.column(target.name), strict=True):
        truth = rules.apply(text)
        if rows and time.monotonic() > until:
            break
        if made is None or not truth:
            continue
        recorded = samples_of(cell.as_py(), ear.front.rate, MOST_SECONDS) if cell.is_valid else np.zeros(0, np.float32)
        said, there = (_text(ear, rules, x) for x in (_at(made, model.rate, ear.front.rate), recorded))
        rows.append((int(row), truth, said, there))
    if not rows:
        return None
    words, signs = (_rates(rows, cut) for cut in (words_of, list))
    says = Words(
        f"`{name}` wrote down {len(rows)} test rows as they are read out, and their recordings: word error rate {words[0]:.3f} of the voice, {words[1]:.3f} of the recordings; "
        f"character error rate {signs[0]:.3f} and {signs[1]:.3f}. A recogniser that learnt from this very voice flatters.",
        f"`{name}` 转写了 {len(rows)} 行测试文本的朗读及其录音：词错误率 合成 {words[0]:.3f}、录音 {words[1]:.3f}；字错误率 {signs[0]:.3f} 与 {signs[1]:.3f}。用同一声音训练的识别模型会高估效果。",
    )
    worst = sorted(rows, key=lambda r: -errors(words_of(r[1]), words_of(r[2])) / max(1, len(words_of(r[1]))))[:_SHOWN]
    head = (
        Words("row", "行"),
        Words("text", "文本"),
        Words("heard of the voice", "合成被识别为"),
        Words("heard of the recording", "录音被识别为"),
    )
    cells = [[str(r), t, s or "\u2205", h or "\u2205"] for r, t, s, h in worst]
    return Section(
        "heard", Words("What a recogniser understands", "识别模型听懂了多少"), says, head, cells, private=True
    )


def _rates(rows: Sequence[tuple[int, str, str, str]], cut: Callable[[str], list[str]]) -> tuple[float, float]:
    whole = max(1, sum(len(cut(t)) for _, t, _, _ in rows))
    return sum(errors(cut(t), cut(s)) for _, t, s, _ in rows) / whole, sum(
        errors(cut(t), cut(h)) for _, t, _, h in rows
    ) / whole


def _text(ear: Any, rules: Rules, samples: np.ndarray) -> str:
    if not len(samples):
        return ""
    try:
        return rules.apply(ear.transcribe([samples])[0]["text"])
    except ModelwrightError:
        return ""


def _at(samples: np.ndarray, own: int, rate: int) -> np.ndarray:
    """Return samples [T] at another rate."""
    import soxr

    found: np.ndarray = samples if own == rate else soxr.resample(samples, own, rate)
    return found.astype(np.float32)
