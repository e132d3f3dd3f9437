"""The routes of jobs: `POST /jobs` takes a file of rows, `GET /jobs/ID` says how far it is, `GET /jobs/ID/result` streams the answers."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from modelwright.core.errors import MissingExtra, RegistryAway
from modelwright.core.utc import utc
from modelwright.core.words import Words
from modelwright.serve.guard import answer_json
from modelwright.serve.limits import Refused, scores_asked

ROLES = {"/jobs": "predictor", "/jobs/{id}": "predictor", "/jobs/{id}/result": "predictor"}
_KINDS = {
    "text/csv": "csv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/vnd.apache.parquet": "parquet",
}
_SAID = {form: kind for kind, form in reversed(_KINDS.items())}
_ID = re.compile(r"[0-9a-f]{32}")


def add(app: FastAPI, service: Any) -> None:
    """Add the routes of a service that has a place to keep jobs in."""
    if service.home is None:
        return
    from modelwright.serve.jobs.lazy import Jobs

    jobs = Jobs(service)
    app.state.at_end = [*getattr(app.state, "at_end", ()), jobs.stop]
    app.state.at_start = [*getattr(app.state, "at_start", ()), jobs.start]
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _KINDS}
    state = {"content": {"application/json": {"schema": {"type": "object"}}}}
    said: dict[int | str, dict[str, Any]] = {202: state, 404: {"description": "no such job of this key"}}

    @app.post(
        "/jobs", status_code=202, responses=said, openapi_extra={"requestBody": {"required": True, "content": content}}
    )
    async def make(request: Request) -> Response:
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind not in _KINDS:
            en = f"Expected a file as the body, with its Content-Type: {', '.join(_KINDS)}."
            raise Refused(415, "kind", Words(en, f"请求体应为文件，Content-Type 应为：{'、'.join(_KINDS)}。"))
        scores = scores_asked(request.query_params)
        return answer_json(_job_json(await _take_body(jobs, request, _KINDS[kind], scores)), 202)

    @app.get("/jobs", responses=said)
    async def mine(request: Request) -> Response:
        found = await _beside_loop(lambda: jobs.runner.store.of_key(request.scope["key"].name)) if jobs.any else []
        return answer_json({"jobs": [_job_json(job) for job in found]})

    @app.get("/jobs/{id}", responses=said)
    async def one(request: Request, id: str) -> Response:
        return answer_json(_job_json(await _job_of(jobs, request, id)))

    @app.delete("/jobs/{id}", responses=said)
    async def cancel(request: Request, id: str) -> Response:
        job = await _job_of(jobs, request, id)
        await _beside_loop(lambda: jobs.remove(job["id"]))
        return answer_json({"id": job["id"], "deleted": True})

    @app.get("/jobs/{id}/result", responses=said)
    async def result(request: Request, id: str) -> Response:
        from modelwright.serve.jobs import files

        job = await _job_of(jobs, request, id)
        form = request.query_params.get("format") or job["form"]
        if form not in files.FORMS:
            words = Words(f"`format` is one of {', '.join(files.FORMS)}.", f"`format` 应为 {'、'.join(files.FORMS)}。")
            raise Refused(422, "format", words)
        if job["state"] != "done":
            words = Words("This job is not done; ask for its state.", "任务尚未完成；请查询其状态。")
            if job["state"] == "failed":
                words = Words(*job["error"])
            raise Refused(409, job["state"], words, retry=2 if job["state"] != "failed" else None)
        write = {"csv": files.as_csv, "jsonl": files.as_jsonl, "parquet": files.as_parquet}[form]
        return StreamingResponse(write(files.answers(jobs.folder / job["id"])), media_type=_SAID[form])


async def _take_body(jobs: Any, request: Request, form: str, scores: bool) -> dict[str, Any]:
    """Write the body to the disk as it comes, and keep the job once all of it is there."""
    from modelwright.serve.jobs import files
    from modelwright.serve.jobs.store import new_id

    key, id_ = request.scope["key"], new_id()
    folder = jobs.folder / id_
    try:
        with files.Written(files.sent(folder, form)) as file:
            async for part in request.stream():
                await asyncio.to_thread(file.write, part)
            if not file.size:
                raise Refused(422, "empty", Words("The file is empty.", "文件为空。"))
            await asyncio.to_thread(file.done)
            size = file.size
        await _beside_loop(lambda: jobs.add(key, form, size, scores, id_))
    except BaseException as e:
        files.remove(folder)
        if isinstance(e, OSError):
            words = Words("The disk of the service is full; try again later.", "服务的磁盘已满；请稍后再试。")
            raise Refused(503, "disk", words, retry=30) from e
        raise
    return await _job_of(jobs, request, id_)


async def _job_of(jobs: Any, request: Request, id_: str) -> dict[str, Any]:
    found = None
    if _ID.fullmatch(id_) and jobs.any:
        found = await _beside_loop(lambda: jobs.runner.store.get(id_, request.scope["key"].name))
    if found is None:
        raise Refused(404, "job", Words("This key has no such job.", "此密钥没有这个任务。"))
    return dict(found)


async def _beside_loop(work: Any) -> Any:
    """Ask the database, beside the event loop. Raises Refused 503 where it cannot be reached, 501 without its library."""
    try:
        return await asyncio.to_thread(work)
    except RegistryAway as e:
        raise Refused(503, "database", e.words, retry=5) from e
    except MissingExtra as e:
        raise Refused(501, "extra", e.words) from e


def _job_json(job: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of a job."""
    return {
        "id": job["id"],
        "state": job["state"],
        "rows": job["rows"],
        "done": job["done"],
        "unread": job["unread"],
        "made_at": utc(job["made_at"]),
        "ended_at": utc(job["ended_at"]),
        "error": None if job["error"] is None else {"message": job["error"][0], "message_zh": job["error"][1]},
    }
