"""Reads CSV and JSON lines in pieces, each row with the line of the file on which it begins."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as arrow
import pyarrow.csv as arrow_csv

from landing import Refused

PIECE = 8 * 1024**2  # bytes read at once
LONGEST_LINE = 8 * PIECE  # bytes of a line of JSON
LONGEST_FIELD = 2**20  # characters; beyond, a quote that was opened counts as not closed
_NEW_LINE, _RETURN = 10, 13
# A backslash, a pair of surrogates, a half of one.
_ESCAPED = re.compile(r"\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]..")
csv.field_size_limit(LONGEST_FIELD)


@dataclass
class Piece:
    """Rows of a file: `line` and the columns asked for, as trimmed texts c0, c1, ...; of JSON lines `line` and `json`.

    share: how much of the file has been read. bad: rows that cannot be read, line and why.
    """

    rows: pa.Table
    share: float
    bad: list[tuple[int, str]] = field(default_factory=list)


class Source:
    """The bytes of a file as UTF-8, without a byte order mark, unpacked if it is gzip."""

    def __init__(self, path: Path, encoding: str = "utf-8"):
        self.path, self.encoding = path, encoding
        try:
            self._raw = path.open("rb")
            self._size = max(path.stat().st_size, 1)
            start = self._raw.read(4)
            self._raw.seek(0)
        except OSError as error:
            raise Refused(f"{path} cannot be read: {error.strerror}.") from None
        if start == b"PK\x03\x04":
            raise Refused(f"{path} is a workbook or another archive. Save a sheet as CSV, or unpack it.")
        self._bytes = gzip.GzipFile(fileobj=self._raw) if start[:2] == b"\x1f\x8b" else self._raw
        self._is_utf8 = codecs.lookup(encoding).name == "utf-8"
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._lines = 1
        self._is_first = True

    @property
    def share(self) -> float:
        return min(self._raw.tell() / self._size, 1.0)

    def read(self) -> bytes:
        """The next bytes, none at the end."""
        while True:
            try:
                piece = self._bytes.read(PIECE)
                text = piece if self._is_utf8 else self._decoder.decode(piece, final=not piece).encode()
            except UnicodeDecodeError as error:
                raise self.misread(self._lines + error.object[: error.start].count(b"\n")) from None
            except (OSError, EOFError, zlib.error) as error:
                raise Refused(f"{self.path} cannot be read to its end: {error}.") from None
            if self._is_first and text:
                self._is_first = False
                text = text.removeprefix(codecs.BOM_UTF8)
            self._lines += 0 if self._is_utf8 else text.count(b"\n")
            if text or not piece:
                return text

    def misread(self, line: int) -> Refused:
        return Refused(
            f"{self.path}, line {line:,}: this is not {self.encoding}. Name the file's encoding in the "
            "mapping, such as "
            "encoding: cp1252."
        )

    def decoded(self, text: bytes, line: int) -> str:
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            raise self.misread(line + text[: error.start].count(b"\n")) from None

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def json_text(text: str) -> str:
    """JSON in which half of a surrogate pair, of a text cut within a character, is one that says that it is unknown."""
    return _ESCAPED.sub(lambda found: r"\ufffd" if found[0][1] == "u" and len(found[0]) == 6 else found[0], text)


def whole(path: Path) -> str:
    """The text of a file of JSON. Refused if it is no UTF-8, or cannot be read."""
    with Source(path) as source:
        parts = []
        while part := source.read():
            parts.append(part)
    try:
        return json_text(b"".join(parts).decode())
    except UnicodeDecodeError:
        raise Refused(f"{path}: this is not UTF-8, as JSON has to be. Save it as that.") from None


# ---------- CSV


def csv_header(path: Path, encoding: str, delimiter: str, quote: str) -> list[str]:
    """The names in the first line that is not blank. Refused if there is none."""
    with Source(path, encoding) as source:
        return _Csv(source, delimiter, quote).header()


def csv_pieces(path: Path, encoding: str, delimiter: str, quote: str, columns: list[str]) -> Iterator[Piece]:
    """The rows of a CSV file, the columns as texts under their names; blank lines are passed over."""
    with Source(path, encoding) as source:
        yield from _Csv(source, delimiter, quote).pieces(columns)


class _Csv:
    """Rows are found by their quotes, all of a piece at once, and parsed by Arrow; where the two do not agree, or
    a row has more or fewer fields than the header, Python's reader takes the piece row by row."""

    def __init__(self, source: Source, delimiter: str, quote: str):
        self._source, self._delimiter, self._quote = source, delimiter, quote
        self._rest, self._line, self._is_over = b"", 1, False
        self._names: list[str] = []

    def header(self) -> list[str]:
        while not self._is_over:
            self._more()
            start = 0
            while (end := self._rest.find(b"\n", start)) >= 0 or (self._is_over and start < len(self._rest)):
                end = end + 1 if end >= 0 else len(self._rest)
                text = self._source.decoded(self._rest[:end], 1)
                reader = _Rows(text, self._delimiter, self._quote)
                row = next((row for _, row in reader if row), None)
                if row is not None and not reader.is_open and not reader.problem:
                    self._names = [name.strip() for name in row]
                    self._line += self._rest[:end].count(b"\n")
                    self._rest = self._rest[end:]
                    return self._names
                start = end
        raise Refused(
            f"{self._source.path} has no line that names the columns: it is empty, a quote in it is not closed, or its "
            "lines do not end in a line feed."
        )

    def _more(self) -> None:
        piece = self._source.read()
        self._rest += piece
        self._is_over = not piece

    def pieces(self, columns: list[str]) -> Iterator[Piece]:
        if not self._names:
            self.header()
        places = [self._names.index(column) for column in columns]
        is_new = False
        while self._rest or not self._is_over:
            if not self._is_over and not is_new:
                self._more()
                is_new = True
                continue
            is_new = False
            rest = np.frombuffer(self._rest, np.uint8)
            new_lines = np.flatnonzero(rest == _NEW_LINE)
            quotes = np.flatnonzero(rest == ord(self._quote))
            ends = new_lines[np.searchsorted(quotes, new_lines) % 2 == 0] + 1
            if self._is_over and (not len(ends) or ends[-1] < len(rest)):
                ends = np.append(ends, len(rest))
            piece = self._fast(rest, ends, new_lines, quotes, columns) if len(ends) else None
            size = int(ends[-1]) if piece is not None else 0
            if piece is None:
                piece, size = self._slow(columns, places)
            if size:
                self._line += self._rest.count(b"\n", 0, size)
                self._rest = self._rest[size:]
                yield piece

    def _are_around_fields(self, quotes: np.ndarray, text: np.ndarray) -> bool:
        """Whether quotes open where a field begins and close where it ends, or are doubled within one."""
        opening, closing = quotes[::2], quotes[1::2]
        is_edge = np.zeros(256, bool)
        is_edge[[_NEW_LINE, _RETURN, ord(self._delimiter), ord(self._quote)]] = True
        before, after = text[opening[opening > 0] - 1], text[closing[closing + 1 < len(text)] + 1]
        return bool(len(opening) == len(closing) and is_edge[before].all() and is_edge[after].all())

    def _fast(
        self, rest: np.ndarray, ends: np.ndarray, new_lines: np.ndarray, quotes: np.ndarray, columns: list[str]
    ) -> Piece | None:
        """The rows up to the last end; None if this is not the way to read them."""
        size = int(ends[-1])
        # A quote within a field without quotes, as in 27" monitor, turns inside and outside around.
        if not self._are_around_fields(quotes[: np.searchsorted(quotes, size)], rest[:size]):
            return None
        returns = np.flatnonzero(rest[:size] == _RETURN)
        if len(returns) and ((returns[-1] + 1 == size) or (rest[returns + 1] != _NEW_LINE).any()):
            return None
        starts = np.concatenate(([0], ends[:-1]))
        first = rest[starts]
        is_blank = (first == _NEW_LINE) | ((first == _RETURN) & (ends - starts == 2))
        starts = starts[~is_blank]
        lines = self._line + np.searchsorted(new_lines, starts)
        if not len(starts):
            return Piece(numbered(lines, [pa.array([], pa.string())] * len(columns), columns), self._source.share)
        names = [str(number) for number in range(len(self._names))]
        wanted = [names[self._names.index(column)] for column in columns]
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(pa.py_buffer(self._rest).slice(0, size)),
                arrow_csv.ReadOptions(column_names=names, block_size=2**20),
                arrow_csv.ParseOptions(delimiter=self._delimiter, quote_char=self._quote, newlines_in_values=True),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), include_columns=wanted or names[:1]
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows != len(starts):
            return None
        return Piece(numbered(lines, [table.column(name) for name in wanted], columns), self._source.share)

    def _slow(self, columns: list[str], places: list[int]) -> tuple[Piece, int]:
        """The rows of what has been read, and the bytes that they take: up to the last row that is whole."""
        end = len(self._rest) if self._is_over else self._rest.rfind(b"\n") + 1
        text = self._source.decoded(self._rest[:end], self._line)
        width, rows, lines, bad = len(self._names), [], [], []
        reader, done = _Rows(text, self._delimiter, self._quote), 0
        for before, row in reader:
            line = self._line + before
            if reader.is_open and not self._is_over:
                break
            if reader.is_open or reader.problem:
                bad.append((line, reader.problem or f"the quote {self._quote} that opens in this line is not closed"))
                reader.rewind(before + 1)
            elif len(row) > width and any(cell.strip() for cell in row[width:]):
                bad.append((line, f"{len(row)} fields, the header has {width}"))
            elif row:
                rows.append(row + [""] * (width - len(row)))
                lines.append(line)
            done = reader.line
        size = len("".join(reader.lines[:done]).encode())
        cells = [pa.array([row[place] for row in rows], pa.string()) for place in places]
        return Piece(numbered(np.array(lines, np.int64), cells, columns), self._source.share, bad), size


class _Rows:
    """Rows of a text with the number of lines before each, by Python's reader, which can be sent back.

    Of a blank line the row is empty.
    """

    def __init__(self, text: str, delimiter: str, quote: str):
        self.lines = io.StringIO(text, newline="\n").readlines()
        self._delimiter, self._quote = delimiter, quote
        self.line = 0
        self.is_open, self.problem = False, ""

    def rewind(self, line: int) -> None:
        self.line, self.is_open, self.problem = line, False, ""

    def _given(self) -> Iterator[str]:
        while self.line < len(self.lines):
            self.line += 1
            # The reader takes a carriage return for the end of a row.
            yield self.lines[self.line - 1].removesuffix("\n").removesuffix("\r") + "\n"
        self._is_exhausted = True

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        while self.line < len(self.lines):
            before, self._is_exhausted = self.line, False
            self.is_open, self.problem = False, ""
            reader = csv.reader(self._given(), delimiter=self._delimiter, quotechar=self._quote)
            try:
                row = next(reader, [])
                self.is_open = self._is_exhausted
            except csv.Error as error:
                row, self.problem = [], self._told(str(error), self.line - before > 1)
            is_blank = len(row) == 1 and not row[0].strip()
            yield before, [] if is_blank else row

    def _told(self, error: str, has_lines: bool) -> str:
        """What is wrong with a row, in other words than those of Python's reader if they are known."""
        if error.startswith("field larger than"):
            many = f"{LONGEST_FIELD:,} characters"
            opened = f"the quote {self._quote} that opens in this line is not closed within {many}"
            return opened if has_lines else f"a field of more than {many}"
        if error.startswith("new-line character"):
            return "a carriage return within a line, in a field without quotes"
        return error


def numbered(lines: np.ndarray, cells: list, columns: list[str]) -> pa.Table:
    """The trimmed texts of columns, with the line of each row."""
    cells = [arrow.ascii_trim_whitespace(cell) for cell in cells]
    return pa.table([pa.array(lines, pa.int64()), *cells], names=["line", *(f"c{n}" for n in range(len(columns)))])


# ---------- JSON lines


def jsonl_pieces(path: Path, encoding: str) -> Iterator[Piece]:
    """The lines of a file of JSON lines as column `json`; blank ones are passed over."""
    with Source(path, encoding) as source:
        rest, line, is_over = b"", 1, False
        while not is_over:
            if len(rest) > LONGEST_LINE:
                raise Refused(
                    f"{path}, line {line:,}: is longer than {LONGEST_LINE:,} bytes. Write an object a line; of an "
                    "array they are made by: jq -c '.[]'"
                )
            piece = source.read()
            is_over = not piece
            text = rest + piece + (b"\n" if is_over and rest and not rest.endswith(b"\n") else b"")
            size = text.rfind(b"\n") + 1
            text, rest = text[:size], text[size:]
            if not text:
                continue
            ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEW_LINE).astype(np.int64) + 1
            edges = np.concatenate(([0], ends))
            texts = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(edges), pa.py_buffer(text))
            try:
                texts.validate(full=True)
            except pa.ArrowInvalid:
                source.decoded(text, line)
                raise
            rows = pa.table([pa.array(np.arange(line, line + len(ends)), pa.int64()), texts], names=["line", "json"])
            line += len(ends)
            yield Piece(rows, source.share)
