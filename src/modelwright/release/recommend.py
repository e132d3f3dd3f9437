"""Recommendations as a shop asks for them: for a user, a session or a description, under conditions, rules and with reasons.

Legend: I items of the catalogue, K items of an answer, M candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelwright.core.answers.ranked import RankedCodec, Ranking
from modelwright.core.errors import OptionError
from modelwright.core.schema import Table
from modelwright.core.threads import one_thread
from modelwright.core.words import Words, counted
from modelwright.recipes.shared.recommend import RankModel, best
from modelwright.release.bundle import Predictor
from modelwright.release.catalogue import Catalogue, Condition
from modelwright.release.index import Index

_REASONS = 3
_CANDIDATES = 120  # of which a varied list is chosen, at least
_REMEMBERED = 500  # further events of one user, the latest
_USERS = 200_000  # of which further events are remembered


@dataclass(frozen=True)
class Boost:
    """Items that meet a condition count `by` times their score, which lies between 0 and 1 for this."""

    where: str
    by: float


@dataclass(frozen=True)
class Asked:
    """What is asked for. `about` are columns of the user, `like` those of an item; `seen` lets items in that the user had;
    `cap` is how many items of one value of a column an answer may hold, `diverse` (0 to 1) how much likeness counts against an item."""

    user: str | None = None
    history: Sequence[str] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    like: Mapping[str, Any] = field(default_factory=dict)
    k: int = 10
    exclude: Sequence[str] = ()
    where: Sequence[str] = ()
    boost: Sequence[Boost] = ()
    cap: Mapping[str, int] = field(default_factory=dict)
    seen: bool = False
    diverse: float = 0.0
    reasons: bool = False
    show: bool = False


class Recommender:
    """Answers for a predictor whose model ranks items. Further events of users count at once, without training."""

    def __init__(self, predictor: Predictor) -> None:
        found = [m for _, m in sorted(predictor.members, key=lambda m: -m[0]) if isinstance(m, RankModel)]
        if not found or not isinstance(predictor.target, RankedCodec):
            raise OptionError(
                f"A model of task `{predictor.task.name}` does not recommend items; train one with --task recommendation.",
                f"任务 `{predictor.task.name}` 的模型不能推荐物品；请用 --task recommendation 训练。",
            )
        self.predictor, self.model, self.target = predictor, found[0], predictor.target
        self.catalogue = Catalogue(self.target.items, predictor.related.get("items"))
        self._later: dict[str, list[int]] = {}  # items of users since the model was trained
        self.index = Index.of(self.model)
        who = predictor.schema.who
        self.user_column = "user" if who is None else who.name

    def remember(self, user: str, item: str) -> bool:
        """Take an event into account from now on; False for an item that the catalogue lacks."""
        place = self.target.places.get(item)
        if place is None:
            return False
        if user not in self._later and len(self._later) >= _USERS:
            self._later.pop(next(iter(self._later)))
        own = self._later.setdefault(user, [])
        if place in own:
            own.remove(place)
        own.append(place)
        del own[:-_REMEMBERED]
        return True

    def forget(self, user: str) -> bool:
        """Take what was remembered of a user away."""
        return self._later.pop(user, None) is not None

    def had(self, asked: Asked) -> tuple[np.ndarray, bool]:
        """Return all items [M] that the one who asks is known to have had, the first one first, and whether the user was known."""
        had = self.model.had(asked.user)
        later = self._later.get(asked.user, []) if asked.user is not None else []
        if later:
            had = self.model.joined(had, [self.target.items[i] for i in later])
        known = len(had) > 0
        return self.model.joined(had, list(asked.history)), known

    def answer(self, asked: Asked) -> dict[str, Any]:
        """As `listed`, without the ranking."""
        return self.listed(asked)[0]

    def listed(self, asked: Asked) -> tuple[dict[str, Any], Ranking]:
        """Return an answer and the ranking that it shows: `items` (each with `item`, `score`, and `because`, `columns` where asked for), `known`, and `warnings` where there are any.

        Raises ColumnError for columns that items lack, DataError for conditions and values that do not fit.
        """
        with one_thread():  # threads that share one small product wait for one another
            return self._list_for(asked)

    def _list_for(self, asked: Asked) -> tuple[dict[str, Any], Ranking]:
        had, known = self.had(asked)
        out = self._without(asked, had)
        ranking = self._near(asked, had, out)
        if ranking is None:
            ranking = self._chosen(asked, self._scores(asked, had, out))
        items = self.target.shown(ranking, len(ranking.items))
        for hit, place in zip(items, ranking.items.tolist(), strict=True):
            if asked.reasons:
                hit["because"] = [self.target.items[i] for i in self.model.because(had, place)[:_REASONS]]
            if asked.show:
                hit["columns"] = self.catalogue.shown(place)
        told = self._warnings(asked, had, len(items))
        warnings = [{"code": code, "message": words.en, "message_zh": words.zh} for code, words in told]
        return {"items": items, "known": known, **({"warnings": warnings} if warnings else {})}, ranking

    def _without(self, asked: Asked, had: np.ndarray) -> np.ndarray:
        """Return which items [I] are left out."""
        out = np.zeros(len(self.target.items), bool)
        for text in asked.where:
            out |= ~self.catalogue.mask(Condition.read(text))
        places = self.target.places
        out[[places[i] for i in asked.exclude if i in places]] = True
        if not asked.seen:
            out[had] = True
        return out

    def _near(self, asked: Asked, had: np.ndarray, out: np.ndarray) -> Ranking | None:
        """Return the list as the index finds it, or the model by a quicker way; None where there is none, or where it does not reach far enough."""
        if asked.boost or asked.about or asked.like:
            return None
        if self.index is None:
            return None if asked.cap or asked.diverse else self.model.first(had, asked.k, out)
        if asked.where:
            return None
        if not asked.cap and not asked.diverse:
            return self.index.search(had, asked.k, out)
        found = self.index.search(had, max(_CANDIDATES, 8 * asked.k), out)
        if found is None:
            return None
        chosen = self._varied(found, asked)
        return self._in_turn(found, chosen) if len(chosen) >= asked.k else None

    def _scores(self, asked: Asked, had: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Return a score for each item [I], minus infinity for those that are left out or far behind."""
        if asked.like:
            near = self.catalogue.nearest(asked.like)
            # of equally near ones, what goes with the nearest comes first
            seeds = np.concatenate([had, np.argsort(-near, kind="stable")[:3].astype(np.int32)])
            behind = np.array(self.model.rank([seeds])[0], np.float64)
            scores = near + 0.05 * _between(behind, np.isfinite(behind))
        else:
            table = self._line_of_user(asked)
            ranked = self.model.rank([had]) if table is None else self.model.rank_told([had], table)
            scores = np.array(ranked[0], np.float32)
        scores[out] = -np.inf
        if asked.boost:
            inside = np.isfinite(scores)
            scores = np.where(inside, _between(scores, inside), -np.inf)
            for boost in asked.boost:
                scores[self.catalogue.mask(Condition.read(boost.where)) & inside] *= boost.by
        return scores

    def _line_of_user(self, asked: Asked) -> Table | None:
        """Return what is told of the user as a table of one line, None where nothing is or the model does not read it."""
        if not asked.about or not self.model.reads_users:
            return None
        table, bad = self.predictor.table([{**asked.about, self.user_column: asked.user}])
        if bad:
            from modelwright.core.errors import DataError

            raise DataError(
                f"Column `{bad[0].column}`: {bad[0].words.en}.", f"列 `{bad[0].column}`：{bad[0].words.zh}。"
            )
        return table

    def _chosen(self, asked: Asked, scores: np.ndarray) -> Ranking:
        """Return the list of K items: the best ones, or a varied choice among them, within the caps."""
        if not asked.cap and not asked.diverse:
            return best(scores, asked.k)
        length = max(_CANDIDATES, 8 * asked.k)
        while True:
            found = best(scores, length)
            chosen = self._varied(found, asked)
            if len(chosen) >= asked.k or length >= len(scores):
                return self._in_turn(found, chosen)
            length *= 4

    @staticmethod
    def _in_turn(found: Ranking, chosen: Sequence[int]) -> Ranking:
        """Return the chosen places of a ranking; what a varied list puts later has no higher score than what stands before it."""
        order = np.array(chosen, np.int64)
        kept = found.scores[order]
        return Ranking(found.items[order], np.minimum.accumulate(kept) if len(kept) else kept)

    def _varied(self, found: Ranking, asked: Asked) -> list[int]:
        """Return places in a ranking, at most K: maximal marginal relevance (Carbonell & Goldstein 1998, doi 10.1145/290941.291025)
        among those whose group is not full."""
        groups = [self.catalogue.groups(name)[found.items] for name in asked.cap]
        most = list(asked.cap.values())
        counts: list[dict[int, int]] = [{} for _ in groups]
        free = np.ones(len(found.items), bool)
        for codes, limit in zip(groups, most):
            free &= (codes < 0) | (limit > 0)
        worth = _between(found.scores.astype(np.float64), np.ones(len(free), bool))
        near = np.zeros(len(free))
        alike = self._alike(found.items) if asked.diverse else None
        chosen: list[int] = []
        while len(chosen) < asked.k and free.any():
            values = (1 - asked.diverse) * worth - asked.diverse * near
            pick = int(np.argmax(np.where(free, values, -np.inf)))
            chosen.append(pick)
            free[pick] = False
            for codes, count, limit in zip(groups, counts, most):
                code = int(codes[pick])
                count[code] = count.get(code, 0) + 1
                if code >= 0 and count[code] >= limit:
                    free &= codes != code
            if alike is not None:
                near = np.maximum(near, alike[pick])
        return chosen

    def _alike(self, places: np.ndarray) -> np.ndarray:
        """Return how alike items [M] are, 0 to 1 [M, M]: by who had them, and by their columns where these are known."""
        by_users, by_columns = self.model.alike(places), self.catalogue.alike(places)
        found = [a for a in (by_users, by_columns) if a is not None]
        return np.mean(found, axis=0) if found else np.zeros((len(places), len(places)))

    def _warnings(self, asked: Asked, had: np.ndarray, count: int) -> list[tuple[str, Words]]:
        places = self.target.places
        out = []
        strange = [i for i in asked.history if i not in places]
        if strange:
            out.append((
                "items",
                Words(
                    f"{counted(len(strange), 'item')} of the history {_are(strange)} not in the catalogue and tell{'s' * (len(strange) == 1)} nothing.",
                    f"历史中有 {len(strange)} 个物品不在目录中，未被采用。",
                ),
            ))  # fmt: skip
        spared = [i for i in asked.exclude if i not in places]
        if spared:
            out.append((
                "exclude",
                Words(
                    f"{counted(len(spared), 'item')} to exclude {_are(spared)} not in the catalogue, such as `{spared[0]}`.",
                    f"要排除的物品中有 {len(spared)} 个不在目录中，例如 `{spared[0]}`。",
                ),
            ))  # fmt: skip
        if not len(had) and not asked.like:
            sent = Words("nothing that is known was sent", "请求的历史中也没有已知物品") if strange else Words("no history was sent", "请求中也没有历史")  # fmt: skip
            out.append((
                "unknown-user",
                Words(
                    f"Nothing is known of this user and {sent.en}: popular items are answered.",
                    f"没有该用户的记录，{sent.zh}：返回热门物品。",
                ),
            ))  # fmt: skip
        if asked.about and not self.model.reads_users:
            out.append(("about", Words("The model reads no columns of users.", "模型不读取用户的列。")))
        if asked.reasons and count and not asked.like and not self.model.gives_reasons:
            out.append(("reasons", Words("This model cannot tell reasons.", "该模型无法给出理由。")))
        if count < asked.k:
            out.append(
                (
                    "few",
                    Words(
                        _left(count),
                        f"可推荐的物品只剩 {count} 个。" if count else "没有可推荐的物品：条件或排除项去掉了全部物品。",
                    ),
                )
            )
        return out


def _left(count: int) -> str:
    """Return what is said of a list that is shorter than was asked for."""
    if not count:
        return "No item is left to recommend: conditions and exclusions leave none."
    return f"Only {counted(count, 'item')} {'is' if count == 1 else 'are'} left to recommend."


def _are(items: Sequence[str]) -> str:
    return "is" if len(items) == 1 else "are"


def _between(scores: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return scores put between 0 and 1, by those that are `inside`."""
    some = scores[inside]
    if not len(some):
        return np.zeros(len(scores))
    low, high = float(some.min()), float(some.max())
    return np.where(inside, (np.where(inside, scores, low) - low) / (high - low if high > low else 1.0), 0.0)
