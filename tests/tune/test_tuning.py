"""Tuning: what is tried next, one after the other alone, several at once on a cluster, and judged in the order of asking."""

from types import SimpleNamespace

import pytest

from modelwright.tune import tuning
from modelwright.tune.leaderboard import Standings

pytest.importorskip("optuna")


class Planner:
    """As much of a planner as tuning asks for; the fit of a trial scores what its options say."""

    def __init__(self, places, trials, values=lambda _: 0.5):
        self.config = SimpleNamespace(seed=0, search="tpe")
        self.cluster = SimpleNamespace(slots=places) if places > 1 else None
        self.validation = SimpleNamespace(metric=SimpleNamespace(higher=True))
        self.handed, self.tried, self.trials, self.values = [], [], trials, values
        first = SimpleNamespace(
            name="trees", recipe="trees", value=0.5, options=self._plain().model_dump(), fold_values=[0.5]
        )
        self.candidates = [first]
        self.standings = SimpleNamespace(
            best=lambda: ([], max(c.value for c in self.candidates)),
            by_recipe=lambda: ({"trees": 0.5}, {"trees": 1.0}),
            next_name=lambda name, also=(): Standings.next_name(
                SimpleNamespace(candidates=self.candidates, failures=[]), name, also
            ),
        )
        self.fits = SimpleNamespace(ahead=lambda r, o, name, share, split, seed: self.handed.append((name, o, seed)))

    @staticmethod
    def _plain():
        return type(tuning.get_recipe("trees")).options()

    def variants(self, recipe):
        return [self._plain()]

    def should_end(self):
        return len(self.tried) >= self.trials

    def spare(self, *_):
        return 100.0

    def try_variant(self, recipe, options, name, seed=None, search=None):
        self.tried.append((name, options, len(self.handed)))
        value = self.values(options)
        self.candidates.append(
            SimpleNamespace(name=name, recipe="trees", value=value, options=options.model_dump(), fold_values=[value])
        )
        return self.candidates[-1]


def test_alone_one_trial_follows_another_and_nothing_is_handed_out():
    planner = Planner(1, 5)
    tuning.tune(planner)
    assert [name for name, *_ in planner.tried] == [f"trees-{n}" for n in range(2, 7)]
    assert planner.handed == []


def test_a_cluster_always_has_a_trial_for_each_of_its_places():
    planner = Planner(3, 6)
    tuning.tune(planner)
    # when the first is asked for three are under way, and one more for each that has ended
    assert [handed for *_, handed in planner.tried] == [3, 4, 5, 6, 7, 8]
    assert [(n, o) for n, o, _ in planner.tried] == [(n, o) for n, o, _ in planner.handed[:6]]  # in the order of asking
    assert len({n for n, *_ in planner.handed}) == len(planner.handed)
    assert len({o.model_dump_json() for _, o, _ in planner.handed}) == len(planner.handed)


@pytest.mark.parametrize("places", [1, 3])
def test_it_ends_where_nothing_is_gained(places):
    planner = Planner(places, 100)
    tuning.tune(planner)
    assert len(planner.tried) == tuning._PATIENCE


def test_the_same_run_tries_the_same_again():
    said = []
    for _ in range(2):
        planner = Planner(3, 8, values=lambda o: 0.5 + o.learning_rate)
        tuning.tune(planner)
        said.append(planner.tried)
    assert said[0] == said[1]


def test_what_can_only_come_out_the_same_is_not_tried_again():
    planner = Planner(1, 5)
    planner.standings.by_recipe = lambda: ({"vits": 0.9, "trees": 0.5}, {"vits": 0.1, "trees": 1.0})
    tuning.tune(planner)
    assert [name for name, *_ in planner.tried] == [f"trees-{n}" for n in range(2, 7)]
    planner = Planner(1, 5)
    planner.standings.by_recipe = lambda: ({"vits": 0.9}, {"vits": 0.1})
    tuning.tune(planner)
    assert planner.tried == []
