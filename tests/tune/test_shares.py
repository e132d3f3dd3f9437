"""Shares of the time: what a table holds decides how long trees and the first long network may take."""

from __future__ import annotations

import pyarrow as pa
import pytest

from modelwright.core.recipe import get_recipe
from modelwright.core.schema import Column, Schema, Table, arrow_type
from modelwright.tune.shares import breadth_share, media_alone


def table(*modalities: str, rows: int = 10_000) -> Table:
    columns = [*(Column(f"c{i}", m) for i, m in enumerate(modalities)), Column("y", "category", "target")]
    data = pa.table({c.name: pa.nulls(rows, arrow_type(c.modality)) for c in columns})
    return Table.of(data, Schema(tuple(columns)))


@pytest.mark.parametrize(
    ("modalities", "only"),
    [
        (("image",), True),
        (("audio", "video"), True),
        (("image", "number"), False),
        (("text",), False),
        (("series",), False),
        ((), False),
    ],
)
def test_media_alone(modalities: tuple[str, ...], only: bool) -> None:
    assert media_alone(table(*modalities)) is only
    assert not media_alone(table(*modalities, rows=9999))


def test_on_pictures_alone_the_long_network_gets_what_trees_would_take() -> None:
    pictures, mixed, few = table("image"), table("image", "number"), table("image", rows=5000)

    def share(name: str, of: Table, first: bool = False, networks: bool = True, **more: bool) -> float:
        wanted, last = more.get("wanted", False), more.get("last", False)
        return breadth_share(get_recipe(name), of, wanted=wanted, first=first, last=last, networks=networks)

    assert share("trees", pictures) < 0.1 < share("trees", mixed) < share("trees", table("number", "category"))
    assert share("trees", mixed, networks=False) > share("trees", mixed)
    assert share("linear", pictures) < 0.2 < share("linear", mixed)
    assert share("constant", pictures) == 1
    assert share("trees", few) == share("trees", mixed)
    assert share("fastnet", few, first=True) == share("fastnet", mixed, first=True)
    assert share("trees", pictures, networks=False) == share("trees", mixed, networks=False)
    assert share("fastnet", pictures, first=True) > 0.9 > share("fastnet", mixed, first=True)
    assert share("seq2seq", table("text"), first=True, last=True) > 0.9 > share("seq2seq", table("text"), first=True)
    assert share("fastnet", pictures) == share("fastnet", mixed) < share("fastnet", mixed, first=True)
    assert share("vit", pictures) < share("resnet", pictures)  # dear ones get little
    assert share("finetune", pictures, wanted=True) > share("finetune", pictures)
