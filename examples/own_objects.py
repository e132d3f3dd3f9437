"""Your own objects as data: pandas, polars, lists. Anything with the Arrow C-stream interface will do.

python examples/own_objects.py
"""

import polars as pl

import modelwright as mw

flats = pl.DataFrame(
    {
        "rooms": [1 + i % 5 for i in range(300)],
        "district": [("north", "south", "old town")[i % 3] for i in range(300)],
        "balcony": [i % 4 == 0 for i in range(300)],
        "rent": [300.0 + 180 * (1 + i % 5) + 90 * (i % 3) + 45 * (i % 4 == 0) + (i * 37 % 29) for i in range(300)],
    }
)

run = mw.fit(flats, target="rent", budget="30s", name="flats")
print({name: round(value, 3) for name, value in run.metrics.items()})

rows = pl.DataFrame({"rooms": [2, 4], "district": ["south", "old town"], "balcony": [True, False]})
print([round(answer["prediction"]) for answer in run.predict(rows)])

# pandas works the same way, as does a list of mappings.
print([round(answer["prediction"]) for answer in run.predict(rows.to_pandas())])
print([round(answer["prediction"]) for answer in run.predict(rows.to_dicts())])
