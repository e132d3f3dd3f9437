"""Several processes tune one language model through TRL: the weights of one process, resumed on any number of them."""

import pytest

from hosted_made import tiny_causal
from language_crew_made import told_of, tune_with

pytest.importorskip("trl")
pytest.importorskip("accelerate")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_causal(tmp_path_factory.mktemp("base") / "tiny")


def far(a, b):
    assert a.keys() == b.keys()
    return max(float((a[k] - b[k]).abs().max()) for k in a)


@pytest.mark.parametrize(
    "more",
    [
        {"epochs": 0.25},
        pytest.param({"epochs": 0.25, "way": "lora"}, marks=pytest.mark.slow),
        pytest.param({"epochs": 0.25, "accumulate": 2}, marks=pytest.mark.slow),
        pytest.param({"epochs": 0.25, "pairs": True}, marks=pytest.mark.slow),
    ],
)
def test_two_processes_take_the_step_of_one(base, more):
    told = told_of(base, **more)
    alone, _, done = tune_with(1, told)
    both, _, also = tune_with(2, told)
    untouched, _, _ = tune_with(1, {**told, "epochs": 0.5})
    assert done == also == 0.25
    assert far(alone, both) < 1e-6
    assert far(alone, untouched) > 1e-4  # a step changes more than that


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(2, 1), (1, 2)])
def test_a_tuning_goes_on_with_another_number_of_processes(base, sizes, tmp_path):
    told = told_of(base, epochs=2.0)
    whole, history, _ = tune_with(1, told)
    cut, _, done = tune_with(sizes[0], {**told, "folder": str(tmp_path), "early": 3})
    assert done == 1.0
    assert (tmp_path / "checkpoint.json").is_file()
    again, losses, done = tune_with(sizes[1], {**told, "folder": str(tmp_path)})
    assert done == 2.0
    assert far(whole, again) < 1e-5
    assert far(whole, cut) > 1e-4
    assert [h["epoch"] for h in losses] == [h["epoch"] for h in history]
    assert not (tmp_path / "checkpoint.json").is_file()


def test_a_batch_that_cannot_be_shared_is_tuned_by_the_one_that_leads(base):
    from types import SimpleNamespace

    from modelwright.core.events import EventStream
    from modelwright.train.crew import Over
    from modelwright.train.llm import _met

    heard, events = [], EventStream()
    events.listen(heard.append)
    assert _met(8, SimpleNamespace(crew=SimpleNamespace(size=3, rank=0), events=events, name="causal")) is None
    assert "cannot be shared evenly among 3" in heard[0].words.en
    with pytest.raises(Over):
        _met(8, SimpleNamespace(crew=SimpleNamespace(size=3, rank=1), events=events, name="causal"))
