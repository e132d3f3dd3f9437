"""Which pages of other origins may ask (CORS), and which requests a foreign page made in a user's name (CSRF).

A browser adds the session's cookie to requests that any page makes, and does not tell ports of one machine apart; so what
a cookie opens must come from this service's own page. A key in a header is no such thing: no page can send it unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from modelwright.core.errors import OptionError
from modelwright.core.words import Words
from modelwright.serve.limits import Refused

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HEADERS = "Authorization, X-API-Key, Content-Type, Accept-Language"
_METHODS = "GET, POST, DELETE"
_SECONDS = "600"  # for which a browser remembers a preflight
SOURCE_OPTIONS = frozenset({"GET", "HEAD", "OPTIONS"})


def parse_origins(given: Iterable[str]) -> frozenset[str]:
    """Return origins as browsers write them. Raises OptionError for `*`, paths, and what is no origin."""
    out = set()
    for text in given:
        origin = text.strip().lower().rstrip("/")
        if not _ORIGIN.fullmatch(origin):
            raise OptionError(
                f"--allow-origin takes an origin such as https://app.example.com, received `{text[:80]}`.",
                f"--allow-origin 应为来源地址，如 https://app.example.com，收到 `{text[:80]}`。",
            )
        out.add(_without_default_port(origin))
    return frozenset(out)


def _without_default_port(origin: str) -> str:
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition(":")[0], ""))


def answered_preflight(method: str, headers: Mapping[str, str], allowed: frozenset[str]) -> dict[str, str] | None:
    """Return the headers that answer a browser's question whether a page may ask; {} where it may not, None where it is none."""
    if method != "OPTIONS" or "origin" not in headers or "access-control-request-method" not in headers:
        return None
    told = shared(headers, allowed)
    if told:
        told |= {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _HEADERS,
            "Access-Control-Max-Age": _SECONDS,
        }
    return told


def shared(headers: Mapping[str, str], allowed: frozenset[str]) -> dict[str, str]:
    """Return the headers that let the page of a named origin read an answer; {} for any other."""
    origin = headers.get("origin", "")
    if not allowed or _without_default_port(origin.lower()) not in allowed:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After", "Vary": "Origin"}


def check_own_page(method: str, scheme: str, headers: Mapping[str, str]) -> None:
    """Refuse a request that changes something and that a page of another origin made with this service's cookie.

    Raises Refused 403.
    """
    if method in SOURCE_OPTIONS:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    own = _without_default_port(f"{scheme}://{headers.get('host', '')}".lower())
    # behind a proxy that does TLS without saying so, the page's scheme is not the one that is seen here
    also = _without_default_port(f"https://{headers.get('host', '')}".lower())
    if (site is not None and site not in ("same-origin", "none")) or (
        origin is not None and _without_default_port(origin.lower()) not in (own, also)
    ):
        en = "Only this service's own page may do that with its cookie; programs send the key as a header."
        raise Refused(
            403, "origin", Words(en, "只有本服务自己的页面可以凭 Cookie 执行该操作；程序请用请求头发送密钥。")
        )
