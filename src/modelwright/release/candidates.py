"""The candidates that a run keeps beside its winner, as predictors of their own: to export one where the winner cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modelwright.core.errors import BundleError, ModelwrightError, OptionError, unknown
from modelwright.core.facts.candidates import CandidateRow
from modelwright.core.facts.run import CardFacts
from modelwright.core.recipe import get_recipe, guesses
from modelwright.core.run import RunFolder, read_facts
from modelwright.core.words import Words, chinese
from modelwright.release.bundle import Predictor
from modelwright.release.export import exportable
from modelwright.tune.candidate import load_candidate


def run_of(bundle: Path) -> RunFolder | None:
    """Return the run that a bundle stands in; None for a bundle by itself."""
    run = RunFolder(bundle.parent)
    return run if run.facts.is_file() and run.candidates.is_dir() else None


def standing(run: RunFolder) -> list[CandidateRow]:
    """Return the leaderboard's rows of candidates that were kept whole, best first."""
    rows = read_facts(run).get("leaderboard", [])
    return [r for r in rows if r.get("status") == "ok" and (run.candidates / r["name"]).is_dir()]


def candidate_predictor(winner: Predictor, run: RunFolder, name: str) -> Predictor:
    """Return a candidate of the winner's run as a predictor over the same columns and answers, neither tempered nor with thresholds.

    Raises OptionError for a name that is not on the leaderboard, BundleError where the candidate is damaged.
    """
    names = [r["name"] for r in standing(run)]
    if name not in names:
        raise unknown(Words("candidate", "候选"), name, names, OptionError)
    found = load_candidate(run.candidates / name, winner.target)
    models = found.answering(winner.target)
    members = [(1.0 / len(models), m) for m in models]
    card: CardFacts = {**winner.card, "winner": [name]}
    return replace(winner, members=members, temperature=1.0, thresholds=None, shifts=None, card=card)


def offer(run: RunFolder, why: Words) -> ModelwrightError:
    """Return the error of a winner that cannot be exported, with the best candidate that can and what it costs in score."""
    rows = [r for r in standing(run) if not guesses(r["recipe"]) and exportable(get_recipe(r["recipe"]).model)]
    facts = read_facts(run)
    if not rows:
        return ModelwrightError(why)
    best = rows[0]
    top = next((r for r in facts["leaderboard"] if r.get("status") == "ok"), best)
    title = Words(*facts["metric_title"])
    mine, theirs = f"{best['value']:.3f}", f"{top['value']:.3f}"
    return ModelwrightError(
        f"{why.en} `{best['name']}` can: {title.en} {mine} on validation rows against {theirs} of the winner. "
        f"Export it with --candidate {best['name']}.",
        f"{why.zh}`{best['name']}` 可以导出：{chinese('验证集上', title.zh, mine)}，最佳模型为 {theirs}。可用 --candidate {best['name']} 导出。",
    )


def pick(bundle: Path, winner: Predictor, name: str | None) -> Predictor:
    """Return the winner, or the candidate of its run that is named. Raises OptionError where there is no run to take it from."""
    if name is None:
        return winner
    run = run_of(bundle)
    if run is None:
        raise BundleError(
            f"{bundle} stands in no run, so there is no candidate `{name}` to take: name the run's folder.",
            f"{bundle} 不在运行文件夹中，无法取得候选 `{name}`：请指定运行文件夹。",
        )
    return candidate_predictor(winner, run, name)
