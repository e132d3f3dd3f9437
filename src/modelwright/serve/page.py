"""The page to try the model: a login, then a form made from the schema. Nothing is loaded from elsewhere."""

from __future__ import annotations

import html
import secrets
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response

from modelwright.core.words import Words
from modelwright.serve.keys import SESSION_SECONDS, KeyRing

COOKIE = "modelwright_session"


@cache
def _static(name: str) -> str:
    return files("modelwright.serve").joinpath("static", name).read_text(encoding="utf-8")


def _page(body: str, lang: str, script: str = "") -> Response:
    """Return a page whose style and script carry a nonce of their own, so that nothing else can run."""
    from modelwright.evaluate.report import style

    nonce = secrets.token_urlsafe(16)
    text = (
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Modelwright</title>'
        f'<style nonce="{nonce}">{style()}\n{_static("page.css")}</style></head><body>{body}'
        + (f'<script nonce="{nonce}">{script}</script>' if script else "")
        + "</body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "form-action 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    )
    return Response(text, 200, {"Content-Security-Policy": policy}, "text/html; charset=utf-8")


def _lang(request: Request, default: str) -> str:
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "") or default
    return "zh" if asked.lower().startswith("zh") else "en" if asked.lower().startswith("en") else default


def add_page(app: FastAPI, keys: KeyRing, lang: str, secure: bool) -> None:
    """Add `/` and `/login`. Without a session `/` answers 401 with the login form, which tells nothing of the model."""

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        where = _lang(request, lang)
        if keys.session(request.cookies.get(COOKIE)) is None:
            return _login(where, wrong=False)
        body = f'<main class="try" id="app" data-lang="{where}"></main>'
        return _page(body, where, _static("page.js"))

    @app.post("/login", include_in_schema=False)
    async def login(request: Request) -> Response:
        where = _lang(request, lang)
        fields = parse_qs((await request.body()).decode("utf-8", "replace")[:4096])
        name = keys.who(fields.get("key", [""])[0].strip())
        if name is None:
            return _login(where, wrong=True)
        response = Response(status_code=303, headers={"Location": f"/?lang={where}"})
        response.set_cookie(
            COOKIE, keys.begin(name), max_age=SESSION_SECONDS, httponly=True, samesite="strict", secure=secure, path="/"
        )
        return response


def _login(lang: str, *, wrong: bool) -> Response:
    title = Words("Your key", "您的密钥").to(lang)
    said = (
        Words("This key is not known.", "密钥不正确。").to(lang)
        if wrong
        else Words("It was shown when the service first started.", "首次启动服务时显示过。").to(lang)
    )
    button = Words("Open", "进入").to(lang)
    body = (
        f'<main class="login"><h1>Modelwright</h1><form method="post" action="/login?lang={lang}">'
        f'<label for="key">{html.escape(title)}</label><input id="key" name="key" type="password" autocomplete="current-password" required autofocus>'
        f'<p class="{"wrong" if wrong else "hint"}" role="status">{html.escape(said)}</p><button>{html.escape(button)}</button></form></main>'
    )
    response = _page(body, lang)
    response.status_code = 401
    return response
