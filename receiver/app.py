"""The HTTP side: keys, bodies, answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from receiver import reading
from receiver.definition import EXAMPLE, ID, ServiceRecord
from receiver.keys import Keys
from receiver.landing import Contradiction, Landing, Unavailable

# Bodies above are parsed beside the event loop, so that others need not wait.
_LARGE = 64 * 1024
_BODY_SECONDS = 60


class Landed(BaseModel):
    """A record that is durably in the raw zone."""

    service_record_id: str
    duplicate: Annotated[bool, Field(description="It had landed before with the same content; it is in the lake once.")]


class LandedBatch(BaseModel):
    """The records of a batch, in its order, all durably in the raw zone."""

    records: list[Landed]


class Fault(BaseModel):
    """Why a record is refused."""

    index: Annotated[int, Field(description="Its place in the batch, from 0.")]
    reason: Annotated[str, Field(description="As `quarantined_lines` would name it, or other_content.")]
    field: Annotated[str | None, Field(description="Where, such as parts.0.quantity.")]
    message: Annotated[str, Field(description="What is due.")]


class Refusal(BaseModel):
    """Nothing of the request landed."""

    error: str
    reasons: list[Fault] = []


class Answer(Exception):
    """Ends a request with a refusal. Of one whose body was not read, the connection ends, too."""

    def __init__(self, status: int, error: str, reasons: list[Fault] | None = None, **headers: str):
        super().__init__(error)
        self.status, self.refusal = status, Refusal(error=error, reasons=reasons or [])
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> JSONResponse:
        return JSONResponse(self.refusal.model_dump(), self.status, self.headers)


def create_app(landing: Landing, keys: Keys, body_limit: int) -> FastAPI:
    """The app of a raw zone. It starts the landing, and ends it when it ends itself."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        landing.start()
        yield
        await run_in_threadpool(landing.close)

    app = FastAPI(title="ticketlake receiver", version="1", lifespan=lifespan, redoc_url=None)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]

    @app.exception_handler(Answer)
    async def answered(_: Request, answer: Answer) -> JSONResponse:
        return answer.response()

    @app.exception_handler(Unavailable)
    async def unavailable(_: Request, error: Unavailable) -> JSONResponse:
        return Answer(503, f"Not landed: {error}. Send the same again.", Retry_After="1").response()

    @app.post(
        "/service-records",
        status_code=202,
        response_model=Landed | LandedBatch,
        responses={status: {"model": Refusal, "description": text} for status, text in _REFUSALS.items()},
        openapi_extra=_REQUEST,
    )
    async def land_service_records(request: Request) -> Any:
        """Lands a service record, or an array of up to 1,000, all or none.

        The answer 202 comes when the lines are durably in the raw zone. A record that comes again with the same
        content is a duplicate: it is acknowledged again, and is in the lake once.
        """
        _demand_key(request, keys)
        _demand_json(request)
        body = await _body(request, body_limit)
        is_batch, records = await _records(body, landing)
        try:
            duplicates = await asyncio.wrap_future(landing.submit(records))
        except Contradiction as contradiction:
            text = "its id has landed with other content, which stands; give a changed record an id of its own"
            faults = [
                Fault(index=place, reason="other_content", field=ID, message=text) for place in contradiction.places
            ]
            raise Answer(409, "The same id has landed with other content", faults) from None
        landed = [
            {ID: record.id, "duplicate": duplicate} for record, duplicate in zip(records, duplicates, strict=True)
        ]
        return JSONResponse({"records": landed} if is_batch else landed[0], 202)

    @app.get("/health", responses={503: {"model": Refusal, "description": "Nothing can be landed."}})
    async def health() -> dict[str, str]:
        """Whether records can be landed. Needs no key."""
        if await run_in_threadpool(landing.check):
            raise Answer(503, "Nothing can be landed now; the receiver's log says why", Retry_After="5")
        return {"status": "ok"}

    return app


def _demand_key(request: Request, keys: Keys) -> None:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = request.headers.get("x-api-key") or (bearer.strip() if scheme.lower() == "bearer" else "")
    if not token or keys.holder(token) is None:
        text = "The key is unknown or revoked" if token else "A key is needed, in the header X-API-Key"
        raise Answer(401, text, WWW_Authenticate="Bearer", Connection="close")


def _demand_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Answer(415, "The body has to be application/json", Connection="close")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Answer(415, "The body has to come without Content-Encoding", Connection="close")


async def _body(request: Request, limit: int) -> bytes:
    """The whole body, of which no more than `limit` bytes are read, whatever it says of its length."""
    too_large = Answer(413, f"The body has more than {limit:,} bytes; send fewer records at once", Connection="close")
    stated = request.headers.get("content-length", "0")
    if stated.isdecimal() and int(stated[:20]) > limit:
        raise too_large

    async def read() -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large
        return bytes(body)

    try:
        return await asyncio.wait_for(read(), _BODY_SECONDS)
    except asyncio.TimeoutError:
        raise Answer(408, f"The body did not come within {_BODY_SECONDS} seconds", Connection="close") from None
    except ClientDisconnect:
        raise Answer(400, "The body did not come as a whole", Connection="close") from None


async def _records(body: bytes, landing: Landing) -> tuple[bool, list[reading.Record]]:
    try:
        if len(body) > _LARGE:
            return await run_in_threadpool(reading.records, body, landing.today())
        return reading.records(body, landing.today())
    except reading.NotReadable as error:
        text = f"The body is not JSON that a lake can read: {error}"
        raise Answer(400, text, [Fault(index=0, reason="not_json", field=None, message=str(error))]) from None
    except reading.TooMany:
        raise Answer(413, f"The batch has more than {reading.MOST:,} records; send several") from None
    except reading.Broken as broken:
        faults = [
            Fault(index=index, reason=found.reason, field=found.field, message=found.message)
            for index, found in broken.found
        ]
        raise Answer(422, "The record breaks rules, all listed; nothing landed", faults) from None


# ---------- OpenAPI

_REFUSALS = {
    400: "The body is no JSON.",
    401: "No key, or one that is unknown or revoked.",
    408: "The body came too slowly.",
    409: "An id has landed with other content.",
    413: "Too many bytes, or more than 1,000 records.",
    415: "The body is not application/json.",
    422: "Records break rules: all reasons of each of them.",
    503: "Nothing was acknowledged, because nothing can be written now. Send the same again after Retry-After seconds.",
}
_REFERENCE = {"$ref": "#/components/schemas/ServiceRecord"}
_REQUEST: dict[str, Any] = {
    "security": [{"key": []}, {"bearer": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        _REFERENCE,
                        {"type": "array", "items": _REFERENCE, "minItems": 1, "maxItems": reading.MOST},
                    ]
                },
                "examples": {
                    "record": {"value": EXAMPLE},
                    "batch": {"value": [EXAMPLE, EXAMPLE | {ID: "S-1002", "vehicle_id": "V-43"}]},
                },
            }
        },
    },
}


def _openapi(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        record = ServiceRecord.model_json_schema(ref_template="#/components/schemas/{model}")
        components = found["components"]
        components["schemas"] |= record.pop("$defs") | {"ServiceRecord": record}
        components["securitySchemes"] = {
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        app.openapi_schema = found
    return app.openapi_schema
