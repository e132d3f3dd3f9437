"""More files than can be opened in time: a random part is used and told, the same when the run goes on."""

import pyarrow as pa
import pytest
from PIL import Image

from modelwright.core.config import make_config
from modelwright.core.events import EventStream, Warned
from modelwright.core.run import RunFolder
from modelwright.pipeline.concerns import opened_files
from modelwright.pipeline.concerns.order import Concerns
from modelwright.pipeline.intake import get_data

ROWS = 60


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(opened_files, "_LEAST", 20)
    monkeypatch.setattr(opened_files, "_LOOK", 8)
    for i in range(ROWS):
        Image.new("RGB", (8, 8), (4 * i, 0, 0)).save(tmp_path / f"{i}.png")
    lines = [f"{i}.png,{'ab'[i % 2]}" for i in range(ROWS)]
    (tmp_path / "t.csv").write_text("\n".join(["image,y", *lines]))
    return tmp_path / "t.csv"


def read(source, began=None):
    config = make_config(data=str(source), target="y", budget="60s")
    events, warned = EventStream(), []
    events.listen(lambda e: warned.append(e.words.en) if isinstance(e, Warned) else None)
    concerns = Concerns(config, events, began)
    data = get_data(config, str(source), events, concerns)
    return data, next(c for c in concerns.each if c.name == "opened_files"), warned


def test_all_files_are_opened_where_time_suffices(source):
    data, concern, warned = read(source)
    assert len(data.table) == ROWS
    assert (concern.kept, warned) == (None, [])


def test_a_random_part_is_used_where_it_does_not_and_kept_when_the_run_goes_on(source, monkeypatch, tmp_path):
    monkeypatch.setattr(opened_files, "_SHARE", 1e-9)
    data, concern, warned = read(source)
    assert len(data.table) == 20
    assert [w for w in warned if w.startswith("A random 20 of 60 rows are used: opening the files")]
    folder = RunFolder(tmp_path / "run")
    folder.data.mkdir(parents=True)
    concern.folder_made(type("State", (), {"folder": folder})())
    monkeypatch.setattr(opened_files, "_SHARE", 1.0)
    again, *_ = read(source, folder)
    assert again.seen.whole == data.seen.whole


def test_tables_without_files_stay_whole(source, monkeypatch):
    monkeypatch.setattr(opened_files, "_SHARE", 1e-9)
    config = make_config(data="x", target="y", budget="60s")
    raw = pa.table({"x": list(range(ROWS)), "z": [i * 1.5 for i in range(ROWS)], "y": ["a", "b"] * (ROWS // 2)})
    assert len(get_data(config, raw, EventStream(), Concerns(config, EventStream())).table) == ROWS
