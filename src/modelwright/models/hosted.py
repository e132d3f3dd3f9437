"""A large model behind an OpenAI-compatible endpoint that the user named: the only connection that leaves this machine.

It is used for data that was declared public, and nothing else calls it. Redirects are not followed, so what is sent goes to
the named host alone; the key comes from MODELWRIGHT_ENDPOINT_KEY and is kept nowhere. Answers are kept by question, so that
none is paid for twice. Legend: N questions.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from modelwright.core.errors import ModelwrightError, OptionError

KEY = "MODELWRIGHT_ENDPOINT_KEY"
_PATH = "/chat/completions"
_TRIES = 5
_MOST = 8 << 20  # bytes of an answer
_AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504))
Message = dict[str, str]


def check_endpoint(url: str) -> str:
    """Return the address that questions are sent to. Raises OptionError for one that is none, or unencrypted and far away."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise OptionError(
            f"--endpoint takes an address such as https://host/v1, received `{url[:80]}`.",
            f"--endpoint 应为 https://主机/v1 形式的地址，收到的是 `{url[:80]}`。",
        )
    if parts.scheme == "http" and not _near(parts.hostname):
        raise OptionError(
            f"{parts.hostname} is not in this network: give its https address, so that key and data travel encrypted.",
            f"{parts.hostname} 不在本地网络：请使用 https 地址，以便密钥和数据加密传输。",
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith(_PATH) else path + _PATH}"


def _near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host


@dataclass
class Spent:
    """What was asked so far: requests, tokens in and out, and their price in the currency of the prices given."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the sums as JSON values."""
        return asdict(self)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Refuses to go where an answer points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass
class Hosted:
    """One model at one endpoint. `price_in` and `price_out` are per million tokens; `kept` holds answers by question."""

    url: str
    model: str
    price_in: float = 0.0
    price_out: float = 0.0
    at_once: int = 8
    seconds: float = 60.0  # for one request
    kept: dict[str, str] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    pause: float = 1.0  # seconds before the second try; doubled for each further one
    _form: int = 0  # how answers are held to JSON: by schema, as any JSON, not at all
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._address = check_endpoint(self.url)
        host = urlsplit(self._address).hostname or ""
        handlers: list[Any] = [_Stay()] + ([urllib.request.ProxyHandler({})] if _near(host) else [])
        self._opener = urllib.request.build_opener(*handlers)

    def ask(
        self, chats: Sequence[Sequence[Message]], *, schema: dict[str, Any] | None = None, most: int = 64,
        temperature: float = 0.0, round_: int = 0, keep: bool = True, expired: Callable[[], bool] = lambda: False,
    ) -> list[str]:  # fmt: skip
        """Return the answers to chats [N], several at once; those known from before are not asked again.

        `schema` is what an answer should be as JSON, `most` its tokens, `round_` tells repeats of a question apart. Raises
        ModelwrightError where the endpoint does not answer, or `expired()` comes true before all are there.
        """
        keys = [self._key(c, schema, most, temperature, round_) for c in chats]
        wanted = {k: c for k, c in zip(keys, chats, strict=True) if not keep or k not in self.kept}
        fresh: dict[str, str] = {}

        def one(item: tuple[str, Sequence[Message]]) -> None:
            if expired():
                raise ModelwrightError("time ran out while the endpoint was asked", "等待大模型接口回答时时间已用尽")
            fresh[item[0]] = self._ask(item[1], schema, most, temperature)

        if wanted:
            with ThreadPoolExecutor(max(1, self.at_once)) as pool:
                futures = [pool.submit(one, item) for item in wanted.items()]
                try:
                    for future in futures:
                        future.result()
                finally:
                    for future in futures:
                        future.cancel()
                    if keep:
                        self.kept.update(fresh)
        return [fresh[k] if k in fresh else self.kept[k] for k in keys]

    def _key(self, chat: Sequence[Message], *rest: Any) -> str:
        whole = json.dumps([self._address, self.model, list(chat), *rest], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()

    def _ask(self, chat: Sequence[Message], schema: dict[str, Any] | None, most: int, temperature: float) -> str:
        while True:
            form = self._form if schema is not None else 2
            body: dict[str, Any] = {
                "model": self.model,
                "messages": list(chat),
                "max_tokens": most,
                "temperature": temperature,
            }
            if form == 0:
                named = {"name": "answer", "strict": True, "schema": schema}
                body["response_format"] = {"type": "json_schema", "json_schema": named}
            elif form == 1:
                body["response_format"] = {"type": "json_object"}
            try:
                return self._take_reply(self._send(body))
            except _Unfit:
                # an endpoint that does not know this way of asking for JSON is asked in a plainer one
                with self._lock:
                    self._form = max(self._form, form + 1)

    def _send(self, body: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "modelwright"}
        if os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {os.environ[KEY]}"
        why, wait = "", self.pause
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(min(30.0, wait))
                wait *= 2
            request = urllib.request.Request(self._address, data, headers, method="POST")  # noqa: S310 (checked above)
            try:
                with self._opener.open(request, timeout=self.seconds) as reply:
                    found = json.loads(reply.read(_MOST))
                    if isinstance(found, dict):
                        return found
                    why = "no object"
            except urllib.error.HTTPError as e:
                with e:
                    said = e.read(2000).decode("utf-8", "replace")
                if e.code == 400 and "response_format" in body and "format" in said:
                    raise _Unfit from e
                if e.code not in _AGAIN:
                    raise self._refused(e.code) from e
                why = f"HTTP {e.code}"
                after = e.headers.get("Retry-After", "")
                wait = float(after) if after.isdigit() else wait
            except (OSError, ValueError) as e:
                why = type(e).__name__
        raise ModelwrightError(
            f"the endpoint {self.host} gave no answer after {_TRIES} tries ({why})",
            f"接口 {self.host} 在 {_TRIES} 次尝试后仍无回答（{why}）",
        )

    def _refused(self, code: int) -> OptionError:
        hint = f" Set the key in {KEY}." if code in (401, 403) else " Check --endpoint and --endpoint-model."
        hint_zh = f" 请在 {KEY} 中设置密钥。" if code in (401, 403) else " 请检查 --endpoint 与 --endpoint-model。"
        return OptionError(
            f"the endpoint {self.host} refused the request (HTTP {code}).{hint}",
            f"接口 {self.host} 拒绝了请求（HTTP {code}）。{hint_zh}",
        )

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self._address).netloc

    def _take_reply(self, reply: dict[str, Any]) -> str:
        used = reply.get("usage") or {}
        try:
            text = reply["choices"][0]["message"].get("content") or ""
            tokens = int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as e:
            raise ModelwrightError(
                f"the endpoint {self.host} does not answer as an OpenAI-compatible one does",
                f"接口 {self.host} 的回答不符合 OpenAI 兼容格式",
            ) from e
        with self._lock:
            self.spent.requests += 1
            self.spent.tokens_in += tokens[0]
            self.spent.tokens_out += tokens[1]
            self.spent.cost += (tokens[0] * self.price_in + tokens[1] * self.price_out) / 1e6
        return str(text)

    def state(self) -> dict[str, Any]:
        """Return what a bundle records: the endpoint and the model, never the key or answers."""
        return {"url": self.url, "model": self.model, "price_in": self.price_in, "price_out": self.price_out}


class _Unfit(Exception):
    """The endpoint does not know a way of asking for JSON."""
