"""Sources behind URLs: row groups where they lie, other formats fetched, and stores that refuse."""

import contextlib
import http.server
import os
import pwd
import tempfile
import threading
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from modelwright.core.errors import DataError, MissingExtra
from modelwright.data import _remote
from modelwright.data.sources import batches, read
from ports_made import nobody

TABLE = pa.table({"x": list(range(100)), "y": [f"r{i}" for i in range(100)]})


@pytest.fixture
def store():
    fs = fsspec.filesystem("memory")
    yield fs
    for place in fs.ls("/", detail=False):
        fs.rm(place, recursive=True)


def put(fs, place, table=TABLE, **options):
    with fs.open(place, "wb") as file:
        pq.write_table(table, file, **options)


def test_parquet_is_read_row_group_by_row_group_where_it_lies(store, monkeypatch):
    put(store, "/b/d.parquet", row_group_size=10)
    monkeypatch.setattr(type(store), "get_file", lambda *_: pytest.fail("fetched whole"))
    parts = list(batches("memory://b/d.parquet", rows=1000))
    assert len(parts) >= 1
    assert pa.concat_tables(parts).equals(TABLE)


def test_patterns_and_folders_are_read_in_the_order_of_their_names(store, tmp_path):
    put(store, "/b/p/1.parquet", TABLE.slice(0, 60))
    put(store, "/b/p/2.parquet", TABLE.slice(60))
    for url in ("memory://b/p", "memory://b/p/*.parquet"):
        assert read(url).equals(TABLE)
    pq.write_table(TABLE, tmp_path / "d.parquet")
    assert read(f"file://{tmp_path}/d.parquet").equals(TABLE)


def test_other_formats_are_fetched_and_their_faults_name_the_url(store):
    with store.open("/b/d.csv", "wb") as file:
        file.write(b"x,y\n1,a\n2,b\n")
    assert read("memory://b/d.csv").to_pydict() == {"x": ["1", "2"], "y": ["a", "b"]}
    with store.open("/b/d.xyz", "wb") as file:
        file.write(b"hello")
    with pytest.raises(DataError, match=r"memory://b/d\.xyz is of a kind that is not read"):
        read("memory://b/d.xyz")


def test_what_is_not_there_damaged_or_refused_is_one_sentence(store, monkeypatch):
    with pytest.raises(DataError, match=r"There is no file at memory://b/no\.parquet"):
        read("memory://b/no.parquet")
    with store.open("/b/bad.parquet", "wb") as file:
        file.write(b"PAR1 and then nothing")
    with pytest.raises(DataError, match=r"memory://b/bad\.parquet is not a complete Parquet file"):
        read("memory://b/bad.parquet")
    put(store, "/b/d.parquet")

    def refuses(*_, **__):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(store), "isfile", refuses)
    with pytest.raises(DataError, match=r"^memory://b/d\.parquet cannot be read \(PermissionError: Access Denied\)\.$"):
        read("memory://b/d.parquet")  # which has no users and no login


def test_parquet_whose_rows_a_store_refuses_is_not_called_damaged(store, monkeypatch):
    put(store, "/b/d.parquet")

    def refuses(*_, **__):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(store), "open", refuses)
    with pytest.raises(DataError, match=r"cannot be read \(PermissionError: Access Denied\)"):
        read("memory://b/d.parquet")


@pytest.mark.parametrize(
    ("scheme", "key"),
    [
        ("s3", "AWS_ACCESS_KEY_ID"),
        ("gs", "GOOGLE_APPLICATION_CREDENTIALS"),
        ("oss", "OSS_ACCESS_KEY_ID"),
        ("hdfs", "HADOOP_USER_NAME"),
    ],
)
def test_refused_credentials_name_the_variable_of_that_store(scheme, key):
    with (
        pytest.raises(DataError, match=f"refuses these credentials .no such key.. .* such as {key}"),
        _remote.told(f"{scheme}://b/d.csv"),
    ):
        raise PermissionError("no such key")


@pytest.mark.parametrize(("status", "said"), [(401, "Unauthorized"), (403, "Forbidden")])
def test_a_server_that_wants_a_login_is_one_sentence(status, said):
    pytest.importorskip("aiohttp")

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(status)

        do_HEAD = do_GET  # noqa: N815 - as the library calls it

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/d.csv"
        with pytest.raises(DataError) as found:
            read(url)
        server.shutdown()
    assert found.value.words.en == (
        f"{url}: the server refuses to hand it out ({status}, message='{said}'). Fetch the file by hand with a login, and name its path."
    )
    assert "登录" in found.value.words.zh


@pytest.fixture
def place():
    """A folder that every user of this machine may enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@contextlib.contextmanager
def no_superuser():
    """Let the block run as a user who may not read what its permissions forbid."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield pwd.getpwuid(os.geteuid()).pw_name
    finally:
        os.seteuid(before)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("d.csv", lambda path: path.write_text("x\n" + "1\n" * 100)),
        ("d.jsonl", lambda path: path.write_text('{"x": 1}\n' * 100)),
        ("d.parquet", lambda path: pq.write_table(TABLE, path)),
        ("d.feather", lambda path: feather.write_feather(TABLE, path)),
    ],
)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_file_of_this_machine_without_permission_says_whose_it_is(place, scheme, name, write):
    path = place / name
    write(path)
    source = f"{scheme}{path}"
    assert read(source).num_rows == 100  # and all modules are imported, which a user without rights might not read
    path.chmod(0)
    with no_superuser() as user, pytest.raises(DataError) as found:
        read(source, by_groups=True)
    owner = path.owner()
    assert found.value.words.en == (
        f"{path} cannot be read: {path} belongs to {owner} and its permissions (----------) do not let {user} read it. "
        f"Ask {owner} for that permission, or run as a user who has it."
    )
    assert f"不允许 {user} 读取" in found.value.words.zh


def test_a_pattern_in_a_folder_that_may_not_be_entered_names_the_folder(place):
    shut = place / "shut"
    shut.mkdir()
    pq.write_table(TABLE, shut / "d.parquet")
    assert read(f"file://{shut}/*.parquet").num_rows == 100
    with pytest.raises(DataError, match="There is no file at"):
        read(f"file://{shut}/*.csv")
    shut.chmod(0)
    with no_superuser() as user, pytest.raises(DataError) as found:
        read(f"file://{shut}/*.parquet")
    assert (
        f"{shut} belongs to {shut.owner()} and its permissions (d---------) do not let {user}" in found.value.words.en
    )


def test_a_folder_that_may_not_be_entered_is_named(place):
    shut = place / "shut"
    shut.mkdir()
    (shut / "d.csv").write_text("x\n1\n")
    assert read(f"file://{shut}/d.csv").num_rows == 1
    shut.chmod(0o600)
    with no_superuser() as user, pytest.raises(DataError) as found:
        read(f"file://{shut}/d.csv")
    assert found.value.words.en.startswith(f"{shut}/d.csv cannot be read: the folder {shut} belongs to {shut.owner()} ")
    assert f"(drw-------) do not let {user} enter it." in found.value.words.en


def test_what_lies_on_this_machine_is_read_as_by_its_path(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match=r"holds a\.csv: name one"):
        read(f"file://{tmp_path}")
    with pytest.raises(DataError, match=r"There is no file .*/b\.csv\. Did you mean a\.csv"):
        read(f"file://{tmp_path}/b.csv")
    assert read(f"file://{tmp_path}/a.csv").num_rows == 1


def test_a_folder_without_parquet_and_a_server_that_is_away_are_told(store, monkeypatch):
    with store.open("/b/d.csv", "wb") as file:
        file.write(b"x\n1\n")
    with pytest.raises(DataError, match=r"memory://b is a folder without Parquet files \(it holds d\.csv\)"):
        read("memory://b")
    pytest.importorskip("aiohttp")
    with nobody() as port, pytest.raises(DataError, match=f"Nobody answers at http://127.0.0.1:{port} "):
        read(f"http://127.0.0.1:{port}/d.csv")


def test_a_url_of_no_store_and_no_database_is_told():
    pytest.importorskip("sqlalchemy")
    with pytest.raises(DataError, match=r"`ftp2://` is neither a store of files .*https.* nor a database"):
        read("ftp2://h/x.csv")
    with pytest.raises(DataError, match=r"Did you mean https://\?"):
        read("htps://h/x.csv")


def test_a_store_whose_library_is_absent_names_the_extra(monkeypatch):
    import fsspec.core

    def absent(*_, **__):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", absent)
    with pytest.raises(MissingExtra, match="s3"):
        read("s3://bucket/d.parquet")


@pytest.mark.parametrize("keeper", ["simplecache", "filecache"])
def test_what_keeps_copies_on_the_way_changes_nothing(tmp_path, keeper):
    (tmp_path / "p").mkdir()
    pq.write_table(TABLE.slice(0, 60), tmp_path / "p" / "1.parquet")
    pq.write_table(TABLE.slice(60), tmp_path / "p" / "2.parquet")
    (tmp_path / "d.csv").write_text("x,y\n1,a\n")
    for name in ("p", "p/*.parquet"):
        assert read(f"{keeper}::file://{tmp_path}/{name}").equals(TABLE)
    assert read(f"{keeper}::file://{tmp_path}/d.csv").to_pydict() == {"x": ["1"], "y": ["a"]}
    with pytest.raises(DataError, match=f"There is no file at {keeper}::file://"):
        read(f"{keeper}::file://{tmp_path}/no.csv")
    assert _remote.extra_of(f"{keeper}::s3://b/d.csv") == "s3"


@pytest.mark.parametrize("url", ["zip://d.csv::file:///x.zip", "nixcache::s3://b/d.csv"])
def test_other_file_systems_on_the_way_are_refused_by_name(url):
    with pytest.raises(DataError, match="filecache, simplecache"):
        read(url)


@contextlib.contextmanager
def served(answer):
    """A server of this process that gives `answer` (of the handler) to every request; yields its address without `http://`."""

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self)

        do_HEAD = do_GET  # noqa: N815 - as the library calls it

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_parquet_of_a_server_that_tells_no_size_is_fetched(tmp_path):
    pytest.importorskip("aiohttp")
    pq.write_table(TABLE, tmp_path / "d.parquet")
    held = (tmp_path / "d.parquet").read_bytes()

    def whole(handler):
        handler.send_response(200)
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(held)

    with served(whole) as address:
        assert read(f"http://{address}/d.parquet").equals(TABLE)


def test_a_server_that_falls_silent_is_told_and_no_password_is(monkeypatch):
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(_remote, "_SILENT", 0.2)
    until = threading.Event()
    with served(lambda _: until.wait(30)) as address:
        with pytest.raises(DataError, match="Nobody answers at") as found:
            read(f"http://me:secret@{address}/d.csv")
        until.set()
    assert "secret" not in str(found.value)
    assert not found.value.words.zh.count("secret")


def test_urls_of_databases_are_none_of_these():
    assert not _remote.is_url("postgresql://u@h/d")
    assert not _remote.is_url("sqlite:///d.db")
    assert _remote.is_url("S3://b/d.parquet")


def test_a_run_reads_a_url(store, tmp_path):
    from modelwright import fit
    from scale_made import rows

    put(store, "/b/reviews.parquet", pa.table(rows(200)))
    done = fit(
        "memory://b/reviews.parquet",
        "label",
        out=tmp_path,
        budget="30s",
        recipes=["linear"],
        folds=1,
        search="none",
        progress=False,
    )
    assert done.folder.name == "reviews"
    assert done.metrics["macro_f1"] > 0.8
