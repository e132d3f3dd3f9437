"""The table of wrong and odd inputs: what is given, and how it must be answered.

`code` is the exit code; 0 means that the oddity is handled and a model comes out. `says` are words that must stand in
the message (standard error). `files` maps a file name to its bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass, field

WORDS = ["good", "bad", "fine", "awful", "nice", "poor"]


def table(rows: int = 40, *, label: str = "{0}", head: str = "text,size,label", extra: str = "") -> bytes:
    """Return a small CSV that can be learnt."""
    lines = [head]
    for i in range(rows):
        side = i % 2
        lines.append(
            f"{WORDS[side + 2 * (i % 3)]} item {i},{side * 10 + i % 3},{label.format('yes' if side else 'no')}{extra}"
        )
    return ("\n".join(lines) + "\n").encode()


def rows(values: list[list[str]], head: str) -> bytes:
    """Return a CSV of given cells."""
    return ("\n".join([head] + [",".join(r) for r in values]) + "\n").encode()


@dataclass
class Case:
    """One input and its answer."""

    id: str
    files: dict[str, bytes]
    args: list[str]
    code: int
    says: list[str] = field(default_factory=list)
    slow: bool = False


def dates(form: str) -> bytes:
    """Return a table whose date column is written one way; the label follows the month."""
    out = []
    for i in range(40):
        month, day = i % 12 + 1, i % 28 + 1
        out.append(
            [form.format(y=2024, m=month, d=day, mm=f"{month:02d}", dd=f"{day:02d}"), "late" if month > 6 else "early"]
        )
    return rows(out, "day,label")


def _xlsx() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    for line in table().decode().strip().split("\n"):
        sheet.append(line.split(","))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a.csv", table())
    return out.getvalue()


def _picture(shade: int, size: int = 12) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (size, size), (shade, 40, 255 - shade)).save(out, "PNG")
    return out.getvalue()


def _huge_picture() -> bytes:
    """Return a PNG of a few hundred bytes that claims 50,000 x 50,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def pictures(count: int = 40, **more: bytes) -> dict[str, bytes]:
    """Return a folder of class folders, with further files by name (`__` for `/`)."""
    files = {f"d/{('red', 'blue')[i % 2]}/{i}.png": _picture((220, 20)[i % 2] + i % 10) for i in range(count)}
    return files | {f"d/{name.replace('__', '/')}.png": data for name, data in more.items()}


def _zip_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()


def _jsonl(*bad: int) -> bytes:
    lines = [json.dumps({"text": f"{WORDS[i % 2]} {i}", "label": ["no", "yes"][i % 2]}) for i in range(40)]
    for i in bad:
        lines[i] = '{"text": "unclosed'
    return "\n".join(lines).encode()


def _sealed(data: bytes) -> bytes:
    from modelwright.core.encrypted_files import SealWriter
    from modelwright.core.keyref import Key

    out = io.BytesIO()
    with SealWriter(out, Key.new()) as writer:
        writer.write(data)
    return out.getvalue()


D = ["--target", "label"]
RUN = ["run", "d.csv", *D]
CHINESE = table(60).decode().replace("good", "很好").replace("bad", "很差").replace("item", "商品")

CASES = [
    # the file itself
    Case("absent file", {"data.csv": table()}, ["run", "dta.csv", *D], 2, ["dta.csv", "data.csv"]),
    Case("empty file", {"d.csv": b""}, RUN, 2, ["d.csv", "empty"]),
    Case("only white space", {"d.csv": b" \n \n\n"}, RUN, 2, ["d.csv"]),
    Case("only a header", {"d.csv": b"text,size,label\n"}, RUN, 2, ["d.csv"]),
    Case("one row", {"d.csv": table(1)}, RUN, 2, []),
    Case("two rows", {"d.csv": table(2)}, RUN, 2, []),
    Case("binary", {"d.csv": bytes(range(256)) * 40}, RUN, 2, ["d.csv"]),
    Case("png named csv", {"d.csv": b"\x89PNG\r\n\x1a\n" + bytes(200)}, RUN, 2, ["d.csv"]),
    Case("zip of csv", {"d.zip": _zip()}, ["run", "d.zip", *D], 0),
    Case(
        "a web page",
        {"d.html": b"<table><tr><td>1</td></tr></table>"},
        ["run", "d.html", *D],
        2,
        ["d.html is a web page", "pandas.read_html"],
    ),
    Case(
        "series of a forecast by another option",
        {"d.csv": rows([[str(i % 2), f"2026-01-{i + 1:02}", str(i)] for i in range(28)], "shop,day,label")},
        ["run", "d.csv", *D, "--task", "time-series-forecasting", "--series-id", "shop", "--time", "day"],
        2,
        ["named by --key"],
    ),
    Case("unknown ending", {"d.xyz": b"\x00\x01\x02"}, ["run", "d.xyz", *D], 2, ["d.xyz"]),
    Case("a folder", {"sub/d.csv": table()}, ["run", "sub", *D], 2, ["sub"]),
    Case("broken gzip", {"d.csv.gz": gzip.compress(table())[:40]}, ["run", "d.csv.gz", *D], 2, ["d.csv.gz"]),
    Case(
        "gzip bomb",
        {"d.csv.gz": gzip.compress(b"a,label\n" + b"0" * (120 << 20))},
        ["run", "d.csv.gz", *D],
        2,
        ["d.csv.gz"],
    ),
    Case("not parquet", {"d.parquet": b"PAR1 no"}, ["run", "d.parquet", *D], 2, ["d.parquet"]),
    Case("not excel", {"d.xlsx": b"PK no"}, ["run", "d.xlsx", *D], 2, ["d.xlsx"]),
    Case(
        "a broken json line",
        {"d.jsonl": _jsonl(7)},
        ["run", "d.jsonl", *D],
        0,
        ["d.jsonl: 1 row left out", "line 8: not valid JSON"],
    ),
    Case(
        "broken json lines",
        {"d.jsonl": _jsonl(7, 8, 30)},
        ["run", "d.jsonl", *D],
        2,
        ["3 of 40 rows", "line 8: not valid"],
    ),
    Case("excel sheet absent", {"d.xlsx": _xlsx()}, ["run", "d.xlsx", *D, "--sheet", "Nope"], 2, ["Nope"]),
    Case("database absent", {}, ["run", "sqlite:///no.db", "--table", "t", *D], 2, []),
    Case("url of an unknown kind", {}, ["run", "nosql://x/y", "--table", "t", *D], 2, []),
    Case("neither utf-8 nor gb18030", {"d.csv": table() + b"\xff\xff\x80 x,1,yes\n"}, RUN, 2, ["d.csv"]),
    # pictures
    Case("pictures", pictures(), ["run", "d", *D], 0),
    Case(
        "pictures, some broken",
        pictures(40, red__cut=_picture(220)[:60], red__none=b"", blue__text=b"no picture", blue__huge=_huge_picture()),
        ["run", "d", *D],
        0,
        ["cannot be read"],
    ),
    Case(
        "pictures, all broken",
        {f"d/{'ab'[i % 2]}/{i}.png": b"x" for i in range(30)},
        ["run", "d", *D],
        2,
        ["30 values of `image`", "no row is left"],
    ),
    Case(
        "pictures in no class folders", {"d/a.png": _picture(9), "d/b.png": _picture(8)}, ["run", "d", *D], 2, ["class"]
    ),
    Case("pictures in a zip", {"p.zip": _zip_of(pictures())}, ["run", "p.zip", *D], 0),
    Case("half a zip", {"p.zip": _zip_of(pictures())[:900]}, ["run", "p.zip", *D], 2, ["zip"]),
    Case("zip bomb", {"p.zip": _zip_of({"a/b.png": bytes(80 << 20)})}, ["run", "p.zip", *D], 2, ["unpacks"]),
    Case(
        "a column of paths that do not exist",
        {"d.csv": rows([[f"photos/{i}.jpg", "yn"[i % 2]] for i in range(40)], "photo,label")},
        RUN,
        2,
        ["40 values of `photo`", "no file photos/0.jpg"],
    ),
    # rows and columns
    Case("ragged everywhere", {"d.csv": b"a,b,label\n" + b"1\n1,2,3,4,5\n" * 30}, RUN, 2, ["d.csv"]),
    Case("a few ragged rows", {"d.csv": table(80) + b"only one cell\n"}, RUN, 0),
    Case(
        "10,000 columns",
        {
            "d.csv": (",".join([f"c{i}" for i in range(10_000)]) + ",label\n").encode()
            + b"".join((",".join(["1", str(k * 5 % 7)] * 5000) + f",{'yn'[k % 2]}\n").encode() for k in range(30))
        },
        RUN,
        0,
        slow=True,
    ),
    Case("duplicate column names", {"d.csv": table(head="text,text,label")}, RUN, 0),
    Case("empty column name", {"d.csv": table(head="text,,label")}, RUN, 0),
    Case("huge cell", {"d.csv": table() + b"x" * (40 << 20) + b",1,yes\n"}, RUN, 2, ["d.csv"]),
    Case("NUL bytes", {"d.csv": table().replace(b"item", b"it\x00em")}, RUN, 2, ["d.csv"]),
    Case("unclosed quote", {"d.csv": table(30) + b'"never closed,1,yes\n' + table(30, head="x,1,no")}, RUN, 0),
    Case("windows line ends", {"d.csv": table().replace(b"\n", b"\r\n")}, RUN, 0),
    Case("semicolons", {"d.csv": table().replace(b",", b";")}, RUN, 0),
    Case(
        "no header, told so",
        {"d.csv": table().split(b"\n", 1)[1]},
        ["run", "d.csv", "--no-header", "--target", "column_3"],
        0,
    ),
    Case("blank lines between", {"d.csv": table().replace(b"\n", b"\n\n")}, RUN, 0),
    # encodings
    Case("utf-8 with bom", {"d.csv": b"\xef\xbb\xbf" + CHINESE.encode()}, RUN, 0),
    Case("gb18030", {"d.csv": CHINESE.encode("gb18030")}, RUN, 0),
    Case("utf-16", {"d.csv": CHINESE.encode("utf-16")}, RUN, 0),
    Case("emoji", {"d.csv": table().decode().replace("good", "😀👍🏽").encode()}, RUN, 0),
    Case(
        "full-width digits",
        {"d.csv": "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in table().decode()).encode()},
        RUN,
        0,
    ),
    # the target
    Case("target not said", {"d.csv": table()}, ["run", "d.csv"], 2, ["--target"]),
    Case("target absent", {"d.csv": table()}, ["run", "d.csv", "--target", "lable"], 2, ["lable", "label"]),
    Case("target in other case", {"d.csv": table()}, ["run", "d.csv", "--target", "LABEL"], 2, ["label"]),
    Case("target constant", {"d.csv": table(label="same")}, RUN, 2, []),
    Case("target all missing", {"d.csv": rows([[f"w{i}", ""] for i in range(40)], "text,label")}, RUN, 2, []),
    Case("target a number and nothing else", {"d.csv": rows([[str(i)] for i in range(40)], "label")}, RUN, 2, []),
    Case(
        "every label different",
        {"d.csv": rows([[f"w{i % 4}", f"unique label {i}"] for i in range(60)], "text,label")},
        RUN,
        2,
        [],
    ),
    Case("one class with one row", {"d.csv": table(60) + b"odd item,5,maybe\n"}, RUN, 0),
    Case("target with some missing", {"d.csv": table(60) + b"no answer,5,\n" * 5}, RUN, 0),
    Case(
        "nan and inf in a number", {"d.csv": table(60) + b"good thing,inf,yes\nbad thing,nan,no\nbad,-inf,no\n"}, RUN, 0
    ),
    Case("regression target with words", {"d.csv": table()}, [*RUN, "--task", "regression"], 2, ["regression"]),
    # the inputs
    Case("all inputs missing", {"d.csv": rows([["", "yn"[i % 2]] for i in range(40)], "text,label")}, RUN, 2, []),
    Case("all inputs constant", {"d.csv": rows([["x", "yn"[i % 2]] for i in range(40)], "text,label")}, RUN, 2, []),
    Case(
        "only an identifier",
        {"d.csv": rows([[f"id-{i:06d}-{i * 7919 % 1000}", "yn"[i % 2]] for i in range(60)], "user_id,label")},
        RUN,
        2,
        [],
    ),
    Case(
        "mixed types in a column",
        {"d.csv": rows([[str(i) if i % 5 else "unknown", "yn"[i % 2]] for i in range(60)], "v,label")},
        RUN,
        0,
    ),
    Case("dates iso", {"d.csv": dates("{y}-{mm}-{dd}")}, RUN, 0),
    Case("dates day first", {"d.csv": dates("{dd}/{mm}/{y}")}, RUN, 0),
    Case("dates month first", {"d.csv": dates("{mm}/{dd}/{y}")}, RUN, 0),
    Case("dates in chinese", {"d.csv": dates("{y}年{m}月{d}日")}, RUN, 0),
    Case("dates with time", {"d.csv": dates("{y}-{mm}-{dd} 10:30:00")}, RUN, 0),
    # options
    Case("unknown verb", {}, ["trian"], 2, ["trian"]),
    Case("unknown option", {"d.csv": table()}, [*RUN, "--buget", "5m"], 2, ["--budget"]),
    Case("budget no duration", {"d.csv": table()}, [*RUN, "--budget", "soon"], 2, ["soon", "5m"]),
    Case("budget negative", {"d.csv": table()}, [*RUN, "--budget=-5m"], 2, ["-5m"]),
    Case("budget too small", {"d.csv": table()}, [*RUN, "--budget", "1ms"], 4, ["--budget"]),
    Case("memory no size", {"d.csv": table()}, [*RUN, "--memory", "lots"], 2, ["lots", "4g"]),
    Case("unknown metric", {"d.csv": table()}, [*RUN, "--metric", "acuracy"], 2, ["accuracy"]),
    Case("unknown task", {"d.csv": table()}, [*RUN, "--task", "clasification"], 2, ["classification"]),
    Case(
        "recipe by its library's name",
        {"d.csv": table()},
        [*RUN, "--recipe", "xgboost"],
        2,
        ["`trees`, boosted trees", "--recipe trees"],
    ),
    Case(
        "recipe of another task",
        {"d.csv": table()},
        [*RUN, "--recipe", "ease"],
        2,
        ["is for recommendation", "`linear`"],
    ),
    Case("recipe like none", {"d.csv": table()}, [*RUN, "--recipe", "knn"], 2, ["There is no recipe `knn`. Known"]),
    Case("unknown recipe", {"d.csv": table()}, [*RUN, "--recipe", "liner"], 2, ["linear"]),
    Case("unknown search", {"d.csv": table()}, [*RUN, "--search", "magic"], 2, ["magic"]),
    Case("unreadable gate", {"d.csv": table()}, [*RUN, "--gate", "macro_f1 is good"], 2, ["macro_f1>=0.9"]),
    Case("gate of an unknown label", {"d.csv": table()}, [*RUN, "--gate", "recall[maybe]>=0.8"], 2, ["maybe", "yes"]),
    Case("gate the wrong way round", {"d.csv": table()}, [*RUN, "--gate", "macro_f1<=0.8"], 2, [">="]),
    Case(
        "gate not met",
        {"d.csv": rows([[str(i * 7 % 11), "yn"[i * i % 3 % 2]] for i in range(60)], "v,label")},
        [*RUN, "--gate", "macro_f1>=0.999"],
        3,
    ),
    Case("column of an unknown modality", {"d.csv": table()}, [*RUN, "--column", "size=nubmer"], 2, ["number"]),
    Case("column absent", {"d.csv": table()}, [*RUN, "--column", "sise=number"], 2, ["size"]),
    Case("column option malformed", {"d.csv": table()}, [*RUN, "--column", "size"], 2, ["NAME=MODALITY"]),
    Case("group column absent", {"d.csv": table()}, [*RUN, "--group", "shop"], 2, ["shop"]),
    Case("one group only", {"d.csv": table(extra=",a", head="text,size,label,shop")}, [*RUN, "--group", "shop"], 2, []),
    Case("folds 0", {"d.csv": table()}, [*RUN, "--folds", "0"], 2, ["0"]),
    Case("more folds than rows", {"d.csv": table(20)}, [*RUN, "--folds", "50"], 2, ["50"]),
    Case("test fraction of 2", {"d.csv": table()}, [*RUN, "--test-fraction", "2"], 2, ["test_fraction"]),
    Case(
        "device absent",
        {"d.csv": table()},
        [*RUN, "--device", "abacus", "--recipe", "textcnn", "--recipe", "constant"],
        2,
        ["abacus"],
    ),
    Case("config absent", {"d.csv": table()}, [*RUN, "--config", "no.yaml"], 2, ["no.yaml"]),
    Case(
        "config with an unknown option",
        {"d.csv": table(), "c.yaml": b"budgett: 5m\n"},
        [*RUN, "--config", "c.yaml"],
        2,
        ["budget"],
    ),
    Case("resume of no run", {"d.csv": table()}, [*RUN, "--resume", "nothing"], 2, ["nothing"]),
    # privacy
    Case("vault key absent", {"d.csv": table()}, [*RUN, "--vault", "no.key"], 2, ["no.key", "vault init"]),
    Case("vault key that is none", {"d.csv": table(), "k": b"hello"}, [*RUN, "--vault", "k"], 2, ["k"]),
    Case("encrypted, without a key", {"d.csv.mwv": _sealed(table())}, ["run", "d.csv.mwv", *D], 2, ["--vault"]),
    Case("encrypted, half of it", {"d.csv.mwv": _sealed(table())[:900]}, ["inspect", "d.csv.mwv"], 2, ["cut"]),
    Case(
        "consent without a purpose",
        {"d.csv": table()},
        [*RUN, "--consent", "c.csv", "--subject", "text"],
        2,
        ["--purpose"],
    ),
    Case(
        "consents absent",
        {"d.csv": table()},
        [*RUN, "--consent", "c.csv", "--subject", "text", "--purpose", "x"],
        2,
        ["c.csv"],
    ),
    Case(
        "nobody agreed",
        {"d.csv": table(), "c.csv": b"subject,purpose\nsomeone,x\n"},
        [*RUN, "--consent", "c.csv", "--subject", "text", "--purpose", "x"],
        2,
        ["40 without consent"],
    ),
    Case("subject column absent", {"d.csv": table()}, [*RUN, "--subject", "usr"], 2, ["usr", "text"]),
    Case("retention without a date", {"d.csv": table()}, [*RUN, "--retain", "90d"], 2, ["--time"]),
    Case("retention no duration", {"d.csv": table()}, [*RUN, "--retain", "size:long"], 2, ["long"]),
    Case("notice of no run", {}, ["notice", "nothing"], 2, ["nothing"]),
    Case("keys of no run", {}, ["keys", "list", "nothing"], 2, ["nothing"]),
    Case("no ledger", {}, ["audit", "verify", "--ledger", "no.jsonl"], 2, ["no.jsonl"]),
    Case("unknown verb of a group", {}, ["vault", "encypt"], 2, ["encypt"]),
    # the official test file
    Case("test file absent", {"d.csv": table()}, [*RUN, "--test", "t.csv"], 2, ["t.csv"]),
    Case(
        "test file without target",
        {"d.csv": table(), "t.csv": rows([["good", "1"]], "text,size")},
        [*RUN, "--test", "t.csv"],
        2,
        ["label"],
    ),
    Case(
        "test labels never seen",
        {"d.csv": table(60), "t.csv": table(20, label="new {0}")},
        [*RUN, "--test", "t.csv"],
        2,
        [],
    ),
    # after a run
    Case("predict with no run", {"d.csv": table()}, ["predict", "nothing", "d.csv"], 2, ["nothing"]),
    Case("serve with no run", {}, ["serve", "nothing"], 2, ["nothing"]),
    Case("report with no run", {}, ["report", "nothing"], 2, ["nothing"]),
    Case("unknown sample", {}, ["sample", "ticket"], 2, ["tickets"]),
    Case("inspect absent", {}, ["inspect", "no.csv"], 2, ["no.csv"]),
]
