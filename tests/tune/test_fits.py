"""What probes may cost, and what is said of a recipe that there is no time for."""

from __future__ import annotations

import pytest

from clock_made import own_time
from modelwright.core.budget import Deadline
from modelwright.core.errors import ClusterLost, ModelwrightError
from modelwright.core.recipe import Estimate, Options
from modelwright.core.rows_not_held import Rest
from modelwright.tune.fits import _apart
from modelwright.tune.ladder import climb

from .made import planner, some

pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How busy the machine is changes nothing."""
    own_time(monkeypatch)


class Counted:
    """Stands for the estimate of a network whose probe takes so many processor seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asked = seconds, 0

    def __call__(self, train, options, ctx):
        import time

        self.asked += 1
        end = time.process_time() + self.seconds
        while time.process_time() < end:
            pass
        return Estimate(3.0, 1)


def networks(monkeypatch, ranks, probe):
    made = [some(f"net{i}", rank=rank) for i, rank in enumerate(ranks)]
    for recipe in made:
        type(recipe).needs = ("torch",)
        monkeypatch.setattr(recipe, "estimate", Counted(probe), raising=False)
    return made


def test_all_probes_together_keep_to_their_share(monkeypatch):
    recipes = networks(monkeypatch, [20, 21, 22, 50], 0.2)
    plan, _ = planner(monkeypatch, recipes, seconds=10.0)  # of which 0.4 may go to probes
    plan.deadline = Deadline.after(10.0 + 300.0)  # however busy the machine is that tests this
    costs = [plan.fits.estimate(r, r.variants(None, None, 0)[0]) for r in recipes[:3]]
    assert sum(r.estimate.asked for r in recipes) == 2
    assert costs[1].seconds == 3.0
    assert 100.0 < costs[2].seconds < 310.0  # it trains until its time ends
    assert 0 < costs[2].least_seconds < costs[2].seconds
    assert plan.fits.expected(recipes[3], recipes[3].variants(None, None, 0)[0]) == float("inf")  # dear, and unknown


def test_a_network_that_was_tried_out_is_not_tried_out_for_other_options(monkeypatch):
    (recipe,) = networks(monkeypatch, [50], 0.5)
    plan, _ = planner(monkeypatch, [recipe], seconds=10.0)
    options = recipe.variants(None, None, 0)[0]
    plan.fits.estimate(recipe, options)
    assert plan.fits.estimate(recipe, options.model_copy(update={"leave": ("image",)})).seconds == 3.0
    assert recipe.estimate.asked == 1


class Sized(Options):
    """Options of a network that may be made smaller."""

    width: int = 4


def sized(monkeypatch, least):
    """Return a network of which a fit takes `least` seconds a unit of width to begin, and the widths that were tried out."""
    (recipe,) = networks(monkeypatch, [20], 0.0)
    for module in ("fits", "climb"):  # what takes so many seconds takes them however many cores test this
        monkeypatch.setattr(f"modelwright.tune.{module}.free_cores", lambda: 1)
    type(recipe).options = Sized
    asked = []

    def estimate(train, options, ctx):
        asked.append(options.width)
        return Estimate(10_000.0, 1, least * options.width)

    smaller = [Sized(width=2), Sized(width=1)]
    for name, found in (
        ("estimate", estimate), ("variants", lambda *_: [Sized()]), ("smaller", lambda *_: smaller),
    ):  # fmt: skip
        monkeypatch.setattr(recipe, name, found, raising=False)
    return recipe, asked


@pytest.mark.parametrize(("least", "begun", "asked"), [(0.1, 4, [4]), (8.0, 2, [4, 2]), (15.0, 1, [4, 2, 1])])
def test_a_smaller_network_is_tried_where_there_is_no_time_to_begin_the_first_one(monkeypatch, least, begun, asked):
    recipe, tried_out = sized(monkeypatch, least)
    plan, _ = planner(monkeypatch, [some("guess", rank=0), recipe], folds=1, seconds=30.0)
    monkeypatch.setattr(plan.fits, "_may_probe", lambda: not tried_out)  # as where probes have had their share
    climb(plan)
    assert [c.options["width"] for c in plan.candidates if c.recipe == "net0"] == [begun]
    assert tried_out == asked


def test_where_no_smaller_network_begins_either_the_first_one_is_told(monkeypatch):
    recipe, tried_out = sized(monkeypatch, 1000.0)
    plan, _ = planner(monkeypatch, [some("guess", rank=0), some("quick"), recipe], folds=1, seconds=30.0)
    climb(plan)
    assert [c.recipe for c in plan.candidates] == ["guess", "quick"]
    assert "needs about 1h" in next(f.reason.en for f in plan.failures if f.name == "net0")
    assert tried_out == [4, 2, 1]


def test_a_network_that_had_no_time_is_tried_smaller_in_what_others_left(monkeypatch):
    recipe, _ = sized(monkeypatch, 8.0)
    plan, _ = planner(monkeypatch, [some("guess", rank=0), recipe], folds=1, seconds=30.0)
    plan.choose_recipes()
    assert plan.train(recipe, Sized(), "net0", 1.0, folds=(0,)) is None
    monkeypatch.setattr(plan, "spare", lambda *_, **__: 12.0)
    plan.try_refused()
    assert [c.options["width"] for c in plan.candidates] == [1]
    assert not plan.failures


def test_a_network_is_not_begun_where_its_library_would_take_the_time(monkeypatch):
    import sys

    (recipe,) = networks(monkeypatch, [20], 0.0)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    plan, _ = planner(monkeypatch, [recipe], seconds=2.0)
    with pytest.raises(ModelwrightError, match=r"needs about 5\.\ds, [12]\.\ds can be given"):
        plan.fits.estimate(recipe, recipe.variants(None, None, 0)[0])
    assert recipe.estimate.asked == 0


@pytest.mark.parametrize(("need", "have"), [(3.42, 3.38), (3.4, 3.39), (61.2, 60.9), (12.4, 3.2), (4000.0, 3990.0)])
def test_what_is_needed_never_reads_the_same_as_what_there_is(need, have):
    from modelwright.core.budget import show_duration

    shown = _apart(need, have)
    assert shown[0] >= need > have >= shown[1]
    assert show_duration(shown[0]) != show_duration(shown[1])


def test_a_fit_may_use_what_was_granted_less_what_the_run_holds(monkeypatch):
    from modelwright.core import device
    from modelwright.tune import fits

    (recipe,) = [some("one")]
    monkeypatch.setattr(recipe, "estimate", lambda *a: Estimate(0.01, 200 << 20), raising=False)
    monkeypatch.setattr(device, "used_memory", lambda: 500 << 20)
    plan, _ = planner(monkeypatch, [recipe], folds=1)
    options = recipe.variants(None, None, 0)[0]
    freed = []
    monkeypatch.setattr(fits, "return_pages", lambda: freed.append(True))
    try:
        device.grant_memory(600 << 20)
        assert plan.fits.begin(recipe, options, "one", 10.0) is None
        assert "needs about 200 MB of memory, 100 MB may be used" in plan.failures[0].reason.en
        assert plan.failures[0].memory
        assert freed  # what the run no longer needs was given back before it was said
        device.grant_memory(900 << 20)
        assert plan.fits.begin(recipe, options, "one", 10.0) is not None
    finally:
        device.grant_memory(None)


def test_torch_is_not_loaded_where_its_memory_is_not_granted(monkeypatch):
    import sys

    from modelwright.tune import fits

    (recipe,) = networks(monkeypatch, [20], 0.0)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(fits, "free_memory", lambda: 100 << 20)
    plan, _ = planner(monkeypatch, [recipe], seconds=2000.0)
    with pytest.raises(ModelwrightError, match="needs about 300 MB of memory, 100 MB may be used"):
        plan.fits.estimate(recipe, recipe.variants(None, None, 0)[0])
    assert "torch" not in sys.modules


def test_a_fit_leaves_time_for_scoring_what_it_gives_where_that_lasts(monkeypatch):
    """As long as one of the same recipe took on held-out rows, and on the test rows, to which it may come as one of a blend."""
    recipe = some("made", told=0.01)
    plan, _ = planner(monkeypatch, [recipe], folds=1, seconds=100.0)
    plan.reserve = lambda batch_ms: 1.0 + batch_ms * 2  # 2,000 test rows
    options = recipe.variants(None, None, 0)[0]
    given = []
    fit = type(recipe).fit
    monkeypatch.setattr(type(recipe), "fit", lambda self, *a: given.append(a[-1].deadline.remaining()) or fit(self, *a))
    plan.train(recipe, options, "made", 1000.0)
    plan.candidates[0].batch_ms = 10.0  # 30 rows are held out: .3 s, and 20 s of the test
    load = plan.pace.load
    plan.train(recipe, options, "made-2", 1000.0)
    assert given[0] - given[1] == pytest.approx(
        (20 + 20.3) * load, abs=4
    )  # and what stands already is to be scored itself


def test_the_time_set_aside_covers_what_the_winner_is_compared_with(monkeypatch):
    one, two = some("one", 0.9), some("two", 0.7)
    plan, _ = planner(monkeypatch, [one, two], folds=1, seconds=100.0)
    plan.reserve = lambda batch_ms: batch_ms
    for recipe in (one, two):
        plan.train(recipe, recipe.variants(None, None, 0)[0], recipe.name, 5.0)
    plan.standings.ensemble = False
    plan.candidates[0].batch_ms, plan.candidates[1].batch_ms = 10.0, 30.0
    assert plan.deadline.remaining() - plan.left() == pytest.approx(40.0 * plan.pace.load, abs=1)


class _Away:
    """A cluster that is asked and does not answer."""

    slots = 1

    def __init__(self) -> None:
        self.asked: list[str] = []

    def worth(self, seconds: float) -> bool:
        return True

    def ahead(self, recipe, options, ctx, split) -> None:
        self.asked.append(recipe.name)

    def fold(self, recipe, *_):
        self.asked.append(recipe.name)
        raise ClusterLost("lost", "失联")

    def model(self, recipe, *_):
        return self.fold(recipe)


@pytest.mark.parametrize(("held", "asked"), [(True, {"reader", "other"}), (False, {"other"})])
def test_what_reads_rows_that_are_not_held_is_fitted_here_and_all_else_on_the_cluster(monkeypatch, held, asked):
    reader, other = some("reader", right=0.9), some("other", right=0.7)
    type(reader).reads_on = True
    plan, _ = planner(monkeypatch, [some("guess", right=0.5, rank=0), reader, other], folds=2)
    plan.cluster = _Away()
    plan.rest = None if held else Rest(10, 0.0, lambda: iter(()))
    outcome = climb(plan)
    assert set(plan.cluster.asked) - {"guess"} == asked  # the recipe of rank 0 is made up, too
    assert {c.name for c in outcome.candidates} == {"guess", "reader", "other"}
    assert outcome.winner[0][1].refitted
