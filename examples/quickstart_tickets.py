"""From the sample tickets to a model that sorts new ones, in Python.

python examples/quickstart_tickets.py
"""

from pathlib import Path

import modelwright as mw
from modelwright.data import samples

tickets = samples.write("tickets", Path("tickets.csv"), overwrite=True)

run = mw.fit(tickets, target="queue", budget="60s", name="tickets")
print(f"macro F1 on rows held out: {run.metrics['macro_f1']:.3f}")
for row in run.leaderboard:
    print(f"  {row['name']}")
print(f"open {run.report}")

for text in ("I was charged twice this month", "快递三天没动了，到底发了没有？"):
    answer = run.predict({"text": text})[0]
    print(f"{answer['prediction']} ({answer['confidence']:.0%}): {text}")

# The bundle on disk answers as the model in memory does.
again = mw.load(run.folder)
assert again.predict({"text": "the app crashes"}) == run.predict({"text": "the app crashes"})
