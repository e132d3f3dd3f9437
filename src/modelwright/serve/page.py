"""The page to try the model: a login, then a form made from the schema. Nothing is loaded from elsewhere."""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qs, quote

from fastapi import FastAPI, Request, Response

from modelwright.core.words import Words
from modelwright.serve.guard import COOKIE
from modelwright.serve.keys import SESSION_SECONDS, KeyRing


@cache
def static(name: str) -> str:
    return files("modelwright.serve").joinpath("static", name).read_text(encoding="utf-8")


def page_of(body: str, lang: str, script: str = "", more_style: str = "") -> Response:
    """Return a page whose style and script carry a nonce of their own, so that nothing else can run."""
    from modelwright.evaluate.report.page import style

    nonce = secrets.token_urlsafe(16)
    text = (
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Modelwright</title><link rel="icon" href="data:,">'
        f'<style nonce="{nonce}">{style()}\n{static("page.css")}\n{more_style}</style></head><body>{body}'
        + (f'<script nonce="{nonce}">{script}</script>' if script else "")
        + "</body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "form-action 'self'; img-src 'self' data: blob:; media-src data: blob:; base-uri 'none'; frame-ancestors 'none'"
    )
    return Response(text, 200, {"Content-Security-Policy": policy}, "text/html; charset=utf-8")


def add_face(app: FastAPI, path: str, scripts: Sequence[str], style: str, kind: str = "", more: str = "") -> None:
    """Add the page `path`, an empty body of the class `kind` (else `path`) that scripts fill; without a session it asks for the key.

    `more` are further attributes of the body, as HTML.
    """

    @app.get(f"/{path}", include_in_schema=False)
    async def page(request: Request) -> Response:
        where = lang_of(request, "en")
        if request.scope["key"] is None:
            return login_page(where, wrong=False, then=path)
        body = f'<main class="{kind or path}" id="app" data-lang="{where}"{more}></main>'
        return page_of(body, where, "".join(static(s) for s in scripts), static(style))


def lang_of(request: Request, default: str) -> str:
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "") or default
    return "zh" if asked.lower().startswith("zh") else "en" if asked.lower().startswith("en") else default


def add_page(app: FastAPI, keys: KeyRing, lang: str, secure: bool) -> None:
    """Add `/` and `/login`. Without a session `/` answers 401 with the login form, which tells nothing of the model."""

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        where = lang_of(request, lang)
        if request.scope["key"] is None:
            return login_page(where, wrong=False)
        home = getattr(app.state, "home", None)  # a face's own page; the plain form stays at /?form=1
        if home and "form" not in request.query_params:
            return Response(status_code=303, headers={"Location": f"{home.lstrip('/')}?lang={where}"})
        body = f'<main class="try" id="app" data-lang="{where}"></main>'
        return page_of(
            body,
            where,
            "".join(static(f"{name}.js") for name in ("media", "mask", "table", "code", "made", "page")),
        )

    @app.post("/login", include_in_schema=False)
    async def login(request: Request) -> Response:
        where = lang_of(request, lang)
        fields = parse_qs((await request.body()).decode("utf-8", "replace")[:4096])
        name = keys.who(fields.get("key", [""])[0].strip())
        if name is None:
            return login_page(where, wrong=True, then=request.query_params.get("then", ""))
        then = request.query_params.get("then", "")
        place = (
            then if then.isascii() and then.isalpha() else "./"
        )  # a page of this service, never an address elsewhere
        response = Response(status_code=303, headers={"Location": f"{place}?lang={where}"})
        response.set_cookie(
            COOKIE,
            keys.begin(name),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=secure,
            path=quote(request.scope.get("root_path") or "/"),
        )
        return response


_ROUTES = {
    "/predict": Words(
        'Answers one row, or many as {"rows": [...]}; add "scores": true for every label\'s probability. Rows that cannot be '
        "read are named, the others answered.",
        '回答一行，或用 {"rows": [...]} 一次多行；加 "scores": true 可得到每个标签的概率。无法读取的行会被指出，其余照常回答。',
    ),
    "/explain": Words("What the answer to one row rests on.", "某一行的回答依据什么。"),
    "/search": Words("The documents that answer a query, best first.", "检索与查询最相关的文档，按相关性排序。"),
    "/forecast": Words(
        "What comes next of series, with quantiles: of those that the bundle keeps, of `rows` as in the training table (rows without a "
        "value say what is known ahead), or of a bare `history`.",
        "预测序列的后续值与分位数：可用模型包中保留的序列、与训练数据同样格式的 `rows`（不含数值的行表示未来已知信息），或单独的 `history`。",
    ),
    "/schema": Words("What the model reads and answers.", "模型读什么、答什么。"),
    "/feedback": Words(
        'Takes what is right for an answer by its `id`: `answer`, `thumb` or an `outcome` that became known; many as {"feedback": [...]}.',
        '按回答的 `id` 提交反馈：正确答案 `answer`、赞踩 `thumb`，或后来得知的结果 `outcome`；多条用 {"feedback": [...]}。',
    ),
    "/feedback/summary": Words("What was told of answers, by version.", "各版本收到的反馈统计。"),
    "/metrics": Words("Counters for Prometheus.", "供 Prometheus 采集的计数。"),
    "/jobs": Words(
        "A file of rows (CSV, JSON lines, Parquet), answered by and by; the jobs of this key.",
        "提交一个文件（CSV、JSON lines、Parquet），逐步回答；列出此密钥的任务。",
    ),
    "/jobs/{id}": Words("How far a job is; deletes it.", "查询任务进度；删除任务。"),
    "/jobs/{id}/result": Words("The answers of a job that is done.", "已完成任务的答案。"),
    "/keys": Words(
        "For admins: the keys, without their texts; a new key, whose text is answered once.",
        "仅管理员：列出密钥（不含内容）；新建密钥，其内容只返回一次。",
    ),
    "/keys/{name}": Words("For admins: revokes a key.", "仅管理员：吊销密钥。"),
    "/healthz": Words("Whether the service is alive. Needs no key.", "服务是否存活。无需密钥。"),
    "/readyz": Words("Whether it can answer. Needs no key.", "是否可以回答。无需密钥。"),
}


def add_docs(app: FastAPI, lang: str) -> None:
    """Add `/docs`: the routes with what they take and answer, from the same models as `/openapi.json`."""

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        where = lang_of(request, lang)
        said = app.openapi()
        parts = [f"<h1>{html.escape(said['info']['title'])}</h1>"]
        key = Words("Send the key as the header", "请用以下请求头发送密钥：").to(where)
        parts.append(f'<p>{key} <code>Authorization: Bearer KEY</code>. <a href="openapi.json">openapi.json</a></p>')
        for path, methods in said["paths"].items():
            for method, route in methods.items():
                parts.append(f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>")
                parts.append(f"<p>{html.escape(_ROUTES[path].to(where)) if path in _ROUTES else ''}</p>")
                for title, content in (
                    (Words("Takes", "请求"), route.get("requestBody", {}).get("content")),
                    (Words("Answers", "回答"), route["responses"].get("200", {}).get("content")),
                ):
                    shape = (content or {}).get("application/json", {}).get("schema")
                    if shape:
                        text = html.escape(json.dumps(shape, ensure_ascii=False, indent=2))
                        parts.append(f"<details><summary>{title.to(where)}</summary><pre>{text}</pre></details>")
        return page_of(f"<main>{''.join(parts)}</main>", where)


def login_page(lang: str, *, wrong: bool, then: str = "") -> Response:
    """Return the form that asks for a key; it leads to the page `then`, else to the first one."""
    title = Words("Your key", "您的密钥").to(lang)
    said = (
        Words("This key is not known.", "密钥不正确。").to(lang)
        if wrong
        else Words("It was shown when the service first started.", "首次启动服务时显示过。").to(lang)
    )
    button = Words("Open", "进入").to(lang)
    more = f"&amp;then={then}" if then.isascii() and then.isalpha() else ""
    body = (
        f'<main class="login"><h1>Modelwright</h1><form method="post" action="login?lang={lang}{more}">'
        f'<label for="key">{html.escape(title)}</label><input id="key" name="key" type="password" autocomplete="current-password" required autofocus>'
        f'<p class="{"wrong" if wrong else "hint"}" role="status">{html.escape(said)}</p><button>{html.escape(button)}</button></form></main>'
    )
    response = page_of(body, lang)
    response.status_code = 401
    return response
