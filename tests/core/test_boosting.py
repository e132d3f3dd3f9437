"""LightGBM without what only its other interfaces load: in the command line's own process alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

_FIT = """
import sys, threading
import numpy as np
from modelwright.core import boosting
{before}
expected = boosting.loading_seconds()
lgb = boosting.lightgbm()
unused = [n for n in ("sklearn", "pandas") if n in sys.modules]
x = np.random.default_rng(0).normal(size=(400, 3))
booster = lgb.train({{"objective": "binary", "verbosity": -1, "num_threads": 1}}, lgb.Dataset(x, x[:, 0] > 0), 5)
same = lgb.Booster(model_str=booster.model_to_string()).predict(x)
assert np.array_equal(same, booster.predict(x)) and ((same > 0.5) == (x[:, 0] > 0)).mean() > 0.95
import sklearn.svm, pandas
print(unused, expected, boosting.loading_seconds(), sklearn.svm.LinearSVC.__name__, pandas.DataFrame.__name__)
{after}
"""


def said(before: str, after: str = "") -> str:
    code = _FIT.format(before=before, after=after)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_command_line_loads_it_alone_and_what_was_hidden_is_there_afterwards():
    assert said("boosting.process_is_ours()") == "[] 0.1 0.0 LinearSVC DataFrame"


def test_what_a_program_has_loaded_stays():
    assert said("import pandas; boosting.process_is_ours()").startswith("['pandas'] 0.1 ")


def test_another_program_gets_it_with_all_its_interfaces():
    pytest.importorskip("pandas")
    after = "from lightgbm import LGBMClassifier; print(LGBMClassifier(n_estimators=2, verbosity=-1).fit(x, x[:, 0] > 0).n_features_in_)"
    assert said("", after) == "['sklearn', 'pandas'] 1.6 0.0 LinearSVC DataFrame\n3"
