"""LightGBM and PyArrow without what only their other interfaces load: in the command line's own process alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelwright.core import libraries

_FIT = """
import sys, threading
import numpy as np
from modelwright.core import libraries
{before}
expected = libraries.loading_seconds()
lgb = libraries.lightgbm()
unused = [n for n in ("sklearn", "pandas") if n in sys.modules]
x = np.random.default_rng(0).normal(size=(400, 3))
booster = lgb.train({{"objective": "binary", "verbosity": -1, "num_threads": 1}}, lgb.Dataset(x, x[:, 0] > 0), 5)
same = lgb.Booster(model_str=booster.model_to_string()).predict(x)
assert np.array_equal(same, booster.predict(x)) and ((same > 0.5) == (x[:, 0] > 0)).mean() > 0.95
import sklearn.svm, pandas
print(unused, expected, libraries.loading_seconds(), sklearn.svm.LinearSVC.__name__, pandas.DataFrame.__name__)
{after}
"""


def said(before: str, after: str = "") -> str:
    code = _FIT.format(before=before, after=after)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_command_line_loads_it_alone_and_what_was_hidden_is_there_afterwards():
    assert said("libraries.process_is_ours()") == "[] 0.1 0.0 LinearSVC DataFrame"


def test_what_a_program_has_loaded_stays():
    assert said("import pandas; libraries.process_is_ours()").startswith("['pandas'] 0.1 ")


def test_another_program_gets_it_with_all_its_interfaces():
    pytest.importorskip("pandas")
    after = "from lightgbm import LGBMClassifier; print(LGBMClassifier(n_estimators=2, verbosity=-1).fit(x, x[:, 0] > 0).n_features_in_)"
    assert said("", after) == "['sklearn', 'pandas'] 1.6 0.0 LinearSVC DataFrame\n3"


_ARROW = """
import sys, threading
from modelwright.core import libraries
{before}
import numpy as np, pyarrow as pa
from modelwright.core.schema import Table
found = pa.table({{"a": [1, 2], "b": np.zeros(2), "c": ["x", None]}})
assert pa.array(np.array(["a", "b"])).to_pylist() == ["a", "b"]
print("pandas" in sys.modules, found.to_pylist()[1])
import pandas
print(pandas.Series([1]).sum())
"""


@pytest.mark.parametrize(("before", "loaded"), [("libraries.process_is_ours()", False), ("", True)])
def test_arrays_load_no_pandas_in_the_command_line(before, loaded):
    pytest.importorskip("pandas")
    out = subprocess.run(
        [sys.executable, "-c", _ARROW.format(before=before)], capture_output=True, text=True, check=True
    )
    assert out.stdout.splitlines() == [f"{loaded} {{'a': 2, 'b': 0.0, 'c': None}}", "1"]


def test_what_is_absent_for_one_thread_is_there_for_others():
    import threading

    code: list[object] = []
    with libraries._absent(("colorsys",)):
        sys.modules.pop("colorsys", None)
        with pytest.raises(ModuleNotFoundError):
            __import__("colorsys")
        other = threading.Thread(target=lambda: code.append(__import__("colorsys")))
        other.start()
        other.join()
    assert len(code) == 1
    assert not any(isinstance(f, libraries._Nowhere) for f in sys.meta_path)
