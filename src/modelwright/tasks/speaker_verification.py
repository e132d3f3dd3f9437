"""Speaker verification: whether two recordings are of one voice. Learnt from recordings of named speakers, judged on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from modelwright.core.answers.base import Answers, TargetCodec, as_objects
from modelwright.core.answers.objects import ObjectsCodec
from modelwright.core.errors import DataError
from modelwright.core.judged import Judged
from modelwright.core.recipe import Model, own_recipes
from modelwright.core.schema import Column, Schema, Table
from modelwright.core.task import GeneratedTask, Section, Split
from modelwright.core.words import Words
from modelwright.evaluate.metrics import voices as evaluate
from modelwright.evaluate.report import voices as report
from modelwright.features.shared.sample_speech import sung
from modelwright.tasks._recordings import empty, one_recording, plain, speaker_of
from modelwright.tasks._shares import share_of

if TYPE_CHECKING:
    from modelwright.core.config import RunConfig

OTHER = "other"  # the column of the recording that one is compared with
_PART = 2  # speakers of each part of a split at least: fewer give no trial between two
_VALID_SHARE = 0.2
SAME, DIFFERENT = "same", "different"


class VoicesCodec(ObjectsCodec):
    """Speakers; an answer is {"voice": D numbers} and, where two were compared, "score", "probability" and "same" of them."""

    def __init__(self, task: str, rate: float) -> None:
        super().__init__(task)
        self.rate = rate

    def encode(self, values: pa.Array) -> np.ndarray:
        return as_objects([None if v is None else str(v) for v in values.to_pylist()])

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        rows = scores[:, 0]
        said = [None if r.get("same") is None else SAME if r["same"] else DIFFERENT for r in rows]
        return Answers(said, None, {name: [r.get(name) for r in rows] for name in ("score", "probability")})

    def answer_fields(self) -> dict[str, Any]:
        number = (float | None, None)
        return {
            "prediction": (str | None, ...),
            "score": number,
            "probability": (float | None, Field(None, ge=0, le=1)),
        }

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        names = np.unique([str(t) for t in truth], return_inverse=True)[1]
        wide = int(names.max(initial=0)) + 1
        return as_objects([{"voice": [float(k == n) for k in range(wide)]} for n in names])[:, None]

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """As TargetCodec.columns, with score and probability; never the voice itself."""
        found = super().columns(answers, flat=flat)
        for name in ("score", "probability"):
            found[name] = pa.array([a.get(name) for a in answers], pa.float64())
        return found

    def state(self) -> dict[str, Any]:
        return {**super().state(), "rate": self.rate}


class SpeakerVerification(GeneratedTask):
    """A recording in, a vector of its voice out; two recordings: whether they are of one voice. Chosen by name only."""

    name = "speaker-verification"
    title = Words("speaker verification", "声纹验证")
    inputs = frozenset({"audio"})
    targets = frozenset({"text"})
    metrics = evaluate.METRICS
    tells_personal = True
    recalls = False  # voices of its own speakers need not be told apart better than others

    @property
    def recipes(self) -> tuple[str, ...]:
        return own_recipes(self.name)

    def accepts(self, values: pa.Array, column: Column) -> float:
        return 0.001 if column.modality in self.targets else 0.0

    def target_of(self, raw: pa.Table) -> str | None:
        return speaker_of(raw.column_names)

    def typed(self, schema: Schema, config: RunConfig | None = None) -> Schema:
        _, changes = one_recording(schema, Words("not read by what tells voices apart", "声纹验证不读取该列"))
        target = schema.target
        if target is not None:
            rate = "1%" if config is None else config.false_accepts
            told = share_of(rate, "--false-accepts", Words("other speakers", "其他说话人"))
            changes[target.name] = {"options": {**target.options, "rate": told}}
        return schema.with_columns(changes)

    def split(self, table: Table, config: RunConfig, official: bool) -> Split | None:
        """Hold out whole speakers, two at least for each part: a test of voices that were learnt would tell nothing."""
        who = evaluate.speakers_of(table)
        count = int(who.max(initial=-1)) + 1
        parts = 2 if official else 3
        if count < parts * _PART:
            raise DataError(
                f"The recordings are of {count} speakers; at least {parts * _PART} are needed: {_PART} each to learn from, to choose by"
                f"{'' if official else ' and to test on'}. One recording a speaker is not enough either.",
                f"录音来自 {count} 位说话人，至少需要 {parts * _PART} 位：训练、选择{'' if official else '、测试'}各 {_PART} 位；每人只有一段录音时同样不够。",
            )
        if np.bincount(who).max() < 2:
            raise DataError(
                "Every speaker has one recording; two of each are needed to learn what a voice keeps.",
                "每位说话人只有一段录音；每人至少需要两段才能学习声纹。",
            )
        order = np.random.default_rng(config.seed).permutation(count)
        held = 0 if official else max(_PART, round(config.test_fraction * count))
        held = min(held, count - 2 * _PART) if not official else 0
        test, rest = order[:held], order[held:]
        # one window: vectors of models that learnt from different speakers do not compare, so folds have no pairs in common
        valid = rest[: max(_PART, round(_VALID_SHARE * len(rest)))]
        window = (_rows_of_speakers(who, np.setdiff1d(rest, valid)), _rows_of_speakers(who, valid))
        return Split(_rows_of_speakers(who, rest), _rows_of_speakers(who, test), windows=(window,))

    def fit_target(self, values: pa.Array, column: Column) -> TargetCodec:
        return VoicesCodec(self.name, float(column.options.get("rate", 0.01)))

    def restore_target(self, state: Mapping[str, Any]) -> TargetCodec:
        return VoicesCodec(self.name, float(state["rate"]))

    def served(self, schema: Schema) -> Schema:
        """Return the recording and beside it the one it is compared with."""
        columns = [c for c in schema if c.role in ("input", "target")]
        other = () if other_of(schema) in schema else (Column(other_of(schema), "audio", "input"),)
        return Schema((*columns, *other))

    def refused(self, table: Table) -> list[tuple[int, str, Words]]:
        """As Task.refused: rows without one of the two recordings, of which nothing could be said."""
        return [cell for c in table.schema.inputs if c.modality == "audio" for cell in empty(table, c.name)]

    def rests_on(self, schema: Schema) -> tuple[str, ...]:
        """As Task.rests_on: both recordings."""
        return tuple(c.name for c in schema.inputs if c.modality == "audio")

    def sections(self, model: Model, judged: Judged, develop: Table, test: Table, seconds: float) -> list[Section]:
        return report.sections(model, judged)

    def sample(self, rows: int, seed: int) -> tuple[pa.Table, str]:
        recordings, speakers = sung(rows, seed)
        return pa.table({"recording": pa.array(recordings, pa.large_binary()), "speaker": speakers}), "speaker"


def other_of(schema: Schema) -> str:
    """Return the name of the column of recordings to compare with; it gives way to a target that is called so."""
    taken = {c.name for c in schema if c.modality != "audio" or plain(c.name) != OTHER}
    name = OTHER
    while name in taken:
        name += "_"
    return name


def _rows_of_speakers(who: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.isin(who, speakers))


TASK = SpeakerVerification
