"""The climb over folds: what leads goes first, what has lost goes no further, and one failure ends one candidate."""

from __future__ import annotations

import re
import time

import pytest

from clock_made import own_time
from modelwright.core.budget import Deadline
from modelwright.core.errors import BudgetTooSmall, CannotWrite, GateNotMet, MemoryTooSmall, NodeAtFault, Stopped
from modelwright.core.events import CandidateDone, CandidateFailed, Warned
from modelwright.core.recipe import Estimate, Options
from modelwright.core.words import Words
from modelwright.tune.ladder import climb
from modelwright.tune.last_resort import last_resort
from modelwright.tune.leaderboard import Failure
from modelwright.tune.no_model import NO_TIME, no_memory, nothing_stands, only_guesses
from tune.made import Some, SomeModel, planner, some


@pytest.fixture(autouse=True)
def _own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How busy the machine is changes nothing."""
    own_time(monkeypatch)


def guess() -> Some:
    return some("guess", right=0.5, rank=0)


def test_what_has_lost_by_far_is_not_trained_on_the_other_folds(monkeypatch):
    good, bad = some("good", right=0.95), some("bad", right=0.55)
    made, _ = planner(monkeypatch, [guess(), good, bad], count=400)
    outcome = climb(made)
    assert good.ended == [False] * 5 + [True]
    assert bad.ended == [False]
    (row,) = [made.standings.row(c) for c in outcome.candidates if c.name == "bad"]
    assert "behind good" in row["reason"][0]
    assert "1 of 5" in row["reason"][0]
    assert [c.name for _, c in outcome.winner] == ["good"]


def test_a_candidate_with_four_of_five_folds_is_scored_on_them_and_wins(monkeypatch):
    good = some("good", right=0.95, error=RuntimeError("no more"), fails_at=4)
    made, _ = planner(monkeypatch, [guess(), good], config={"refit": False})
    outcome = climb(made)
    assert [c.name for _, c in outcome.winner] == ["good"]
    assert outcome.winner[0][1].folds == (0, 1, 2, 3)
    assert len(outcome.validation.splits) == 4
    assert len(outcome.scores) == len(outcome.validation.index) == 96
    assert outcome.value == pytest.approx(outcome.validation.value(outcome.scores))


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA out of memory\nat line 3"), ValueError("array must not be empty"), ZeroDivisionError()]
)
def test_any_error_of_a_fit_ends_that_candidate_alone(monkeypatch, tmp_path, error):
    (tmp_path / "candidates").mkdir()
    broken, good = some("broken", error=error), some("good", right=0.9)
    made, told = planner(monkeypatch, [guess(), broken, good], folder=tmp_path / "candidates")
    outcome = climb(made)
    assert [c.name for _, c in outcome.winner] == ["good"]
    (failure,) = [f for f in outcome.failures if f.name == "broken"]
    first = (str(error).splitlines() or [""])[0]
    assert failure.reason.en == f"{type(error).__name__}: {first}".removesuffix(": ")
    assert failure.fault
    assert failure.begun
    assert any(isinstance(e, CandidateFailed) and e.name == "broken" for e in told)
    assert type(error).__name__ in (tmp_path / "failures" / "broken.txt").read_text()
    assert "Traceback" in (tmp_path / "failures" / "broken.txt").read_text()


def test_ctrl_c_in_a_fit_is_no_failed_candidate(monkeypatch):
    made, _ = planner(monkeypatch, [guess(), some("good", error=KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        climb(made)


def test_every_recipe_that_raises_leaves_the_guess(monkeypatch):
    made, _ = planner(monkeypatch, [guess(), some("broken", error=RuntimeError("x"))])
    assert [c.name for _, c in climb(made).winner] == ["guess"]


@pytest.mark.parametrize(("gate", "kind"), [(None, BudgetTooSmall), ("accuracy>=0.9", GateNotMet)])
def test_only_guesses_left_is_a_failure_that_says_what_would_do(monkeypatch, gate, kind):
    made, _ = planner(
        monkeypatch, [guess(), some("slow", told=900.0)], seconds=6, config={"gate": gate} if gate else {}
    )
    with pytest.raises(kind, match=r"No model finished in 6s; the quickest needs about .*slow") as e:
        climb(made)
    assert "没有模型" in e.value.words.zh
    assert "column" not in e.value.words.en


def test_a_guess_that_is_of_use_is_what_a_run_ends_with_where_nothing_else_had_time(monkeypatch):
    useful = guess()
    type(useful).ships = True
    made, told = planner(monkeypatch, [useful, some("slow", told=900.0)], seconds=6)
    assert [c.name for _, c in climb(made).winner] == ["guess"]
    (warned,) = [e.words for e in told if isinstance(e, Warned)]
    assert re.match(r"Nothing but guess was finished in 6s, .* \(the quickest other model needs about ", warned.en)
    assert "只完成了 guess" in warned.zh


class Pace(Options):
    quick: bool = False


class Varied(Some):
    """A recipe whose first variant is told to take long, its second next to no time."""

    options = Pace

    def variants(self, schema, target, rows):
        return [Pace(), Pace(quick=True)]

    def estimate(self, train, options, ctx):
        return Estimate(0.05 if options.quick else 900.0, 1)


@pytest.mark.parametrize("left", [6.0, 0.0])
def test_the_quickest_variant_comes_before_the_run_ends_without_a_model(monkeypatch, left):
    varied = type("Made", (Varied,), {"name": "varied", "rank": 5})(0.8, 0.0, None, None, 0)
    made, _ = planner(monkeypatch, [guess(), varied], seconds=6)
    made.choose_recipes()
    made.deadline.at = time.monotonic() + left
    last_resort(made)
    assert [c.options["quick"] for c in made.candidates] == [True]


def test_a_reason_that_all_share_is_said_once_with_what_to_do(monkeypatch):
    made, _ = planner(monkeypatch, [guess()], seconds=5)
    climb(made)
    made.standings.failures[:] = [Failure(name, NO_TIME) for name in ("linear", "trees")]
    with pytest.raises(BudgetTooSmall) as e:
        only_guesses(made.standings, made.config, None)
    assert e.value.words.en == (
        "No model finished in 5s. Give more with --budget, or fewer rows. (linear, trees: not tried: too little time was left)"
    )
    assert "请用 --budget 增加时间" in e.value.words.zh
    made.standings.failures.append(Failure("textcnn", Words("not tried: needs about 9 MB of memory", "内存")))
    made.standings.failures[:2] = []
    with pytest.raises(BudgetTooSmall) as e:
        only_guesses(made.standings, made.config, None)
    assert "--budget" not in e.value.words.en


def test_the_time_that_would_do_is_named_where_nothing_stands(monkeypatch):
    made, _ = planner(monkeypatch, [guess()], seconds=5)
    with pytest.raises(
        BudgetTooSmall, match=r"No recipe fits a budget of 5s; the quickest needs about 40s\. Give"
    ) as e:
        nothing_stands([Failure("linear", NO_TIME)], made.deadline, "5s", 40.0)
    assert "最快的约需 40 秒。请用 --budget" in e.value.words.zh
    with pytest.raises(BudgetTooSmall, match=r"No recipe fits a budget of 5s\. Give"):
        nothing_stands([Failure("linear", NO_TIME)], made.deadline, "5s")


def test_where_memory_is_what_lacks_memory_is_asked_for(monkeypatch):
    made, _ = planner(monkeypatch, [guess()], seconds=5)
    climb(made)
    made.standings.failures[:] = [
        Failure("trees", no_memory(60 << 20, 22 << 20), memory=True),
        Failure("textcnn", Words("x", "x"), fits=False),
    ]
    for raising in (
        lambda: only_guesses(made.standings, made.config, None),
        lambda: nothing_stands(made.standings.failures, made.deadline, "5s"),
    ):
        with pytest.raises(BudgetTooSmall, match="needs about 60 MB of memory, 22 MB may be used") as e:
            raising()
        assert "Give more with --memory, or fewer rows." in e.value.words.en
        assert "--budget" not in e.value.words.en
        assert "请用 --memory 增加内存，或减少数据。" in e.value.words.zh
    made.standings.failures.append(Failure("linear", NO_TIME))
    with pytest.raises(BudgetTooSmall, match="Give more with --budget"):
        nothing_stands(made.standings.failures, made.deadline, "5s")


def test_where_nodes_fail_they_are_named_and_no_more_time_is_asked_for(monkeypatch):
    lacking = NodeAtFault("on the node gpu-3: trees needs the extra trees", "节点 gpu-3：trees 需要扩展 trees")
    made, _ = planner(monkeypatch, [guess(), some("big", error=lacking)], seconds=5)
    with pytest.raises(
        NodeAtFault, match=r"mend the nodes that are named, .* leave --cluster out\. \(big: on the node gpu-3"
    ) as e:
        climb(made)
    assert [f.node for f in made.failures] == [True]
    made.standings.failures.append(Failure("linear", NO_TIME))
    for raising in (
        lambda: only_guesses(made.standings, made.config, None),
        lambda: nothing_stands(made.standings.failures, made.deadline, "5s"),
    ):
        with pytest.raises(NodeAtFault, match="gpu-3") as e:
            raising()
        assert "--budget" not in e.value.words.en + e.value.words.zh
        assert "节点 gpu-3" in e.value.words.zh
        assert e.value.exit_code == 2


@pytest.mark.parametrize("error", [MemoryError(), MemoryTooSmall("no room", "放不下")])
def test_more_memory_is_asked_for_by_what_a_fit_raised_whatever_it_says(monkeypatch, error):
    made, _ = planner(monkeypatch, [guess(), some("big", error=error)], seconds=5)
    with pytest.raises(BudgetTooSmall, match="Give more with --memory") as e:
        climb(made)
    assert "--budget" not in e.value.words.en
    assert [f.memory for f in made.failures] == [True]


def test_words_alone_ask_for_no_memory(monkeypatch):
    made, _ = planner(monkeypatch, [guess()], seconds=5)
    climb(made)
    made.standings.failures[:] = [Failure("trees", no_memory(60 << 20, 22 << 20))]
    with pytest.raises(BudgetTooSmall) as e:
        only_guesses(made.standings, made.config, None)
    assert "--memory" not in e.value.words.en


@pytest.mark.parametrize("why", [{"fits": False}, {"refused": True}])
def test_more_time_is_not_asked_for_where_no_recipe_is_made_for_the_data(monkeypatch, why):
    made, _ = planner(monkeypatch, [guess()], seconds=5)
    failures = [Failure("speecht5", Words("no voice was named", "未指定声音"), **why)]
    with pytest.raises(BudgetTooSmall) as e:
        nothing_stands(failures, made.deadline, "5s")
    assert e.value.words.en == "No recipe is made for these data and settings. (speecht5: no voice was named)"
    assert "--budget" not in e.value.words.zh


def test_a_guess_that_was_asked_for_is_no_failure(monkeypatch):
    made, _ = planner(monkeypatch, [guess()])
    assert [c.name for _, c in climb(made).winner] == ["guess"]


def test_no_model_quick_enough_names_the_fastest_good_one(monkeypatch):
    made, _ = planner(monkeypatch, [guess(), some("good", right=0.95)], latency=1e-9, config={"latency": "1ms"})
    with pytest.raises(BudgetTooSmall, match=r"No model answers within 1ms; the fastest good one is good, .* ms") as e:
        climb(made)
    assert "毫秒" in e.value.words.zh


def test_a_disk_that_is_full_keeps_candidates_in_memory_and_says_so(monkeypatch, tmp_path):
    from modelwright.tune import fits

    def full(*_: object) -> None:
        raise CannotWrite("Cannot write x: File too large.", "无法写入 x：File too large。")

    monkeypatch.setattr(fits, "save_candidate", full)
    made, told = planner(monkeypatch, [guess(), some("good", right=0.95)], folder=tmp_path)
    assert [c.name for _, c in climb(made).winner] == ["good"]
    (warned,) = [e for e in told if isinstance(e, Warned)]
    assert "File too large" in warned.words.en


def test_a_fit_that_turns_out_slow_is_cut_short_and_stands(monkeypatch):
    made, _ = planner(monkeypatch, [guess(), some("slow", right=0.9, seconds=9, told=0.5)], folds=1, seconds=2.5)
    outcome = climb(made)
    assert [c.name for _, c in outcome.winner] == ["slow"]
    assert not made.failures


def test_what_was_not_tried_before_the_end_says_so(monkeypatch):
    made, told = planner(monkeypatch, [guess(), some("first", right=0.9), some("second")])
    made.events.listen(lambda e: made.deadline.stop() if isinstance(e, CandidateDone) and e.name == "first" else None)
    outcome = climb(made)
    (failure,) = [f for f in outcome.failures if f.name == "second"]
    assert failure.reason.en == "stopped before its turn"
    assert not failure.begun
    assert any(isinstance(e, CandidateFailed) and e.name == "second" for e in told)
    assert [c.name for _, c in outcome.winner] == ["first"]


def test_what_was_not_needed_as_the_gate_was_met_says_so_and_was_never_begun(monkeypatch):
    made, _ = planner(monkeypatch, [guess(), some("first", right=0.9), some("second")])
    made.good_enough = lambda _: True
    (failure,) = climb(made).failures
    assert failure.name == "second"
    assert failure.reason.en == "not needed: validation rows met the gate before its turn"
    assert not failure.begun


def test_a_gate_that_a_yardstick_meets_does_not_end_the_run_before_something_was_learnt(monkeypatch):
    fixed, first, second = some("fixed", right=0.7, rank=1), some("first", right=0.9), some("second")
    type(fixed).baseline = True
    made, _ = planner(monkeypatch, [guess(), fixed, first, second])
    made.good_enough = lambda _: True
    outcome = climb(made)
    assert [c.name for _, c in outcome.winner] == ["first"]
    assert [f.name for f in outcome.failures] == ["second"]
    assert outcome.failures[0].reason.en == "not needed: validation rows met the gate before its turn"


def test_a_gate_that_only_a_yardstick_meets_ends_the_run_once_all_had_a_turn(monkeypatch):
    fixed, worse = some("fixed", right=0.9, rank=1), some("worse", right=0.5)
    type(fixed).baseline = True
    made, _ = planner(monkeypatch, [guess(), fixed, worse])
    made.good_enough = lambda _: True
    outcome = climb(made)
    assert [c.name for _, c in outcome.winner] == ["fixed"]
    assert len(worse.ended) == 1


def test_what_the_time_left_out_after_a_yardstick_met_the_gate_is_not_called_unneeded(monkeypatch):
    fixed, late = some("fixed", right=0.7, rank=1), some("late")
    type(fixed).baseline = True
    made, _ = planner(monkeypatch, [guess(), fixed, late])
    made.good_enough = lambda _: True

    def no_time_left(event):
        if isinstance(event, CandidateDone) and event.name == "fixed":
            made.should_end()  # the gate is met, as is known from here on
            made.deadline = Deadline.after(0.2)

    made.events.listen(no_time_left)
    (failure,) = climb(made).failures
    assert failure.reason == NO_TIME


def test_a_fit_for_which_there_is_too_little_time_or_memory_was_never_begun(monkeypatch):
    dear = some("dear", told=9999.0)
    made, _ = planner(monkeypatch, [guess(), some("good", right=0.9), dear], seconds=20.0)
    (failure,) = climb(made).failures
    assert failure.name == "dear"
    assert not dear.ended
    assert not failure.begun


def test_stopping_before_anything_stands(monkeypatch):
    made, _ = planner(monkeypatch, [guess()])
    made.deadline.stop()
    with pytest.raises(Stopped):
        climb(made)


def test_what_was_not_begun_for_want_of_time_is_tried_in_the_time_that_is_left(monkeypatch):
    good, late = some("good", right=0.8), some("late", right=0.95, told=4.0)
    made, told = planner(monkeypatch, [guess(), good, late], seconds=60.0)
    whole = made._share
    monkeypatch.setattr(made, "_share", lambda r, *a: 0.5 if r.name == "late" else whole(r, *a))
    outcome = climb(made)
    assert any(isinstance(e, CandidateFailed) and e.name == "late" for e in told)
    assert [c.name for _, c in outcome.winner] == ["late"]
    assert not [f for f in outcome.failures if f.name == "late"]


def test_a_share_is_stretched_where_a_little_more_lets_a_recipe_begin(monkeypatch):
    quick = some("quick", right=0.9, told=2.0)
    made, _ = planner(monkeypatch, [guess(), quick], seconds=40.0)
    monkeypatch.setattr("modelwright.tune.planner.breadth_share", lambda *a, **k: 0.001)
    options = made.variants(quick)[0]
    monkeypatch.setattr("modelwright.tune.planner._FLOOR", (0.1, 0.0))
    assert made.fits.least(quick, options) < made._share(quick, options, 0) <= 0.251 * 40
    dear = some("dear", right=0.9, told=39.0)
    assert made._share(dear, made.variants(dear)[0], 0) <= 0.251 * 40


@pytest.mark.parametrize(
    ("options", "part"),
    [({"search": "none", "refit": False}, 0.98), ({"refit": False}, 0.55), ({"search": "none"}, 0.55)],
)
def test_a_network_that_nothing_comes_after_has_the_rest_of_the_time(options, part, monkeypatch):
    quick = some("net", right=0.9, told=2.0)
    made, _ = planner(monkeypatch, [guess(), quick], folds=1, seconds=40.0)
    made.config = made.config.model_copy(update={"refit": None, "search": "auto"} | options)
    made.choose_recipes()
    monkeypatch.setattr("modelwright.tune.planner.affordable_network", lambda r: r.name == "net")
    monkeypatch.setattr("modelwright.tune.shares.on_torch", lambda r: r.name == "net")
    share = made._share(quick, made.variants(quick)[0], 1)
    assert share == pytest.approx(part * 40, rel=0.05)


@pytest.mark.parametrize(("rows", "part"), [(1, 0.79), (10**9, 0.0)])
def test_of_very_many_rows_one_fit_that_is_cut_short_takes_most_of_the_time(rows, part, monkeypatch):
    dear = some("dear", right=0.9, told=200.0)
    made, _ = planner(monkeypatch, [guess(), dear], seconds=40.0)
    monkeypatch.setattr("modelwright.tune.planner.MANY_ROWS", rows)
    monkeypatch.setattr(type(dear), "cheaper", lambda self, options, schema: [options.model_copy()])
    _, share = made._within(dear, made.variants(dear)[0], 0)
    assert part * made.left() < share <= (0.81 if part else 0.5) * 40


@pytest.mark.parametrize(("sleeps", "tried"), [(0.0, 4), (0.6, 1)])
def test_what_takes_long_to_judge_is_no_trifle(sleeps, tried, monkeypatch):
    class Judged(SomeModel):
        def scores(self, table):
            time.sleep(sleeps if len(table) > 1 else 0.0)
            return super().scores(table)

    recipe = some("quick")
    monkeypatch.setattr(recipe, "variants", lambda *a: [Options()] * 4)
    monkeypatch.setattr(recipe, "fit", lambda train, valid, options, ctx: Judged(0.8, ctx.target))
    made, _ = planner(monkeypatch, [some("base", 0.6), recipe], folds=1, seconds=9.0)
    made.choose_recipes()
    made.breadth()
    assert sum(c.recipe == "quick" for c in made.candidates) == tried


def test_on_a_busy_machine_the_quickest_model_is_begun_rather_than_none(monkeypatch):
    dear, quick = some("dear", told=9.0), some("quick", right=0.9, seconds=0.2, told=3.0)
    made, _ = planner(monkeypatch, [guess(), dear, quick], folds=1, seconds=4)
    made.pace.load = 5.0  # told so, all of them take longer than the budget
    outcome = climb(made)
    assert [c.name for _, c in outcome.winner] == ["quick"]
    assert not dear.ended
    assert [f.name for f in outcome.failures] == ["dear"]


@pytest.mark.parametrize(("count", "seconds", "waits"), [(120, 200.0, True), (120, 1.0, False), (1400, 200.0, False)])
def test_on_few_rows_a_pretrained_network_is_read_before_it_is_trained(monkeypatch, count, seconds, waits):
    """Training for which there is no time waits until the model that only reads has all its folds, and is told with its reason."""
    frozen, tuned = some("frozen", right=0.9, rank=10), some("tuned", right=0.6, rank=36, told=seconds)
    for recipe in (frozen, tuned):
        monkeypatch.setattr(type(recipe), "extra", "pretrained")
    made, _ = planner(monkeypatch, [guess(), tuned, frozen], count=count, seconds=30.0, config={"pretrained": ["a"]})
    climb(made)
    assert len(frozen.ended) >= 5
    told = [f.reason for f in made.failures if f.name == "tuned"]
    assert bool(told and "frozen reads the same network" in told[0].en) == waits
    assert bool(told and "frozen 已直接使用同一网络" in told[0].zh) == waits
    if seconds == 1.0:
        assert tuned.ended


def test_on_few_rows_what_reads_a_named_network_has_all_its_folds_before_others_begin(monkeypatch):
    frozen, other = some("frozen", right=0.9, rank=10), some("other", right=0.6, rank=36)
    monkeypatch.setattr(type(frozen), "extra", "pretrained")
    made, _ = planner(monkeypatch, [guess(), other, frozen], seconds=30.0, config={"pretrained": ["a"]})
    had: list[int] = []
    first = other.fit
    monkeypatch.setattr(other, "fit", lambda *a, **k: had.append(len(frozen.ended)) or first(*a, **k))
    climb(made)
    assert had[0] == 5


def test_what_a_first_fit_made_ready_is_not_counted_for_the_next_ones(monkeypatch):
    """Embeddings take most of the first fold's time and are kept: the other folds are done in what is left."""
    good, fits = some("good", right=0.9), []

    def fit(train, valid, options, ctx):
        model = SomeModel(0.9, ctx.target)
        if not fits:
            time.sleep(3.0)
            model.lent = 3.0
        fits.append(valid is None)
        return model

    monkeypatch.setattr(good, "fit", fit)
    made, _ = planner(monkeypatch, [guess(), good], seconds=6.0, config={"refit": False})
    outcome = climb(made)
    (candidate,) = [c for c in outcome.candidates if c.name == "good"]
    assert candidate.fit_seconds < 0.5
    assert len(fits) == 5


def test_a_repetition_of_what_leads_leaves_time_for_recipes_that_were_not_tried(monkeypatch):
    slow, better = some("slow", right=0.7, seconds=2.2), some("better", right=0.95, seconds=0.1, rank=6)
    made, _ = planner(monkeypatch, [guess(), slow, better], folds=1, seconds=5.3)
    outcome = climb(made)
    assert slow.ended == [False]
    assert better.ended == [False, True]
    assert [c.name for _, c in outcome.winner] == ["better"]
