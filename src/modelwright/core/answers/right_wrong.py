"""Right or wrong: what a learner's next answer will be. Two classes whose second one is right, read from what came before it.

Legend: N rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from modelwright.core.answers.classes import ClassesCodec
from modelwright.core.errors import DataError
from modelwright.core.figures import share
from modelwright.core.words import Words


class RightWrongCodec(ClassesCodec):
    """False (wrong) and true (right), scores [N, 2]. What rows hold beside their history explains little, so nothing is explained."""

    explains = False
    taught = False

    @classmethod
    def fit(cls, values: pa.Array) -> RightWrongCodec:
        """Count both. Raises DataError where one of them never occurs."""
        told = np.asarray(values.drop_null(), bool)
        counts = [int((~told).sum()), int(told.sum())]
        if 0 in counts:
            only, only_zh = ("right", "正确") if counts[0] == 0 else ("wrong", "错误")
            raise DataError(
                f"Expected answers that are right and others that are wrong, received {only} ones only: nothing tells them apart.",
                f"应同时有正确与错误的作答，实际全部为{only_zh}，无从学习。",
            )
        return cls([False, True], counts)

    def plainly(self, truth: np.ndarray, chosen: np.ndarray) -> Words | None:
        right, n = int((chosen == truth).sum()), len(truth)
        return Words(
            f"foresaw {right:,} of {n:,} unseen answers ({share(right, n)} %)",
            f"{n:,} 个未见过的作答中预测对 {right:,} 个（{share(right, n)}%）",
        )

    def answer_fields(self) -> dict[str, Any]:
        return super().answer_fields() | {"prediction": (bool, Field(description="whether the answer will be right"))}

    def columns(self, answers: Sequence[Mapping[str, Any]], *, flat: bool, scores: bool = False) -> dict[str, pa.Array]:
        """As LabelCodec.columns, with the probability of a right answer."""
        found = super().columns(answers, flat=flat, scores=scores)
        sure = [
            None if a["prediction"] is None else a["confidence"] if a["prediction"] else 1 - a["confidence"]
            for a in answers
        ]
        return {**found, "probability": pa.array(sure, pa.float64())}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> RightWrongCodec:
        return cls([False, True], [int(n) for n in state["counts"]])

    def state(self) -> dict[str, Any]:
        return {"kind": "right_wrong", "counts": list(self.counts)}


CODEC = RightWrongCodec
