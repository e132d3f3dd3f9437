"""A number from a table, with a gate: scikit-learn's diabetes data.

python examples/tabular_regression.py
"""

from pathlib import Path

import modelwright as mw
from modelwright.data import samples

table = samples.write("diabetes", Path("diabetes.csv"), overwrite=True)

run = mw.fit(table, target="progression", budget="60s", gate="rmse<=70", name="diabetes")
print({name: round(value, 2) for name, value in run.metrics.items()})
print("the gate is met" if run.good_enough else "the gate is not met")

patient = {"age": 52, "body_mass_index": 27.4, "blood_pressure": 95, "sex": "group_1"}
print(run.predict(patient, allow_missing=True)[0]["prediction"])  # what is not known may be left out
