"""What the supervisor answers itself while no worker is there: alive, and not ready."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket

from modelwright.core.words import Words

_SECONDS = 5.0
_LONGEST = 64 << 10
_AWAY = Words("The model is being loaded; ask again in a moment.", "模型正在加载；请稍后重试。")


async def answer_away(connection: socket.socket) -> None:
    """Answer one request: 200 for /healthz, 503 with a time to retry for everything else; then end the connection."""
    with contextlib.suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
        reader, writer = await asyncio.open_connection(sock=connection, limit=_LONGEST)
        try:
            async with asyncio.timeout(_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(head))
                await writer.drain()
                writer.write_eof()
                while await reader.read(_LONGEST):  # a body that is not read would tear the answer away
                    pass
        finally:
            writer.close()


def _answer(head: bytes) -> bytes:
    words = head.split(b"\r\n", 1)[0].split()
    path = words[1].split(b"?")[0] if len(words) > 1 else b""
    if path == b"/healthz":
        status, body = "200 OK", json.dumps({"alive": True}).encode()
    elif path == b"/readyz":
        status, body = "503 Service Unavailable", json.dumps({"ready": False}).encode()
    else:
        zh = b"accept-language: zh" in head.lower()
        error = {"code": "loading", "message": _AWAY.to("zh" if zh else "en"), "message_zh": _AWAY.zh}
        body = json.dumps({"error": error}, ensure_ascii=False).encode()
        status = "503 Service Unavailable"
    fields = {
        "Content-Type": "application/json",
        "Content-Length": len(body),
        "Connection": "close",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        **({"Retry-After": 1} if not status.startswith("200") else {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body
