"""How unusual a row is, and whether that is reason for an alarm at a declared rate of false ones.

Legend: N rows, C columns (or channels of a series).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field

from modelwright.core.answers.base import Answers, TargetCodec, as_label, counted
from modelwright.core.answers.corrections import Form, expected
from modelwright.core.errors import DataError, OptionError, unknown
from modelwright.core.figures import share
from modelwright.core.words import Words

UNLABELLED = "(unlabelled)"  # what stands in the target column of a table that has none
SCORE, P_VALUE, PLANTED, PARTS = 0, 1, 2, 3  # columns of scores; from PARTS on those of the columns that were read
_SHOWN = 3  # columns named in an answer
_TELLS, _MOST = (
    200,
    2.0,
)  # usual rows that tell how often there are false alarms, and times by which p-values grow at most
_LEAST = 0.1  # share of an unusual row's score from which a column is named
_NORMAL = frozenset(
    "0 false no n normal ok good healthy benign inlier usual negative neg 正常 否 无 良好 健康 阴性".split()
)
_UNUSUAL = frozenset("1 true yes y anomaly anomalous abnormal outlier fault failure fraud attack alarm bad positive pos 异常 故障 是 有 离群 报警 欺诈 阳性".split())  # fmt: skip


class Part(BaseModel):
    """A column that made a row unusual, and its share of that."""

    column: str
    share: float = Field(ge=0, le=1)


class AnomalyCodec(TargetCodec):
    """Truth is 1 for an anomaly, 0 for a usual row, -1 where nothing is known; int64 [N].

    Scores [N, 3 + C]: how unusual a row is (larger is more so), its conformal p-value (the share of usual rows that are at least as
    unusual, in 0..1), how unusual the row would be with something planted in it (only where rows are judged), and what each of
    the `columns` adds. `rate` is the share of usual rows that may raise an alarm; `anomalous` are the labels of anomalies,
    None where there are no labels.
    """

    kind = "anomaly"
    link = ""
    averages = False
    plainer = 2.0  # what is planted stands for anomalies that nobody knows
    explains = False
    compares_groups = False
    told_as: ClassVar[Form] = "label"

    def __init__(self, columns: Sequence[str], rate: float, anomalous: Sequence[str] | None = None) -> None:
        self.columns_read, self.rate = tuple(columns), rate
        self.anomalous = None if anomalous is None else tuple(anomalous)
        self.labels = ()

    @classmethod
    def fit(cls, values: pa.Array, columns: Sequence[str], rate: float, normal: str | None = None) -> AnomalyCodec:
        """Learn which labels mean an anomaly, where there are any. Raises DataError where that cannot be told."""
        counts = Counter({as_label(v): n for v, n in counted(values) if as_label(v) != UNLABELLED})
        if not counts:
            return cls(columns, rate)
        if normal is not None:
            if normal not in counts:
                raise unknown(Words("label", "标签"), normal, list(counts), OptionError)
            return cls(columns, rate, sorted(set(counts) - {normal}))
        usual = [label for label in counts if _normalised(label) in _NORMAL]
        odd = [label for label in counts if _normalised(label) in _UNUSUAL]
        if usual:
            return cls(columns, rate, sorted(set(counts) - set(usual)))
        if odd:
            return cls(columns, rate, sorted(odd))
        shown = ", ".join(f"`{label}`" for label, _ in counts.most_common(8))
        raise DataError(
            f"Which of the labels {shown} means that nothing is unusual? Say it with --normal LABEL.",
            f"标签 {shown} 中哪一个表示正常？请用 --normal 标签 说明。",
        )

    @property
    def outputs(self) -> int:
        return PARTS + len(self.columns_read)

    def encode(self, values: pa.Array) -> np.ndarray:
        coded = values.dictionary_encode()
        places = [self._truth(v) for v in coded.dictionary.to_pylist()]
        codes = np.asarray(coded.indices.fill_null(len(places)), np.int64)
        return np.array([*places, -1], np.int64)[codes]

    def _truth(self, value: Any) -> int:
        label = as_label(value)
        if label == UNLABELLED or (self.anomalous is None and not isinstance(value, bool)):
            return {"true": 1, "false": 0}.get(label, -1)
        return int(value if isinstance(value, bool) else label in (self.anomalous or ()))

    def decode(self, scores: np.ndarray, thresholds: Sequence[float] | None = None) -> Answers:
        """Return alarms of scores [N, K]: rows whose p-value is at most the declared rate."""
        alarms = scores[:, P_VALUE] <= self.rate
        beside = {
            "score": scores[:, SCORE].tolist(),
            "p_value": scores[:, P_VALUE].tolist(),
            "columns": [self._shares_of_columns(row) for row in scores[:, PARTS:]],
        }
        return Answers(alarms.tolist(), None, beside)

    def _shares_of_columns(self, added: np.ndarray) -> list[dict[str, Any]]:
        positive = np.maximum(added, 0.0)
        total = float(positive.sum())
        if not total > 0:
            return []
        order = np.argsort(-positive, kind="stable")[:_SHOWN]
        return [
            {"column": self.columns_read[i], "share": round(float(positive[i]) / total, 4)}
            for i in order
            if positive[i] >= _LEAST * total
        ]

    def chosen(self, answers: Answers, scores: np.ndarray) -> np.ndarray:
        return np.asarray(answers.predictions, bool).astype(np.int64)

    def perfect(self, truth: np.ndarray) -> np.ndarray:
        out = np.zeros((len(truth), self.outputs))
        out[:, SCORE], out[:, P_VALUE], out[:, PLANTED] = truth, np.where(truth == 1, 1e-6, 0.5), 2.0
        return out

    def blend(self, weights: Sequence[float], scores: Sequence[np.ndarray]) -> np.ndarray:
        """Return the scores [N, K] of the weightiest model: the scales of different models do not compare."""
        return scores[int(np.argmax(weights))]

    @property
    def stretches(self) -> bool:
        return True

    def tempered(self, scores: np.ndarray, temperature: float) -> np.ndarray:
        """Return scores [N, K] with p-values times `temperature`: the larger, the fewer alarms."""
        if temperature == 1.0:
            return scores
        out = np.array(scores, np.float64)
        out[:, P_VALUE] = np.minimum(1.0, temperature * out[:, P_VALUE])
        return out

    def stretch(self, truth: np.ndarray, scores: np.ndarray) -> float:
        """Return what p-values must be multiplied by so that no more than the declared share of held-out usual rows raises an alarm (scores [N, K]), in
        1 .. 2: rows that come later are less like those that calibrated. 1 where fewer than 200 are known."""
        usual = np.sort(scores[truth != 1, P_VALUE])
        if len(usual) < _TELLS:
            return 1.0
        allowed = max(float(usual[int(self.rate * len(usual))]), 1e-12)  # alarms below it are no more than declared
        least = max(float(usual[0]), 1e-12)  # what was least usual of all is to remain an alarm, where it was one
        return float(np.clip(min((1 + 1e-9) * self.rate / allowed, self.rate / least), 1.0, _MOST))

    def faults(self, scores: np.ndarray) -> str | None:
        found = super().faults(scores)
        if found is None and ((scores[:, P_VALUE] < 0) | (scores[:, P_VALUE] > 1)).any():
            return "a p-value is not between 0 and 1"
        return found

    def told(self, value: Any, *, new: bool = False) -> tuple[Any, bool]:
        """As TargetCodec.told: whether it was an anomaly."""
        if not isinstance(value, bool):
            raise expected("true (an anomaly) or false", "true（异常）或 false")
        return value, False

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        alarms, n = int(chosen.sum()), len(chosen)
        if not (truth == 1).any():
            return Words(
                f"raises an alarm at {alarms:,} of {n:,} unseen rows ({share(alarms, n)} %)",
                f"{n:,} 行未见过的数据中报警 {alarms:,} 行（{share(alarms, n)}%）",
            )
        found, odd = int((chosen[truth == 1] == 1).sum()), int((truth == 1).sum())
        false, usual = int((chosen[truth == 0] == 1).sum()), int((truth == 0).sum())
        return Words(
            f"finds {found:,} of {odd:,} anomalies among unseen rows, with {false:,} false alarms at {usual:,} usual ones ({share(false, max(1, usual))} %)",
            f"在未见过的数据中找到 {odd:,} 个异常中的 {found:,} 个，{usual:,} 行正常数据中误报 {false:,} 行（{share(false, max(1, usual))}%）",
        )

    def answer_fields(self) -> dict[str, Any]:
        return {
            "prediction": (bool, ...),
            "score": (float, ...),
            "p_value": (float, Field(ge=0, le=1)),
            "columns": (list[Part], ...),
        }

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """As TargetCodec.columns, with score, p-value, and the columns that made the row unusual."""
        found = super().columns(answers, flat=flat)
        for name in ("score", "p_value"):
            found[name] = pa.array([a.get(name) for a in answers], pa.float64())
        named = [[p["column"] for p in a.get("columns") or []] for a in answers]
        found["columns"] = pa.array(["; ".join(n) for n in named] if flat else named)
        return found

    def column(self, predictions: Sequence[Any], flat: bool) -> pa.Array:
        return pa.array(predictions, pa.bool_())

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> AnomalyCodec:
        return cls([str(c) for c in state["columns"]], float(state["rate"]), state["anomalous"])

    def state(self) -> dict[str, Any]:
        odd = None if self.anomalous is None else list(self.anomalous)
        return {"kind": self.kind, "columns": list(self.columns_read), "rate": self.rate, "anomalous": odd}


def _normalised(label: str) -> str:
    return re.sub(r"[\s_-]+", " ", label).strip().lower()


CODEC = AnomalyCodec
