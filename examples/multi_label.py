"""Several labels for one row: the tags of the sample tickets.

python examples/multi_label.py
"""

from pathlib import Path

import modelwright as mw
from modelwright.data import samples

table = samples.write("tickets-multilabel", Path("tagged.csv"), overwrite=True)

run = mw.fit(table, target="tags", budget="60s", name="tags")
print(run.facts["task"], {name: round(value, 3) for name, value in run.metrics.items()})

answer = run.predict({"text": "The lamp arrived broken and I want my money back!"}, scores=True)[0]
print(answer["prediction"])
for label, score in sorted(answer["scores"].items(), key=lambda pair: -pair[1])[:4]:
    print(f"  {label}  {score:.2f}")
