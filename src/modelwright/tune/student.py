"""One student in place of a blend: a single model that learns what the blend answers, beside the truth.

Bucila et al. 2006 (doi 10.1145/1150402.1150464); Hinton et al. 2015 (arXiv 1503.02531). Rows that a fold held out are taught by models
that never saw them; the others, where there is one split, by those that did. The student is judged on validation rows, as any candidate
is; answers to its training rows came of models that had seen its held-out ones, so that this judgement may flatter it a little, and the
test rows tell.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelwright.core.budget import Deadline
from modelwright.core.config import RunConfig
from modelwright.core.recipe import get_recipe, guesses, on_torch
from modelwright.core.teacher_answers import Taught
from modelwright.core.words import Words
from modelwright.tune.attempt import Broken, attempt
from modelwright.tune.candidate import Candidate, Validation, add_fold, candidate_of, fit_fold
from modelwright.tune.climb import Climb
from modelwright.tune.fits import Fits
from modelwright.tune.leaderboard import Blend, Learnt, Standings, Winner
from modelwright.tune.pace import Stopwatch
from modelwright.tune.race import common, gap

NAME = "student"
_WITHIN = 1.0  # standard errors by which a student may lie behind its blend
_SURE = 0.7  # standard errors by which a slow blend must be better than the winner to be worth a student
ROOM = 1.15  # times what a fold of the same recipe took, as room for the student's


def refuses(config: RunConfig, validation: Validation) -> Words | None:
    """Return why there can be no student of such answers or under such options; None where there can."""
    target = validation.target
    if not config.ensemble:
        return Words(
            "without blends (--no-ensemble) there is none to learn from", "不组合模型（--no-ensemble）时没有组合可学"
        )
    if not target.taught:
        return Words(
            "students learn labels without an order, sets of labels, and values",
            "单模型学习只适用于无序标签、标签集合与数值",
        )
    if config.teacher:
        return Words("rows that a large model labelled are not taught twice", "大模型标注的行不再重复学习")
    return None


def pupil(standings: Standings, slower: float) -> Candidate | None:
    """Return the candidate whose recipe and options the student takes over: the best that learns scores, answers in time and in less
    than `slower` seconds; None where there is none."""
    limit = standings.limit(standings.field())
    link = standings.validation.target.link

    def may(c: Candidate) -> bool:
        cost = standings.cost(c)
        quick = cost < slower and (limit is None or cost <= limit)
        return quick and not guesses(c.recipe) and link in type(get_recipe(c.recipe)).learns_scores

    return max((c for c in standings.field() if may(c)), key=lambda c: c.value, default=None)


def to_learn(climb: Climb, winner: Winner, value: float, scores: np.ndarray) -> Blend | None:
    """Return the blend that a student is to learn from, if any: what won where one was asked for, else one that is better than what
    won and answers too slowly. `value` and validation `scores` [N, K] are the winner's."""
    p = climb.standings
    if climb.config.student is False or climb.private is not None or refuses(climb.config, climb.validation):
        return None
    if climb.config.student and len(winner) > 1:
        return Blend(winner, value, scores, sum(p.cost(c) for _, c in winner))
    free, free_value, free_scores = p.unlimited()
    seconds, limit = sum(p.cost(c) for _, c in free), p.limit(p.field())
    if len(free) < 2:
        return None
    slow = limit is not None and seconds > limit and gap(free_scores, scores, climb.validation).errors > _SURE
    return Blend(free, free_value, free_scores, seconds) if slow or climb.config.student else None


def answers_of(blend: Blend, validation: Validation) -> Taught:
    """Return the blend's answers to all rows of the table: held out where they were, else as its models answer what they learnt from."""
    table, target = validation.table, validation.target
    scores = np.full((len(table), target.outputs), np.nan)
    scores[validation.index] = blend.scores
    rest = np.flatnonzero(np.isnan(scores[:, 0]))
    if len(rest):
        some = table.take(rest)
        own = [(w / len(c.models), m) for w, c in blend.winner for m in c.models]
        scores[rest] = target.blend([w for w, _ in own], [m.scores(some) for _, m in own])
    return Taught.by_row(table.rows, scores)


def teach(climb: Climb, fits: Fits, blend: Blend, winner: Winner, scores: np.ndarray, refit: float) -> Learnt:
    """Train a student and say whether it is to stand for the winner, whose validation scores are `scores` [N, K].

    The `refit` seconds of the winner are kept; where a student was asked for, its first fold comes before them.
    """
    p, left = climb.standings, climb.left()
    seconds = left if climb.config.student else left - refit
    chosen = pupil(p, blend.seconds)
    if chosen is None:
        return Learnt(blend, None, False, Words(
            f"No model that is quicker than {blend.name} learns what it answers.", f"没有比 {blend.name} 更快、又能学习其回答的模型。"
        ))  # fmt: skip
    need = chosen.fit_seconds * ROOM + _answering(blend, climb)
    if need > seconds:
        return Learnt(blend, None, False, Words(
            f"No time for a student of {blend.name}: about {need:.0f} s needed, {max(0.0, seconds):.0f} s left.",
            f"没有时间训练学习 {blend.name} 的单模型：约需 {need:.0f} 秒，剩余 {max(0.0, seconds):.0f} 秒。",
        ))  # fmt: skip
    deadline = climb.deadline.sub(seconds)
    made = attempt(
        lambda: _fitted(climb, fits, blend, chosen, deadline, seconds + refit - left),
        NAME,
        climb.folder.parent if climb.folder else None,
    )
    if isinstance(made, Broken):
        words = Words(
            f"The student of {blend.name} came to nothing: {made.words.en}",
            f"学习 {blend.name} 的单模型未能得出：{made.words.zh}",
        )
        return Learnt(blend, None, False, words)
    taught, student = made
    rows = climb.validation.rows_of(common([student, *(c for _, c in (*blend.winner, *winner))]))
    own = climb.validation.only(student.scores, rows)
    behind = gap(own, climb.validation.only(blend.scores, rows), climb.validation)
    beside = gap(own, climb.validation.only(scores, rows), climb.validation)
    kept = behind.errors >= -_WITHIN and (blend.winner is winner or beside.difference >= 0)
    limit = p.limit(p.field())
    kept = kept and (limit is None or p.cost(student) <= limit)
    return Learnt(
        blend, student, kept, _compared_with(blend, student, behind.difference, int(rows.sum()), kept, p), taught
    )


def _fitted(
    climb: Climb, fits: Fits, blend: Blend, chosen: Candidate, deadline: Deadline, kept: float
) -> tuple[Taught, Candidate]:
    """Return the blend's answers, and the student after as many folds as there is time for beside the seconds that are `kept`."""
    recipe = get_recipe(chosen.recipe)
    recipe.bases = climb.bases
    options, validation = type(recipe).options(**chosen.options), climb.validation
    taught = answers_of(blend, validation)
    student: Candidate | None = None
    for split in common([chosen, *(c for _, c in blend.winner)]):
        if student is not None and deadline.remaining() < ROOM * student.fit_seconds + kept:
            break
        own = fits.context(NAME, deadline, torch=on_torch(recipe))
        ctx = replace(own, taught=taught, crew=None, cluster=None)  # the other processes were not taught
        fold = fit_fold(NAME, recipe, options, validation, split, ctx, Stopwatch())
        if student is None:
            student = candidate_of(NAME, recipe, options, validation, fold, chosen.seed)
        else:
            add_fold(student, fold, validation)
    assert student is not None
    return taught, student


def _answering(blend: Blend, climb: Climb) -> float:
    """Return the seconds that the blend's answers to rows take which no fold held out."""
    rest = len(climb.validation.table) - len(climb.validation.index)
    return rest * sum(c.batch_ms for _, c in blend.winner) / 1000 * climb.pace.load


def _compared_with(
    blend: Blend, student: Candidate, difference: float, rows: int, kept: bool, standings: Standings
) -> Words:
    """Return in a sentence how a student compares with its blend."""
    ms, blend_ms, by = 1000 * standings.cost(student), 1000 * blend.seconds, f"{difference:+.3g}"
    en = f"{student.recipe} learnt what {blend.name} answers: {by} on {rows:,} validation rows, {ms:.2g} ms an answer in place of {blend_ms:.2g}"
    zh = f"{student.recipe} 学习了 {blend.name} 的回答：在 {rows:,} 行验证集上相差 {by}，每次回答 {ms:.2g} 毫秒，组合为 {blend_ms:.2g} 毫秒"
    if kept:
        return Words(f"{en}; it stands for the blend.", f"{zh}；以它代替组合。")
    return Words(f"{en}; that is too far behind to stand for it.", f"{zh}；差距过大，不予代替。")
