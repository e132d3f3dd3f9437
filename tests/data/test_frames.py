"""Objects in memory: frames with odd columns, datasets of splits, and what is no table."""

import pandas as pd
import polars as pl
import pytest

from modelwright.core.errors import DataError
from modelwright.data.sources import read


def test_an_index_is_a_column_only_where_it_has_a_name():
    shuffled = pd.DataFrame({"a": [1, 2, 3]}).iloc[[2, 0, 1]]
    assert read(shuffled).to_pydict() == {"a": [3, 1, 2]}
    assert read(shuffled.rename_axis("place")).to_pydict() == {"place": [2, 0, 1], "a": [3, 1, 2]}


def test_columns_of_one_name_and_of_numbers():
    assert read(pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])).to_pydict() == {"a": [1, 3], "a_2": [2, 4]}
    assert read(pd.DataFrame([[1, 2]])).column_names == ["0", "1"]


def test_whole_numbers_of_128_bits():
    frame = pl.DataFrame({"a": pl.Series([1, None], dtype=pl.Int128), "b": ["x", "y"]})
    assert read(frame).to_pydict() == {"a": [1, None], "b": ["x", "y"]}


def test_datasets_one_split_at_a_time_with_its_selection():
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict({"a": ["x", "y", "z"], "b": [1, 2, 3]})
    assert read(data.select([2, 0])).to_pydict() == {"a": ["z", "x"], "b": [3, 1]}
    assert read(data.to_iterable_dataset()).num_rows == 3
    with pytest.raises(DataError, match=r"splits train, test: give one of them, such as data\['train'\]"):
        read(datasets.DatasetDict({"train": data, "test": data}))


@pytest.mark.parametrize("source", [5, pl.LazyFrame({"a": [1]}), pl.Series([1]), pd.Series([1]), pd.DataFrame()])
def test_what_is_no_table_is_named(source):
    with pytest.raises(DataError, match=r"Cannot read rows from|cannot be read|empty"):
        read(source)


def test_a_frame_larger_than_the_memory_is_sampled():
    frame = pl.DataFrame({"words": [f"word {i}" for i in range(60_000)], "x": list(range(60_000))})
    got = read(frame, memory=600_000)
    assert 100 < got.num_rows < 30_000
    assert all(w == f"word {x}" for w, x in zip(got["words"].to_pylist(), got["x"].to_pylist()))
