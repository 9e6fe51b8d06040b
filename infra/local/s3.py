"""Reads and lists of moto's buckets without moto's request machinery, which costs 4 to 5 ms a call."""

from __future__ import annotations

import base64
import hashlib
import re
from bisect import bisect_left, bisect_right
from typing import Any
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, s3_backends
from moto.s3.utils import _VersionedKeyStore

Answer = tuple[str, list[tuple[str, str]], bytes]

_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")
_LIST = {"prefix", "delimiter", "max-keys", "encoding-type"}
_LIST_1, _LIST_2 = _LIST | {"marker"}, _LIST | {"list-type", "continuation-token", "start-after", "fetch-owner"}


class _SortedKeys(_VersionedKeyStore):
    """A bucket's keys, which know their order."""

    _order: list[str] | None = None

    def __setitem__(self, key: str, value: Any) -> None:
        if key not in self:
            self._order = None
        super().__setitem__(key, value)

    def setlist(self, key: Any, list_: Any) -> None:
        self._order = None
        super().setlist(key, list_)

    def pop(self, key: str) -> None:
        self._order = None
        super().pop(key)

    def between(self, first: str, prefix: str, after: bool) -> list[str]:
        """The keys with a prefix, from (or after) a first one on."""
        order = self._order
        if order is None:
            order = sorted(list(self))
            self._order = order
        start = bisect_right(order, first) if after else bisect_left(order, first)
        end = bisect_right(order, prefix + "\U0010ffff") if prefix else len(order)
        return order[start:end]


class S3:
    def __init__(self) -> None:
        self.backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def answer(self, environ: dict[str, Any]) -> Answer | None:
        """The answer to a plain GET, HEAD or LIST, or to a damaged PUT; nothing for all that moto is to answer."""
        method = environ["REQUEST_METHOD"]
        if method == "PUT":
            return _damaged(environ)
        if method not in ("GET", "HEAD") or any(name in environ for name in _CONDITIONS):
            return None
        path = unquote(environ["RAW_URI"].split("?", 1)[0]).lstrip("/")
        name, _, key = path.partition("/")
        bucket = self.backend.buckets.get(name)
        if bucket is None:
            return None
        query = environ.get("QUERY_STRING", "")
        if key:
            return self._object(bucket, key, environ) if query in ("", "x-id=GetObject") else None
        given = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        if method == "GET" and set(given) <= (_LIST_2 if given.get("list-type") == "2" else _LIST_1):
            return self._list(bucket, given)
        return None

    def _object(self, bucket: Any, name: str, environ: dict[str, Any]) -> Answer | None:
        key = bucket.keys.get(name)
        if not isinstance(key, FakeKey) or key.disposed:
            return None
        size = key.size
        start, end = 0, size - 1
        status = "200 OK"
        headers = [("Accept-Ranges", "bytes"), ("ETag", key.etag), ("Last-Modified", key.last_modified_RFC1123)]
        headers += [("Content-Type", key.metadata.get("Content-Type", "binary/octet-stream"))]
        if "HTTP_RANGE" in environ:
            match = re.fullmatch(r"bytes=(\d*)-(\d*)", environ["HTTP_RANGE"])
            if not match or not size:
                return None
            first, last = match.groups()
            start = int(first) if first else max(size - int(last), 0)
            end = min(int(last), size - 1) if first and last else size - 1
            if start > end:
                return None
            status = "206 Partial Content"
            headers.append(("Content-Range", f"bytes {start}-{end}/{size}"))
        headers.append(("Content-Length", str(end - start + 1)))
        if environ["REQUEST_METHOD"] == "HEAD":
            return status, headers, b""
        with key.lock:
            key._value_buffer.seek(start)
            return status, headers, key._value_buffer.read(end - start + 1)

    def _list(self, bucket: Any, given: dict[str, str]) -> Answer:
        if not isinstance(bucket.keys, _SortedKeys):
            ordered = _SortedKeys()
            for name in list(bucket.keys):
                dict.__setitem__(ordered, name, dict.__getitem__(bucket.keys, name))
            bucket.keys = ordered
        prefix, delimiter = given.get("prefix", ""), given.get("delimiter", "")
        limit = min(int(given.get("max-keys", 1000)), 1000)
        first_version = "list-type" not in given
        token = given.get("marker") if first_version else given.get("continuation-token")
        if first_version:
            after = token or ""
        else:
            after = base64.urlsafe_b64decode(token).decode() if token else given.get("start-after", "")
        shown: list[str] = []
        folder = last = ""
        count, truncated = 0, False
        for name in bucket.keys.between(max(prefix, after), prefix, after=bool(after) and after >= prefix):
            if not name.startswith(prefix):
                continue
            key = bucket.keys.get(name)
            if not isinstance(key, FakeKey):
                continue
            rest = name[len(prefix) :]
            if delimiter and delimiter in rest:
                new = prefix + rest.split(delimiter, 1)[0] + delimiter
                # A page that ended within a folder has listed that folder.
                if new == folder or (token and after.startswith(new)):
                    last = name
                    continue
            else:
                new = ""
            if count == limit:
                truncated = True
                break
            folder, last, count = new or folder, name, count + 1
            shown.append(_folder(new, given) if new else _contents(key, given))
        answer = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
            f"<Name>{bucket.name}</Name><Prefix>{_text(prefix, given)}</Prefix>",
            f"<MaxKeys>{limit}</MaxKeys><IsTruncated>{str(truncated).lower()}</IsTruncated>",
        ]
        if first_version:
            answer.append(f"<Marker>{_text(after, given)}</Marker>")
        else:
            answer.append(f"<KeyCount>{count}</KeyCount>")
        if delimiter:
            answer.append(f"<Delimiter>{_text(delimiter, given)}</Delimiter>")
        if "encoding-type" in given:
            answer.append(f"<EncodingType>{given['encoding-type']}</EncodingType>")
        if truncated and first_version:
            answer.append(f"<NextMarker>{_text(last, given)}</NextMarker>")
        elif truncated:
            next_token = base64.urlsafe_b64encode(last.encode()).decode()
            answer.append(f"<NextContinuationToken>{next_token}</NextContinuationToken>")
        body = "".join([*answer, *shown, "</ListBucketResult>"]).encode()
        return "200 OK", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))], body


def _damaged(environ: dict[str, Any]) -> Answer | None:
    """The refusal of a body that has not the md5 that its sender states, which moto does not look at."""
    stated = environ.get("HTTP_CONTENT_MD5")
    if not stated or "aws-chunked" in environ.get("HTTP_CONTENT_ENCODING", ""):
        return None
    if (
        base64.b64encode(hashlib.md5(environ["wsgi.input"].getvalue(), usedforsecurity=False).digest()).decode()
        == stated
    ):
        return None
    body = b"<Error><Code>BadDigest</Code><Message>The Content-MD5 you specified did not match.</Message></Error>"
    return "400 Bad Request", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))], body


def _text(value: str, given: dict[str, str]) -> str:
    return quote(value) if given.get("encoding-type") == "url" else escape(value)


def _contents(key: FakeKey, given: dict[str, str]) -> str:
    return (
        f"<Contents><Key>{_text(key.name, given)}</Key><LastModified>{key.last_modified_ISO8601}</LastModified>"
        f"<ETag>{escape(key.etag)}</ETag><Size>{key.size}</Size><StorageClass>{key.storage_class}</StorageClass></Contents>"
    )


def _folder(name: str, given: dict[str, str]) -> str:
    return f"<CommonPrefixes><Prefix>{_text(name, given)}</Prefix></CommonPrefixes>"
