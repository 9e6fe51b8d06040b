"""Zendesk by its REST API: https://developer.zendesk.com/api-reference/."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth, HttpBasicAuth
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator, JSONResponseCursorPaginator

from landing import Refused
from landing.reading import json_text

ATTEMPTS = 8  # at a request that is put off, or breaks off, each after a longer while
LONGEST_WAIT = 600  # seconds, also if Retry-After says more
_PASSING = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_SETTINGS = (
    "ZENDESK_SUBDOMAIN (of https://SUBDOMAIN.zendesk.com; ZENDESK_URL for another address), and either ZENDESK_EMAIL "
    "and ZENDESK_API_TOKEN, or ZENDESK_OAUTH_TOKEN"
)


class Expired(Exception):
    """The cursor is not known any more."""


class Export(JSONResponseCursorPaginator):
    """The incremental export: end_of_stream says that there is no more for now, after_cursor where to go on."""

    def __init__(self):
        super().__init__(cursor_path="after_cursor", cursor_param="cursor")

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        if response.json().get("end_of_stream"):
            self._has_next_page = False

    def update_request(self, request: requests.Request) -> None:
        super().update_request(request)
        request.params.pop("start_time", None)


class Pages(JSONLinkPaginator):
    """Lists: paged by cursor, or by next_page where an endpoint does not know cursors."""

    def __init__(self, base: str):
        super().__init__(next_url_path="links.next")
        self._base = urlsplit(base)[:2]

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        page = response.json()
        if isinstance(page.get("meta"), dict):
            following = (page.get("links") or {}).get("next") if page["meta"].get("has_more") else None
        else:
            following = page.get("next_page")
        if following and urlsplit(following)[:2] != self._base:
            raise Refused(f"Zendesk names a next page on another server, {following}: credentials are not sent there.")
        self._next_reference = following


class Api:
    """Refused if the environment does not say where and as whom."""

    def __init__(self) -> None:
        environ = os.environ
        subdomain, url = (
            environ.get("ZENDESK_SUBDOMAIN", "").strip(),
            environ.get("ZENDESK_URL", "").strip().rstrip("/"),
        )
        email, token = environ.get("ZENDESK_EMAIL", ""), environ.get("ZENDESK_API_TOKEN", "")
        bearer = environ.get("ZENDESK_OAUTH_TOKEN", "")
        if not (subdomain or url) or not (bearer or (email and token)):
            raise Refused(f"To read from Zendesk, set {_SETTINGS}. Or name files of its answers.")
        self.base = url or f"https://{subdomain}.zendesk.com"
        parts = urlsplit(self.base)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise Refused(f"ZENDESK_URL is {self.base}: credentials are sent by https only.")
        self.name = parts.netloc
        session = Client(
            raise_for_status=False,
            status_codes=(),
            exceptions=(),
            retry_condition=_is_put_off,
            request_max_attempts=ATTEMPTS,
            request_max_retry_delay=LONGEST_WAIT,
        ).session
        auth = BearerTokenAuth(token=bearer) if bearer else HttpBasicAuth(username=f"{email}/token", password=token)
        self._client = RESTClient(self.base, auth=auth, session=session, config=RuntimeConfiguration())

    def tickets(self, cursor: str | None, since: int, per_page: int) -> Iterator[dict[str, Any]]:
        """Pages of the incremental export, from a cursor, or else from a time on. Expired if Zendesk has dropped it."""
        params = {"include": "users,groups,metric_sets,metric_events", "per_page": per_page}
        params |= {"cursor": cursor} if cursor else {"start_time": since}
        try:
            yield from self._pages("/api/v2/incremental/tickets/cursor.json", params, "tickets", Export())
        except requests.HTTPError as error:
            if cursor and error.response.status_code in (400, 404, 410, 422):
                raise Expired(_answer(error.response)) from None
            raise _refused(error) from None

    def audits(self, ticket_id: str) -> list[dict[str, Any]] | None:
        """Pages of the audits of a ticket; none if Zendesk has them no more."""
        params = {"page[size]": 100, "include": "users"}
        try:
            return list(self._pages(f"/api/v2/tickets/{ticket_id}/audits.json", params, "audits", Pages(self.base)))
        except requests.HTTPError as error:
            if error.response.status_code in (404, 410):
                return None
            raise _refused(error) from None

    def all(self, path: str, key: str, **params: Any) -> list[dict[str, Any]]:
        """All pages of a list; none if it is not there, or not to be seen, which is said."""
        try:
            return list(self._pages(path, {"page[size]": 100, **params}, key, Pages(self.base)))
        except requests.HTTPError as error:
            if error.response.status_code in (400, 403, 404):
                print(f"{path}: Zendesk answers {error.response.status_code}, so {key} are not known.", file=sys.stderr)
                return []
            raise _refused(error) from None

    def _pages(self, path: str, params: dict, key: str, paginator) -> Iterator[dict[str, Any]]:
        try:
            for page in self._client.paginate(path, params=params, paginator=paginator, data_selector=key):
                yield json.loads(json_text(page.response.content.decode()))
        except requests.HTTPError:
            raise
        except (requests.RequestException, ValueError) as error:
            raise Refused(
                f"{self.base}{path} does not answer as it should: {error}. What had landed before stays; run it again."
            ) from None


def _is_put_off(response: requests.Response | None, error: BaseException | None) -> bool:
    """Whether a request may pass the next time, which is told: whoever waits wants to know what for."""
    if isinstance(error, _PASSING):
        what = f"does not answer ({type(error).__name__})"
    elif response is not None and _is_busy(response.status_code):
        what = f"answers {response.status_code}"
    else:
        return False
    print(f"Zendesk {what}. It is asked {ATTEMPTS} times, each after a longer while.", file=sys.stderr, flush=True)
    return True


def _is_busy(status: int) -> bool:
    return status == 429 or status >= 500


def _refused(error: requests.HTTPError) -> Refused:
    status = error.response.status_code
    where = f"{urlsplit(error.response.url).path}: Zendesk answers {status}"
    if status in (401, 403):
        return Refused(f"{where}: it does not let these credentials read. They come from {_SETTINGS}.")
    if _is_busy(status):
        return Refused(f"{where} after {ATTEMPTS} tries. What had landed before stays; run it again later.")
    return Refused(f"{where}: {_answer(error.response)}")


def _answer(response: requests.Response) -> str:
    return " ".join(response.text.split())[:200] or response.reason
