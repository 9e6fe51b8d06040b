"""The AWS endpoint: moto behind an HTTP/1.1 server, with S3 reads, Glue and Athena put right on the way."""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
import threading
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from infra.local.athena import Athena, AthenaError
from infra.local.glue import Glue, GlueError
from infra.local.s3 import S3

JSON = "application/x-amz-json-1.1"


class Endpoint:
    """A WSGI application: answers itself what moto cannot, and hands on the rest."""

    def __init__(self, glue: Glue, athena: Athena):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.s3 = S3()
        self.glue = glue
        self.athena = athena

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        service, _, action = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if service == "AmazonAthena" and self.athena.knows(action):
            return _send_json(start_response, *self._athena(action, _json_body(environ)))
        if service == "AWSGlue":
            return self._glue(action, environ, start_response)
        if not service and "/s3/" in environ.get("HTTP_AUTHORIZATION", "/s3/"):
            answer = self.s3.answer(environ)
            if answer is not None:
                status, headers, body = answer
                start_response(status, headers)
                return [body]
        return self.moto(environ, start_response)

    def _athena(self, action: str, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        try:
            return "200 OK", self.athena.answer(action, request)
        except AthenaError as error:
            return "400 Bad Request", {"__type": error.code, "message": str(error), "Message": str(error)}

    def _glue(self, action: str, environ: dict[str, Any], start_response: Any) -> Any:
        request = _json_body(environ)
        with self.glue.lock if self.glue.locks(action) else nullcontext():
            try:
                own = self.glue.before(action, request)
            except GlueError as error:
                answer = {"__type": error.code, "message": str(error), "Message": str(error)}
                return _send_json(start_response, "400 Bad Request", answer)
            if own is not None:
                return _send_json(start_response, "200 OK", own)
            body = json.dumps(request).encode()
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
            status: list[Any] = []
            body = b"".join(self.moto(environ, lambda *given: status.extend(given)))
        if status[0].startswith("200") and action in ("GetTable", "GetTables"):
            answer = self.glue.after(action, json.loads(body), "aws-sdk-java" in environ.get("HTTP_USER_AGENT", ""))
            return _send_json(start_response, "200 OK", answer)
        start_response(*status[:2])
        return [body]


def _json_body(environ: dict[str, Any]) -> dict[str, Any]:
    return json.loads(environ["wsgi.input"].read() or b"{}")


def _send_json(start_response: Any, status: str, answer: dict[str, Any]) -> list[bytes]:
    body = json.dumps(answer).encode()
    start_response(status, [("Content-Type", JSON), ("Content-Length", str(len(body)))])
    return [body]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def _serve(self) -> None:
        body = self._body()
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": self.path,
            "REQUEST_URI": self.path,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            name = "HTTP_" + name.upper().replace("-", "_")
            if name not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT"):
                environ[name] = f"{environ[name]},{value}" if name in environ else value
        given: list[Any] = []
        try:
            answer = b"".join(self.server.application(environ, lambda *args: given.extend(args[:2])))
        except Exception:
            logging.getLogger(__name__).exception("%s %s", self.command, self.path)
            given, answer = ["500 Internal Server Error", []], b""
        status, headers = given
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        if int(code) not in (204, 304):
            self.send_header("Content-Length", lengths[0] if self.command == "HEAD" and lengths else str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)
        self.wfile.flush()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = _serve

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, application: Any):
        self.application = application
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (ConnectionError, socket.timeout)):
            super().handle_error(request, client_address)


class Server:
    """Serves an application on a free port, in threads of this process."""

    def __init__(self, application: Any):
        self._server = _Server(application)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws-endpoint", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
