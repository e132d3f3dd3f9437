"""Which engine answers a release: measured on validation rows, near to the model, and checked when it is loaded."""

import pytest

from bundles_made import make
from modelwright.core.errors import ModelwrightError, OptionError, RegistryError
from modelwright.core.reading import Reading
from modelwright.core.run import RunFolder, read_json, write_json
from modelwright.core.task import get_task
from modelwright.data.fingerprint import digests
from modelwright.data.sources import read_table
from modelwright.release import engines
from modelwright.release.bundle import load, save
from modelwright.release.pace import Pace
from modelwright.release.registry.store import Registry
from modelwright.release.validation_rows import validation_rows
from served_made import small_predictor

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a run as it is left behind: a bundle, its source, and which rows validated and tested."""
    import pyarrow.csv

    place = tmp_path_factory.mktemp("runs")
    table = get_task("classification").sample(120, 1)[0]
    pyarrow.csv.write_csv(table, place / "data.csv")
    run = place / "r"
    save(small_predictor(), run / "bundle")
    (run / "data").mkdir()
    (run / "config.yaml").write_text(f"data: {place / 'data.csv'}\n")
    raw, _ = read_table(str(place / "data.csv"), Reading())
    rows = list(range(1, raw.num_rows + 1))
    write_json(run / "data" / "columns.json", {"data": digests(raw), "test": None})
    write_json(
        run / "data" / "splits.json", {"rows": raw.num_rows, "test": rows[-20:], "folds": [[rows[:30], rows[30:45]]]}
    )
    return run


@pytest.fixture
def registry(tmp_path, monkeypatch):
    for name in ("MODELWRIGHT_DB", "MODELWRIGHT_BLOBS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Registry(tmp_path / "r.db")


def test_validation_rows_are_those_of_the_run_and_no_test_rows(made, tmp_path):
    rows = validation_rows(RunFolder(made))
    told = read_json(made / "data" / "splits.json")
    valid = {r for fold in told["folds"][0] for r in fold}
    assert rows.num_rows == len(valid)
    whole, _ = read_table(str(made.parent / "data.csv"), Reading())
    assert rows.to_pylist() == whole.take([r - 1 for r in sorted(valid)]).to_pylist()
    assert not valid & set(told["test"])
    assert validation_rows(RunFolder(made), most=7).num_rows == 7


def test_rows_that_changed_or_are_gone_are_not_taken(made, monkeypatch, registry):
    source = made.parent / "data.csv"
    whole = source.read_text()
    try:
        source.write_text(whole.replace("mail", "chat", 1))
        assert validation_rows(RunFolder(made)) is None
        source.unlink()
        assert validation_rows(RunFolder(made)) is None
        release = registry.release(made, "gone")
        assert release.facts["engine"]["engine"] == "own"
        assert "not there any more" in release.facts["engine"]["why"][0]
        with pytest.raises(ModelwrightError, match="--engine own or auto"):
            registry.release(made, "gone", engine="onnx")
        assert len(registry.releases("gone")) == 1
    finally:
        source.write_text(whole)


def test_an_engine_that_is_asked_for_answers_alike(made, registry):
    release = registry.release(made, "desk", engine="onnx")
    about = release.facts["engine"]
    assert about["engine"] == release.facts["card"]["engine"] == "onnx"
    assert about["measured"]["onnx"]["alike"]
    assert about["measured"]["onnx"]["apart"] <= engines.APART["onnx"]
    assert {"one_ms", "batch_ms"} <= set(about["measured"]["own"])
    assert about["rows"] > 10
    fast, own = registry.load("desk"), load(registry.folder(release))
    assert fast.engine is not None
    assert own.engine is None
    rows = [
        {"amount": 0.3, "channel": "mail", "member": True, "message": "parcel"},
        {"amount": -2.0},
        {"amount": "1.5"},
    ]
    for a, b in zip(fast.predict(rows, allow_missing=True), own.predict(rows, allow_missing=True), strict=True):
        assert (a["prediction"], a["confidence"]) == (b["prediction"], pytest.approx(b["confidence"], abs=1e-4))
    assert fast.explain(rows[0])


def test_files_of_an_engine_that_were_changed_are_not_used(made, registry):
    release = registry.release(made, "desk", engine="onnx")
    folder = registry._fetched(release, release.facts["engine"]["digest"])
    file = folder / "ensemble.json"
    file.write_text(file.read_text().replace("classification", "klassification"))
    with pytest.raises((ModelwrightError, RegistryError), match="changed"):
        registry.load("desk")


def test_own_and_unknown(made, registry):
    assert registry.release(made, "desk", engine="own").facts["engine"]["engine"] == "own"
    with pytest.raises(OptionError, match="onnx"):
        registry.release(made, "desk", engine="onxx")
    with pytest.raises(ModelwrightError, match="8 bits"):
        registry.release(made, "desk", engine="int8")


def test_the_fastest_that_loses_nothing_is_taken():
    def measured(**times):
        return {e: {"alike": True, "one_ms": a, "batch_ms": b} for e, (a, b) in times.items()} | {
            e: {"alike": False} for e in ("onnx", "int8") if e not in times
        }

    assert engines._best(measured(own=(10, 1), onnx=(5, 0.9), int8=(2, 0.8))) == "int8"
    assert engines._best(measured(own=(10, 1), onnx=(5, 0.9))) == "onnx"
    assert engines._best(measured(own=(10, 1), onnx=(9.9, 1.0))) == "own", "no gain to speak of"
    assert engines._best(measured(own=(10, 1), onnx=(2, 1.5))) == "own", "slower in batches"
    assert engines._best(measured(own=(10, 1))) == "own"


class Clock:
    """A clock that goes on by as many seconds as a step is said to take, when the step begins."""

    def __init__(self, **seconds):
        self.now, self.said, self._seconds = 0.0, [], seconds

    def __call__(self):
        return self.now

    def say(self, words):
        self.said.append(words.en)
        self.now += next((s for word, s in self._seconds.items() if word in words.en), 0.1)


def chosen_by(clock, made, place, asked="auto"):
    place.mkdir()
    seconds = engines.AUTO_SECONDS if asked == "auto" else None
    return engines._choose(made / "bundle", asked, place, Pace(seconds, clock.say, clock))


def test_auto_ends_in_time_and_says_what_was_left_out(made, tmp_path):
    clock = Clock(Loading=11.0)
    choice = chosen_by(clock, made, tmp_path / "a")
    assert (choice.engine, choice.folder) == ("own", None)
    assert "no time to judge" in choice.facts["why"][0]
    assert [m["late"] for m in choice.facts["measured"].values()] == [True, True]
    assert not any("ONNX" in said for said in clock.said), "writing a graph cannot be broken off: it is not begun"
    assert "not judged in time: onnx, int8" in engines.told({"engine": choice.facts}).en
    assert "未能及时评估：onnx、int8" in engines.told({"engine": choice.facts}).zh

    clock = Clock(judging=21.0)  # longer than anybody thought: it is judged no further
    assert chosen_by(clock, made, tmp_path / "b").engine == "own"
    assert len(clock.said) == 4

    clock = Clock(Timing=21.0)
    choice = chosen_by(clock, made, tmp_path / "c")
    assert choice.facts["measured"]["onnx"]["late"]
    assert choice.facts["measured"]["onnx"]["apart"] <= engines.APART["onnx"]


def test_one_engine_can_be_left_out_by_itself(made, tmp_path):
    clock = Clock(judging=9.95)
    choice = chosen_by(clock, made, tmp_path / "a")
    measured = choice.facts["measured"]
    assert measured["int8"]["late"]
    assert "one_ms" in measured["onnx"]
    assert choice.facts["engine"] == engines._best(
        measured
    )  # of the two that were timed, by the times that stand there
    assert engines.told({"engine": choice.facts}).en.count("not judged in time: int8") == 1
    assert clock.said[-1] == "Timing the engines ..."


def test_what_is_asked_for_by_name_takes_as_long_as_it_needs(made, tmp_path):
    choice = chosen_by(Clock(Loading=500.0), made, tmp_path / "a", "onnx")
    assert choice.engine == "onnx"


def test_auto_reads_few_rows_and_no_large_source(made, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "_AUTO_ROWS", 12)
    assert chosen_by(Clock(), made, tmp_path / "a").facts["rows"] == 12
    monkeypatch.setattr(engines, "_AUTO_BYTES", 10)
    assert "too large" in chosen_by(Clock(), made, tmp_path / "b").facts["why"][0]


@pytest.mark.slow
def test_eight_bits_of_a_network(tmp_path):
    folder = make(tmp_path, "classification", "", "textcnn")
    predictor = load(folder / "bundle")
    from modelwright.testing import sample_table

    table, _ = sample_table(get_task("classification"), 60)
    typed, _ = predictor.table(table.data.select([c.name for c in predictor.schema.inputs]))
    wanted = predictor.scores(typed)
    measured = {e: engines._tried(predictor, typed, e, tmp_path, wanted, Pace()) for e in ("onnx", "int8")}
    assert measured["onnx"]["alike"]
    assert 0 < measured["int8"]["apart"] < 0.5
    assert (tmp_path / "int8" / "member-0.onnx").stat().st_size < (tmp_path / "onnx" / "member-0.onnx").stat().st_size
