"""A few rows are answered by one thread, and the numbers of threads are as they were afterwards."""

import numpy as np
import pytest

from modelwright.core import threads
from modelwright.core.threads import one_thread, use_threads


def counts():
    return [p.get_num_threads() for p in threads._pools()]


@pytest.fixture(autouse=True)
def as_before():
    before = counts()
    yield
    for pool, n in zip(threads._pools(), before):
        pool.set_num_threads(n)


def test_one_thread_for_a_while():
    torch = pytest.importorskip("torch")
    assert np.ones(2) @ np.ones(2) == 2
    use_threads(2)
    own = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert set(counts()) == {1}
            assert torch.get_num_threads() == 1
        with one_thread(False):
            assert torch.get_num_threads() == 2
        assert set(counts()) == {2}
        assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError), one_thread():
            1 / 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(own)


def test_answers_to_a_few_rows_take_one(monkeypatch):
    from modelwright.recipes.shared.together import Together

    seen = []

    class Answers:
        @classmethod
        def together(cls, models):
            return None

        def scores(self, table):
            seen.append(counts())
            return np.zeros((len(table), 1))

    use_threads(2)
    Together([Answers()]).scores(range(3))
    Together([Answers()]).scores(range(300))
    assert set(seen[0]) == {1}
    assert set(seen[1]) == {2}
