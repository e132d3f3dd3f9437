"""Climbs that end without a model: what is said then, and with which error."""

from __future__ import annotations

from modelwright.core.budget import Deadline, duration_words, show_duration, told_words
from modelwright.core.config import RunConfig
from modelwright.core.errors import BudgetTooSmall, GateNotMet, ModelwrightError, NodeAtFault, Stopped
from modelwright.core.recipe import get_recipe, guesses
from modelwright.core.words import Words
from modelwright.tune.candidate import Candidate, Validation
from modelwright.tune.leaderboard import Failure, Standings
from modelwright.tune.race import leader_of


def read_first(takes: float, stands: str) -> Words:
    """Return why the training of a pretrained network waits, which would take `takes` seconds, where the candidate `stands` reads from it."""
    needs = duration_words(takes)
    return Words(
        f"not tried: needs about {needs.en} on these few rows, and {stands} reads the same network as it is",
        f"未尝试：在这少量数据上约需 {needs.zh}，且 {stands} 已直接使用同一网络",
    )


def like_a_loser(like: str, leader: str, by: float) -> Words:
    """Return why a dear recipe is not begun: the candidate `like`, of its kind, lies `by` behind the candidate `leader`."""
    return Words(
        f"not tried: {like}, of the same kind, is behind {leader} by {abs(by):.3g}",
        f"未尝试：同类方案 {like} 落后 {leader} {abs(by):.3g}",
    )


def nothing_stands(failures: list[Failure], deadline: Deadline, budget: str, need: float | None = None) -> None:
    """Raise Stopped, NodeAtFault or BudgetTooSmall, with the reason of every recipe, where not even a baseline stands.

    `need` are the seconds that the quickest model would take, where that is known.
    """
    if deadline.stopped:
        raise Stopped(
            "Stopped before any model stood; nothing was kept.", "在任何模型完成之前被终止；没有保留任何结果。"
        )
    reasons = _reasons([f for f in failures if f.fits] or failures)
    fitting = [f for f in failures if f.fits and not f.refused]
    if failures and not fitting:
        raise BudgetTooSmall(
            f"No recipe is made for these data and settings. ({reasons.en})",
            f"没有适用于这些数据和设置的方案。（{reasons.zh}）",
        )
    if any(f.node for f in fitting):
        raise _nodes(reasons)
    if fitting and all(f.memory for f in fitting):
        raise BudgetTooSmall(
            f"No recipe fits into the memory.{_MEMORY.en} ({reasons.en})",
            f"内存不足以训练任何方案。{_MEMORY.zh}（{reasons.zh}）",
        )
    quick = Words("", "") if need is None else _quickest(need)
    raise BudgetTooSmall(
        f"No recipe fits a budget of {budget}{quick.en}. Give more with --budget, or fewer rows. ({reasons.en})",
        f"预算 {told_words(budget).zh}不足以训练任何方案{quick.zh}。请用 --budget 增加时间，或减少数据。（{reasons.zh}）",
    )


def _quickest(need: float) -> Words:
    return Words(f"; the quickest needs about {show_duration(need)}", f"；最快的约需 {duration_words(need).zh}")


STOPPED = Words("stopped before its turn", "轮到它之前运行已被终止")
NOT_NEEDED = Words("not needed: validation rows met the gate before its turn", "无需尝试：轮到它之前，验证集已达到门槛")
UNDEFINED = Words(
    "No score is defined on the validation rows, as where values never change, so models cannot be told apart: the search ends here.",
    "验证集上没有可用的得分（例如取值从未变化），无法比较模型：搜索到此结束。",
)
NOTHING_TELLS = Words("not needed: no score is defined to choose it by", "无需尝试：没有可供选择的得分")
NO_TIME = Words("not tried: too little time was left", "未尝试：剩余时间不足")
_MEMORY = Words(" Give more with --memory, or fewer rows.", "请用 --memory 增加内存，或减少数据。")


def untried(*, stopped: bool, met: bool, undefined: bool) -> Words:
    """Return why the run ended before a recipe's turn: it was `stopped`, the gate is `met`, the score is `undefined`, or there was no time."""
    if stopped:
        return STOPPED
    return NOT_NEEDED if met else NOTHING_TELLS if undefined else NO_TIME


def no_memory(need: int, have: int) -> Words:
    """Return why a recipe is not begun that needs so many bytes, of which so many can be had."""
    return Words(
        f"not tried: needs about {need >> 20} MB of memory, {have >> 20} MB may be used",
        f"未尝试：约需内存 {need >> 20} MB，可用 {have >> 20} MB",
    )


def only_guesses(standings: Standings, config: RunConfig, need: float | None) -> Words | None:
    """Raise an error where no model stands beside those that only guess, unless these were all that was asked for; where a guess is of
    use by itself (`Recipe.ships`), the run ends with it, and what is to be said of that is returned.

    `need` are the seconds that the quickest model would take, where that is known. Where every recipe failed by a fault the
    guess is kept, and the caller says so.
    """
    if any(not guesses(c.recipe) for c in standings.candidates):
        return None
    tried = [f for f in standings.failures if f.fits and not guesses(f.name)]
    if standings.deadline.stopped or not tried or all(f.fault for f in tried):
        return None
    of_use = [c.name for c in standings.candidates if get_recipe(c.recipe).ships]
    if of_use:
        names = ", ".join(of_use)
        more = (
            Words("", "")
            if need is None
            else Words(
                f" (the quickest other model needs about {show_duration(need)})",
                f"（其他方案中最快的约需 {duration_words(need).zh}）",
            )
        )
        return Words(
            f"Nothing but {names} was finished in {config.budget}, which every model must beat: it is what the run ends with. For a better one give more with --budget{more.en}.",
            f"{told_words(config.budget).zh}内只完成了 {'、'.join(of_use)}，即每个模型都应超过的基线：本次运行以它结束。要得到更好的模型，请用 --budget 增加时间{more.zh}。",
        )
    reasons = _reasons(tried)
    if any(f.node for f in tried):
        raise _nodes(reasons)
    if need is not None:
        quick = _quickest(need)
        words = Words(
            f"No model finished in {config.budget}{quick.en}. Give more with --budget, or fewer rows. ({reasons.en})",
            f"{told_words(config.budget).zh}内没有模型完成训练{quick.zh}。请用 --budget 增加时间，或减少数据。（{reasons.zh}）",
        )
    else:
        more = Words(" Give more with --budget, or fewer rows.", "请用 --budget 增加时间，或减少数据。")
        if NO_TIME not in [f.reason for f in tried]:
            more = _MEMORY if any(f.memory for f in tried) else Words("", "")
        words = Words(
            f"No model finished in {config.budget}.{more.en} ({reasons.en})",
            f"{told_words(config.budget).zh}内没有模型完成训练。{more.zh}（{reasons.zh}）",
        )
    raise _error(words, config)


def too_slow(standings: Standings, validation: Validation, config: RunConfig) -> None:
    """Raise an error where no model answers within the latency that was asked for; it names the quickest good one."""
    if not standings.too_slow():
        return
    real = [c for c in standings.candidates if not guesses(c.recipe)]
    if not real:
        return
    quick = _quickest_good(real, standings, validation)
    ms = 1000 * standings.cost(quick)
    raise _error(
        Words(
            f"No model answers within {config.latency}; the fastest good one is {quick.name}, {ms:.2g} ms. "
            f"Grant more with --latency {_roomier(ms)}.",
            f"没有模型能在 {config.latency} 内给出回答；效果好的模型中最快的是 {quick.name}，{ms:.2g} 毫秒。"
            f"请用 --latency {_roomier(ms)} 放宽。",
        ),
        config,
    )


def _quickest_good(real: list[Candidate], standings: Standings, validation: Validation) -> Candidate:
    """Return the quickest of those that are not clearly worse than the best one."""
    best = leader_of(real, validation)
    good = [c for c in real if c.name not in standings.beaten or c is best]
    return min(good or real, key=standings.cost)


def _roomier(ms: float) -> str:
    return f"{max(1, round(ms * 1.25 + 0.5))}ms"


def _nodes(reasons: Words) -> NodeAtFault:
    """Return the error of a climb whose fits failed on nodes of a cluster, whatever time and memory there was."""
    return NodeAtFault(
        f"No model could be fitted on the cluster: mend the nodes that are named, or leave --cluster out. ({reasons.en})",
        f"集群上没有任何模型完成训练：请修复所指出的节点，或去掉 --cluster。（{reasons.zh}）",
    )


def _error(words: Words, config: RunConfig) -> ModelwrightError:
    return GateNotMet(words) if config.gate else BudgetTooSmall(words)


def _reasons(failures: list[Failure]) -> Words:
    """Return why recipes failed; a reason that several share is said once."""
    alike: dict[Words, list[str]] = {}
    for f in failures:
        alike.setdefault(f.reason, []).append(f.name)
    return Words(
        "; ".join(f"{', '.join(names)}: {reason.en}" for reason, names in alike.items()),
        "；".join(f"{'、'.join(names)}：{reason.zh}" for reason, names in alike.items()),
    )


def passed_over(count: int) -> Words:
    """Return the one line that is said of recipes made for other data; the leaderboard keeps each one's reason."""
    return Words(
        f"  {count} recipe{'s' * (count != 1)} made for other data or settings: modelwright leaderboard RUN lists them",
        f"  另有 {count} 个方案用于其他数据或设置：modelwright leaderboard RUN 列出",
    )
