"""Text to speech from end to end: folders and tables, consents, files beside the table, what cannot be read named."""

import csv
import wave

import pytest
from typer.testing import CliRunner

import modelwright
from modelwright.cli.app import app
from modelwright.core.config import make_config
from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.events import EventStream, Note, Warned
from modelwright.features.shared.sample_speech import spoken_tones
from modelwright.pipeline.intake import get_data


def folder_of(path, rows=40, bad=()):
    sounds, texts, _ = spoken_tones(rows, 3)
    (path / "wavs").mkdir(parents=True)
    lines = []
    for i, (sound, text) in enumerate(zip(sounds, texts, strict=True)):
        (path / "wavs" / f"a{i:03d}.wav").write_bytes(sound)
        lines.append(f"a{i:03d}|{text}|{text}")
    (path / "metadata.csv").write_text("\n".join([*lines, *bad]) + "\n", encoding="utf-8")
    return path


def fit(data, out, **options):
    options = {"voice_consent": "synthetic", "recipes": ["mean-sounds"], **options}
    return modelwright.fit(
        str(data), name="voice", out=out, task="text-to-speech", budget="60s", search="none", progress=False, **options
    )


def test_a_folder_becomes_a_voice_that_writes_files(tmp_path):
    run = fit(folder_of(tmp_path / "data"), tmp_path / "runs")
    assert run.metrics["distortion"] < 20
    asked = tmp_path / "asked.csv"
    with asked.open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([["text", "speed"], ["low mid", 1], ["low mid", 2]])
    made = tmp_path / "made.csv"
    done = CliRunner().invoke(app, ["predict", str(run.folder), str(asked), "--out", str(made)])
    assert done.exit_code == 0, done.output
    frames = []
    for i in (1, 2):
        with wave.open(str(tmp_path / "made-files" / f"00000{i}.wav")) as file:
            frames.append(file.getnframes())
    assert frames[1] < 0.8 * frames[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"voice_consent": None}, "recorded consent"),
        ({"voice_consent": " "}, "recorded consent"),
        ({"speaker": "narator"}, "narator"),
    ],
)
def test_options_that_do_not_fit_end_in_a_sentence(tmp_path, options, says):
    with pytest.raises(ModelwrightError, match=says):
        fit(folder_of(tmp_path / "data", 16), tmp_path / "runs", **options)
    assert not (tmp_path / "runs" / "voice" / "bundle").exists()


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(ModelwrightError, match=r"line 17: there is no recording wavs/gone\.wav"):
        fit(folder_of(tmp_path / "data", 16, bad=["gone|low|low"]), tmp_path / "runs")


def read_with(path, texts):
    """Read a table of recordings in which some texts are replaced; return the rows and what was warned of."""
    sounds, said, _ = spoken_tones(24, 3)
    with (path / "voice.csv").open("w", newline="", encoding="utf-8") as f:
        rows = csv.writer(f)
        rows.writerow(["recording", "text"])
        for i, (sound, text) in enumerate(zip(sounds, said, strict=True)):
            (path / f"a{i}.wav").write_bytes(sound)
            rows.writerow([f"a{i}.wav", texts.get(i, text)])
    told = []
    events = EventStream()
    events.listen(lambda e: told.append(e.words.en) if isinstance(e, (Note, Warned)) else None)
    config = make_config(data=str(path / "voice.csv"), task="text-to-speech", voice_consent="synthetic")
    return get_data(config, str(path / "voice.csv"), events).table, " ".join(told)


def test_rows_without_a_text_are_named_and_left_out(tmp_path):
    table, told = read_with(tmp_path, {4: "", 9: "  ", 11: "!!!"})
    assert len(table) == 21
    assert "without a text in `text` that can be spoken" in told
    assert "(3): 5, 10, 12" in told


def test_a_table_without_any_text_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none of the 24 rows of .* has a text"):
        read_with(tmp_path, dict.fromkeys(range(24), ""))


@pytest.fixture(scope="module")
def two_voices(tmp_path_factory):
    """Return the run of a voice learnt from two named speakers."""
    path = tmp_path_factory.mktemp("two")
    sounds, texts, _ = spoken_tones(40, 3)
    with (path / "voice.csv").open("w", newline="", encoding="utf-8") as f:
        rows = csv.writer(f)
        rows.writerow(["recording", "text", "speaker"])
        for i, (sound, text) in enumerate(zip(sounds, texts, strict=True)):
            (path / f"a{i}.wav").write_bytes(sound)
            rows.writerow([f"a{i}.wav", text, ("ann", "bob")[i % 2]])
    return fit(path / "voice.csv", path / "runs")


def test_what_the_service_refuses_is_set_aside_in_a_file_and_named(two_voices, tmp_path):
    asked, made = tmp_path / "asked.csv", tmp_path / "made.csv"
    cells = [
        ["low mid", "ann", "", ""], ["low mid", "anne", "", ""], ["low mid", "", "-3", ""], ["low mid", "", "", "900"],
        ["", "", "", ""], ["<speak>low", "", "", ""], ['<speak><voice name="eve">low</voice></speak>', "", "", ""],
        ["low ☃ mid", "bob", "2", "1"], ["你好 low", "", "", ""], ["你好", "", "", ""],
    ]  # fmt: skip
    with asked.open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([["text", "speaker", "speed", "pitch"], *cells])
    done = CliRunner().invoke(app, ["predict", str(two_voices.folder), str(asked), "--out", str(made)])
    assert done.exit_code == 0, done.output
    said = {n: [line for line in done.output.splitlines() if f"row {n}," in line] for n in range(1, 11)}
    for row, words in {
        2: "`speaker`: there is no voice `anne`", 3: "`speed`: expected at least 0.25, received `-3`",
        4: "`pitch`: expected at most 12", 5: "`text`: expected a text to read out, and it is empty",
        6: "no complete XML", 7: "there is no voice `eve`", 8: "what this voice cannot speak is left out: ☃",
        9: "what this voice cannot speak is left out: n", 10: "what this voice cannot speak is left out: n",
    }.items():  # fmt: skip
        assert len(said[row]) == 1, (row, done.output)
        assert words.lower() in said[row][0].lower(), (row, said[row])
    assert not said[1]
    with made.open(encoding="utf-8", newline="") as f:
        answers = [row["prediction"] for row in csv.DictReader(f)]
    assert [bool(a) for a in answers] == [True, False, False, False, False, False, False, True, True, False]
    strict = CliRunner().invoke(app, ["predict", str(two_voices.folder), str(asked), "--out", str(made), "--strict"])
    assert isinstance(strict.exception, DataError)
    assert "row 5: the row is blank" in str(strict.exception)  # what cannot be read comes before what cannot be spoken


def test_a_program_hears_the_same(two_voices):
    model = modelwright.load(str(two_voices.folder))
    row = {"text": "low mid", "speaker": "ann", "speed": -3}
    assert "at least 0.25" in model.predict([row])[0]["error"]
    assert model.predict([row | {"speed": 1}])[0]["prediction"]["type"] == "audio/wav"


def test_a_language_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(ModelwrightError, match=r"code of ISO 639 such as en, zh or de, received `klingon`\.$"):
        fit(folder_of(tmp_path / "data", 16), tmp_path / "runs", language="klingon")
    with pytest.raises(ModelwrightError, match="Did you mean de"):
        fit(folder_of(tmp_path / "more", 16), tmp_path / "runs", language="germann")


def test_an_unknown_task_is_named_before_its_options(tmp_path):
    with pytest.raises(ModelwrightError, match="text-to-speech"):
        modelwright.fit(str(tmp_path / "x.csv"), task="text-to-speach", voice_consent="synthetic", budget="20s")
