"""Artefacts made to harm: pickles under every name, paths that lead out, bombs. Each is refused in one line, and nothing happens."""

import contextlib
import gzip
import hashlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from modelwright.core.errors import DataError, ModelwrightError
from modelwright.core.recipe import get_recipe
from modelwright.core.task import get_task
from modelwright.data import _bombs
from modelwright.data.sources import batches, read
from modelwright.release.bundle import Predictor, load, save
from modelwright.testing import context, sample_table


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return (Path.touch, (self.place,))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    task = get_task("classification")
    table, target = sample_table(task, 80)
    recipe = get_recipe("linear")
    model = recipe.fit(table, table, recipe.variants(table.schema, target, 80)[0], context(task, target))
    return Predictor(task, table.schema, target, [(1.0, model)], name="sample")


@pytest.fixture(scope="module")
def stored(predictor, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "bundle"
    save(predictor, folder, {"card.md": "# card"})
    return folder


@pytest.fixture
def bundle(stored, tmp_path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "bundle"))


def sign(folder: Path) -> None:
    """Make the manifest fit what stands there, as an attacker would."""
    files = {
        p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json"
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in files.items()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


# -- pickles ---------------------------------------------------------------------------------------------------------


def test_the_payload_works_where_it_is_let(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "hit")))
    assert (tmp_path / "hit").exists()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "name", ["d.csv", "d.tsv", "d.txt", "d.jsonl", "d.json", "d.parquet", "d.arrow", "d.feather", "d.xlsx", "d.zip", "d.ts",
             "d.arff", "d.fasta", "d.pkl", "d.npy", "d.pt", "d.joblib", "d.mwv"],
)  # fmt: skip
def test_a_pickle_is_never_loaded_as_data(tmp_path, name, packed):
    for protocol in (0, 2, 5):
        data = pickle.dumps(Payload(tmp_path / "hit"), protocol)
        path = tmp_path / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(data) if packed else data)
        with contextlib.suppress(ModelwrightError):
            read(path)
        assert not (tmp_path / "hit").exists()


def members(folder: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".md"]


def test_a_pickle_is_never_loaded_from_a_bundle(bundle, stored, tmp_path):
    for name in members(stored):
        shutil.rmtree(bundle)
        shutil.copytree(stored, bundle)
        for data in (pickle.dumps(Payload(tmp_path / "hit")), gzip.compress(pickle.dumps(Payload(tmp_path / "hit")))):
            (bundle / name).write_bytes(data)
            if name != "manifest.json":
                sign(bundle)
            with pytest.raises(ModelwrightError):
                load(bundle)
            assert not (tmp_path / "hit").exists(), name


def test_a_pickle_is_never_loaded_from_keys_consents_or_checkpoints(tmp_path):
    from modelwright.core.keyref import read_keys
    from modelwright.core.run import read_json
    from modelwright.privacy.audit import read_entries
    from modelwright.privacy.consent import read_consents
    from modelwright.privacy.subjects import trace
    from modelwright.serve.keys import KeyRing

    path = tmp_path / "f"
    path.write_bytes(pickle.dumps(Payload(tmp_path / "hit")))
    path.chmod(0o600)
    (tmp_path / "subjects.safetensors").write_bytes(path.read_bytes())
    from modelwright.core.keyref import Key

    for loader in (
        lambda: read_keys(str(path)), lambda: read_json(path), lambda: read_consents(path), lambda: KeyRing.open(path),
        lambda: trace(tmp_path, Key.new(), "x"),
    ):  # fmt: skip
        with pytest.raises(ModelwrightError):
            loader()
    assert read_entries(path) == []
    assert not (tmp_path / "hit").exists()


def test_a_pickle_sent_to_the_service_is_no_json(predictor, tmp_path):
    from modelwright.serve.app import create_app
    from modelwright.serve.keys import KeyRing

    data = pickle.dumps(Payload(tmp_path / "hit"))
    with TestClient(create_app(predictor, keys=KeyRing.of({"a": "key"})), headers={"X-API-Key": "key"}) as c:
        for kind in (
            "application/json",
            "application/octet-stream",
            "application/x-python-pickle",
            "application/x-pickle",
        ):
            for route in ("/predict", "/explain"):
                assert c.post(route, content=data, headers={"Content-Type": kind}).status_code == 400
    assert not (tmp_path / "hit").exists()


# -- paths -----------------------------------------------------------------------------------------------------------

WAYS_OUT = ["../outside", "members/../../outside", "..%2foutside", "%2e%2e/outside", "..\\outside", "{outside}", "members/0/../../../outside",
            "bundle_evil", "../bundle_evil", "file://{outside}", "~/outside", "members/0#../../outside", "\x00", "..", "."]  # fmt: skip


@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_member_that_leads_out_of_the_bundle_is_refused(bundle, tmp_path, way):
    for name in ("outside", "bundle_evil"):
        shutil.copytree(bundle / "members" / "0", tmp_path / name)
    data = json.loads((bundle / "bundle.json").read_text())
    data["members"][0]["folder"] = way.format(outside=tmp_path / "outside")
    (bundle / "bundle.json").write_text(json.dumps(data))
    sign(bundle)
    with pytest.raises(ModelwrightError):
        load(bundle)


def test_a_link_inside_a_member_is_refused(bundle, tmp_path):
    shutil.move(bundle / "members" / "0", tmp_path / "outside")
    os.symlink(tmp_path / "outside", bundle / "members" / "0")
    with pytest.raises(ModelwrightError):
        load(bundle)


@pytest.mark.parametrize("way", ["../hit.csv", "/tmp/../hit.csv", "..\\hit.csv", "a/../../hit.csv", "C:\\hit.csv"])
def test_an_archive_writes_nothing_outside(tmp_path, way):
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as z:
        z.writestr(way, "a,label\n1,x\n2,y\n")
    before = set(tmp_path.rglob("*"))
    with contextlib.suppress(DataError):
        assert read(tmp_path / "d.zip").num_rows == 2
    assert set(tmp_path.rglob("*")) == before
    assert not (tmp_path.parent / "hit.csv").exists()


@pytest.mark.parametrize("way", ["../hit", "/etc/hit", "a/../../hit"])
def test_an_encrypted_candidate_cannot_lead_out(tmp_path, way, monkeypatch):
    from modelwright.core.encrypted_files import SealWriter
    from modelwright.core.errors import BundleError
    from modelwright.core.keyref import Key
    from modelwright.core.stored_data import kept_folder

    key = Key.new()
    monkeypatch.setenv("MW_A", key.text())
    monkeypatch.setenv("MODELWRIGHT_VAULT", "env:MW_A")
    with (tmp_path / "c.mwv").open("wb") as f, SealWriter(f, key) as w, zipfile.ZipFile(w, "w") as z:
        z.writestr(way, "x")
    with pytest.raises(BundleError, match="leads out"), kept_folder(tmp_path / "c"):
        pass


@pytest.mark.parametrize(
    "path",
    ["/../keys", "/..%2fkeys", "/%2e%2e/keys", "/docs/..%2f..%2fkeys", "/healthz/../keys", "/healthz%2f..%2fkeys", "http://testserver//keys", "/keys/",
     "/keys;x", "/healthz/", "/HEALTHZ", "/keys/..%2fhealthz", "/\\..\\keys", "/readyz/../../etc/passwd", "/%00", "/keys%00", "/.env"],
)  # fmt: skip
def test_no_spelling_of_a_path_opens_a_route_without_its_key(predictor, path):
    from modelwright.serve.app import create_app
    from modelwright.serve.keys import KeyRing, ServiceKey, digest_of

    ring = KeyRing({"v": ServiceKey("v", digest_of("viewer"), "viewer")})
    with TestClient(create_app(predictor, keys=ring), follow_redirects=False) as c:
        for method in ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT"):
            code = c.request(method, path).status_code
            assert code == 401, (method, path, code)
            assert c.request(method, path, headers={"X-API-Key": "viewer"}).status_code in (403, 404, 405), (
                method,
                path,
            )


# -- bombs -----------------------------------------------------------------------------------------------------------


def one_column(path: Path, values: pa.Array, **options: object) -> Path:
    pq.write_table(pa.table({"t": values, "label": ["x"] * len(values)}), path, store_schema=False, **options)
    return path


def arrow(path: Path, table: pa.Table, new: object, codec: str) -> Path:
    with pa.OSFile(str(path), "wb") as f, new(f, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as w:
        w.write_table(table)
    return path


def xlsx(path: Path, **members: bytes) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    for line in (("a", "label"), (1, "x"), (2, "y")):
        book.active.append(line)
    book.save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items():
            z.writestr(name, data)
    return path


def make_bomb(name: str, folder: Path) -> Path:
    path = folder / name
    if name == "page.parquet":  # 66 MB of zeros in a page of 2 KB
        return one_column(path, pa.array(["\0" * (66 << 20)]), compression="zstd", use_dictionary=False)
    if name == "dictionary.parquet":  # one entry of 1 MB, in 30,000 rows
        entry = pa.DictionaryArray.from_arrays(pa.array([0] * 30_000, pa.int32()), pa.array(["y" * 1_000_000]))
        return one_column(path, entry, compression="zstd", dictionary_pagesize_limit=1 << 30)
    if name == "nested.parquet":  # one row of 40 million values, run-length coded
        values = pa.ListArray.from_arrays([0, 40_000_000], pa.nulls(40_000_000, pa.int8()))
        return one_column(path, values, compression="zstd")
    if name == "buffers.arrow":
        return arrow(
            path, pa.table({"a": pa.array([0]).take(pa.array([0] * 9_000_000, pa.int32()))}), pa.ipc.new_file, "zstd"
        )
    if name == "stream.arrow":
        return arrow(
            path, pa.table({"a": pa.array([0]).take(pa.array([0] * 9_000_000, pa.int32()))}), pa.ipc.new_stream, "zstd"
        )
    if name == "sheet.xlsx":
        return xlsx(path, **{"xl/sharedStrings2.xml": bytes(70 << 20)})
    if name == "rows.csv.gz":
        path.write_bytes(gzip.compress(b"a,label\n" + (b"0" * 9000 + b",x\n") * 8000, 6))
    elif name == "archive.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("d.csv", b"a,label\n" + b"0" * (90 << 20))
    return path


BOMBS = [
    "page.parquet",
    "dictionary.parquet",
    "nested.parquet",
    "buffers.arrow",
    "stream.arrow",
    "sheet.xlsx",
    "rows.csv.gz",
    "archive.zip",
]


def test_bombs_are_refused_with_memory_flat(tmp_path):
    """All bombs are opened in one program of their own, measured from within: none takes more than a plain file does."""
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom modelwright.data.sources import batches\n"
        "from modelwright.core.errors import DataError\n"
        "def open_(p):\n    for part in batches(p): pass\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "for p in sorted(Path(sys.argv[1]).glob('plain.*')): open_(p)\n"
        "for p in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    if p.name.startswith('plain'): continue\n"
        "    before, said = peak(), 'OPENED'\n"
        "    try: open_(p)\n"
        "    except DataError as e: said = str(e)\n"
        "    print(p.name, peak() - before, said.replace('\\n', ' '))\n"
    )
    for name in BOMBS:
        make_bomb(name, tmp_path)
    table = pa.table({"a": list(range(1000)), "label": ["x"] * 1000})
    pq.write_table(table, tmp_path / "plain.parquet")
    arrow(tmp_path / "plain.arrow", table, pa.ipc.new_file, "zstd")
    xlsx(tmp_path / "plain.xlsx")
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    seen = {line.split()[0]: line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()}
    assert set(seen) == set(BOMBS)
    for name, (more, said) in seen.items():
        assert "OPENED" not in said, name
        assert name in said
        assert "bomb" in said or "unpacks" in said, said
        assert int(more) < 150, f"{name} took {more} MB more"


def test_deep_json_is_refused(tmp_path):
    for name, text in (
        ("a.jsonl", '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n"),
        ("b.json", "[" * 100_000),
        ("c.jsonl", '{"a":' * 50_000 + "1" + "}" * 50_000),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match=name.replace(".", r"\.")):
            read(tmp_path / name)


VALUES = st.lists(st.one_of(st.none(), st.text(max_size=20)), min_size=1, max_size=200)


@settings(max_examples=40, deadline=None)
@given(
    texts=VALUES,
    codec=st.sampled_from(["none", "snappy", "zstd", "gzip"]),
    words=st.booleans(),
    version=st.sampled_from(["1.0", "2.0"]),
)
def test_the_walk_over_pages_counts_what_honest_files_say(texts, codec, words, version):
    table = pa.table(
        {
            "t": pa.array(texts, pa.string()),
            "n": pa.array(range(len(texts))),
            "l": pa.array([[i] * (i % 3) for i in range(len(texts))]),
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out, compression=codec, use_dictionary=words, data_page_version=version, data_page_size=256)
    file = pq.ParquetFile(out)
    headers = unpacked = 0
    for c in range(file.metadata.num_columns):
        column = file.metadata.row_group(0).column(c)
        at = min(o for o in (column.dictionary_page_offset, column.data_page_offset) if o)
        end = at + column.total_compressed_size
        while at < end:
            page = _bombs._page(Path("f"), out, at)
            headers, unpacked = headers + page.header, unpacked + page.unpacked
            at += page.header + page.packed
        assert at == end
    said = sum(file.metadata.row_group(0).column(c).total_uncompressed_size for c in range(file.metadata.num_columns))
    assert headers + unpacked == said
    _bombs.check_parquet(Path("f"), out, file.metadata, file.schema)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_parquet_or_arrow_file_is_one_clear_error(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("p")
    table = pa.table({"t": [f"w{i % 7}" * 9 for i in range(300)], "n": range(300)})
    kind = data.draw(st.sampled_from(["p", "a"]))
    path = folder / ("f.parquet" if kind == "p" else "f.arrow")
    pq.write_table(table, path) if kind == "p" else arrow(path, table, pa.ipc.new_file, "zstd")
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole))
    said = path.name
    try:
        for _ in batches(path):
            pass
    except DataError as e:
        said = str(e)
    assert path.name in said


def test_repeated_values_come_back_whole(tmp_path):
    """Columns that are read as dictionaries for safety are plain strings again, in order, missing ones included."""
    cells = [None if i % 5 == 0 else "abcdefgh"[i % 8] * 40_000 for i in range(500)]
    one_column(tmp_path / "r.parquet", pa.array(cells, pa.string()))
    parts = list(batches(tmp_path / "r.parquet"))
    assert pa.concat_tables(parts).column("t").to_pylist() == cells
    assert {p.schema.field("t").type for p in parts} == {pa.string()}
    assert max(p.nbytes for p in parts) < 80 << 20
