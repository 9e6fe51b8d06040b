"""A small Zendesk: tickets that change, and a server that answers as its REST API does."""

import json
import threading
from collections import Counter
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

START = datetime(2026, 3, 2, 8, tzinfo=timezone.utc)
AGENT, OTHER_AGENT, CUSTOMER, SYSTEM = 501, 502, 901, -1
USERS = [
    {"id": AGENT, "name": "Ines Probst", "role": "agent", "default_group_id": 71},
    {"id": OTHER_AGENT, "name": "Ole Dirks", "role": "admin", "default_group_id": 72},
    {"id": CUSTOMER, "name": "C. Usterman", "role": "end-user"},
]
GROUPS = [{"id": 71, "name": "First line"}, {"id": 72, "name": "Workshop"}]
CUSTOM_STATUSES = [
    {"id": 31, "status_category": "open", "agent_label": "Open"},
    {"id": 32, "status_category": "hold", "agent_label": "Waiting for parts"},
    {"id": 33, "status_category": "open", "agent_label": "With the expert"},
]


def at(minutes):
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Desk:
    """Tickets and audits as Zendesk writes them: ids in tickets are numbers, in audits texts."""

    def __init__(self):
        self.tickets, self.audits, self.exported = {}, {}, []
        self._next = 10_000

    def _id(self):
        self._next += 1
        return self._next

    def create(self, ticket_id, minutes, **values):
        state = {"status": "new", "priority": None, "type": None, "assignee_id": None, "group_id": None, "tags": []}
        state |= {"requester_id": CUSTOMER, "subject": f"Subject {ticket_id}"} | values
        audit_id = self._id()
        comment = {"id": self._id(), "type": "Comment", "public": True, "author_id": CUSTOMER, "body": "Help!"}
        events = [comment] + [
            {"id": self._id(), "type": "Create", "field_name": name, "value": _as_text(value)}
            for name, value in state.items()
            if value is not None
        ]
        audit = {"id": audit_id, "ticket_id": ticket_id, "created_at": at(minutes), "author_id": CUSTOMER}
        self.audits[ticket_id] = [audit | {"events": events, "via": {"channel": "email"}}]
        self.tickets[ticket_id] = state | {
            "id": ticket_id,
            "created_at": at(minutes),
            "updated_at": at(minutes),
            "generated_timestamp": int((START + timedelta(minutes=minutes)).timestamp()),
            "via": {"channel": "email"},
            "custom_fields": [],
            "satisfaction_rating": {"score": "unoffered"},
        }
        self._export(ticket_id)
        return audit_id

    def change(self, ticket_id, minutes, author=AGENT, comment=None, **values):
        """comment: whether it is public. Returns the audit's id."""
        ticket, audit_id, events = self.tickets[ticket_id], self._id(), []
        if comment is not None:
            events.append(
                {"id": self._id(), "type": "Comment", "public": comment, "author_id": author, "body": "Secret words"}
            )
        for name, value in values.items():
            before = ticket.get(name)
            if name == "satisfaction_score":
                before = ticket["satisfaction_rating"]["score"]
                ticket["satisfaction_rating"] = {"score": value}
            elif name.isdigit():
                before = next((one["value"] for one in ticket["custom_fields"] if str(one["id"]) == name), None)
                ticket["custom_fields"] = [{"id": int(name), "value": value}]
            else:
                ticket[name] = value
            events.append(
                {"id": self._id(), "type": "Change", "field_name": name, "value": _as_text(value)}
                | {"previous_value": _as_text(before)}
            )
        audit = {"id": audit_id, "ticket_id": ticket_id, "created_at": at(minutes), "author_id": author}
        self.audits[ticket_id].append(audit | {"events": events, "via": {"channel": "web"}})
        ticket["updated_at"] = at(minutes)
        ticket["generated_timestamp"] = int((START + timedelta(minutes=minutes)).timestamp())
        self._export(ticket_id)
        return audit_id

    def _export(self, ticket_id):
        if ticket_id in self.exported:
            self.exported.remove(ticket_id)
        self.exported.append(ticket_id)

    def pages(self):
        """All of it, as files would hold it."""
        audits = [audit for some in self.audits.values() for audit in some]
        return {
            "tickets": {"tickets": list(self.tickets.values()), "users": USERS, "groups": GROUPS, "count": 1},
            "audits": {"audits": audits},
            "statuses": {"custom_statuses": CUSTOM_STATUSES},
        }

    def many(self, count):
        """Tickets with a short life each."""
        for number in range(1, count + 1):
            self.create(number, number, priority="high", group_id=71, status="open")
            self.change(number, 1000 + number, comment=True, status="pending", assignee_id=AGENT)
            self.change(number, 2000 + number, author=CUSTOMER, comment=True, status="open")
            self.change(number, 3000 + number, status="solved")


def _as_text(value):
    return value if value is None or isinstance(value, (str, list)) else str(value)


class Server:
    """Answers from a desk. `faults`: how the requests of those numbers fail. `expired`: cursors that are gone."""

    def __init__(self, desk, page=2):
        self.desk, self.page, self.faults, self.expired = desk, page, {}, set()
        self.requests, self.counts, self.authorizations = [], Counter(), set()
        self.on_request = lambda number: None
        answering = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                answering.answer(self)

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # a client that is killed
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler):
        parts = urlsplit(handler.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.requests.append((parts.path, query))
        self.authorizations.add(handler.headers.get("Authorization"))
        number = len(self.requests)
        self.on_request(number)
        fault = self.faults.pop(number, None)
        if fault == "break":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'{"tickets": [{"id"')
            handler.close_connection = True
            return
        if fault is not None:
            self._send(handler, fault, {"error": "fault"}, {"Retry-After": "1"} if fault == 429 else {})
            return
        self._send(handler, *self._found(parts.path, query))

    def _send(self, handler, status, answer, headers=None):
        data = json.dumps(answer).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **(headers or {})}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(data)

    def _found(self, path, query):
        if path == "/api/v2/incremental/tickets/cursor.json":
            return self._export(query)
        if path.startswith("/api/v2/tickets/") and path.endswith("/audits.json"):
            ticket_id = int(path.split("/")[4])
            audits = self.desk.audits.get(ticket_id)
            return self._list("audits", audits, path, query) if audits else (404, {"error": "RecordNotFound"})
        for name, records in (("groups", GROUPS), ("custom_statuses", CUSTOM_STATUSES), ("users", USERS)):
            if path == f"/api/v2/{name}.json":
                wanted = [one for one in records if query.get("role") in (None, one.get("role"))]
                return self._list(name, wanted, path, query)
        return 404, {"error": "InvalidEndpoint"}

    def _export(self, query):
        cursor = query.get("cursor")
        if cursor in self.expired or ("start_time" in query) == (cursor is not None):
            return 400, {"error": "InvalidCursor", "description": "cursor has expired"}
        # A cursor counts exports, of which a ticket has one for each of its versions.
        order = [(self.desk.tickets[one]["generated_timestamp"], one) for one in self.desk.exported]
        after = tuple(map(int, cursor.split("-"))) if cursor else (int(query["start_time"]), 0)
        rest = sorted(one for one in order if one > after)
        some = rest[: self.page]
        last = some[-1] if some else after
        return 200, {
            "tickets": [self.desk.tickets[one] for _, one in some],
            "users": [one for one in USERS if one["id"] == CUSTOMER],
            "after_cursor": f"{last[0]}-{last[1]}",
            "after_url": None,
            "end_of_stream": len(rest) <= self.page,
        }

    def _list(self, key, records, path, query):
        start = int(query.get("page[after]", 0))
        some, following = records[start : start + 3], start + 3
        # A link to a next page stands there even if there is none.
        return 200, {
            key: some,
            "users": USERS,
            "meta": {"has_more": following < len(records), "after_cursor": str(following)},
            "links": {"next": f"{self.url}{path}?page%5Bafter%5D={following}"},
        }
