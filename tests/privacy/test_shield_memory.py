"""Values known to hold nothing are passed without a search; what holds something never is."""

import pyarrow as pa

from modelwright.core.schema import Column, Schema, Table
from modelwright.privacy import shield as module
from modelwright.privacy.shield import Shield

SCHEMA = Schema((Column("plan", "category"),))


def shown(shield, *cells):
    return shield.apply(Table.of(pa.table({"plan": list(cells)}), SCHEMA)).column("plan").to_pylist()


def test_a_value_is_looked_through_once(monkeypatch):
    searched = []
    find = module.find_cells
    monkeypatch.setattr(module, "find_cells", lambda cells, *a, **k: searched.extend(cells) or find(cells, *a, **k))
    shield = Shield({"plan": {"email": "placeholder"}})
    for _ in range(3):
        assert shown(shield, "gold") == ["gold"]
        assert "anna@example.com" not in shown(shield, "anna@example.com")[0]
    assert searched.count("gold") == 1
    assert searched.count("anna@example.com") == 3
    assert shown(shield, "gold", None, "gold") == ["gold", None, "gold"]
    assert "bob@example.com" not in " ".join(shown(shield, "gold", "bob@example.com"))
    assert "anna@example.com" not in str(shield._clean)
