"""SQL as tokens: enough to tell statements apart and to read Athena's DDL."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<space>\s+ | --[^\n]* | /\*.*?\*/)
    | (?P<string>'(?:[^'\\]|''|\\.)*')
    | (?P<quoted>"(?:[^"]|"")*" | `(?:[^`]|``)*`)
    | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_$]*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
# In Trino a backslash within a string is an ordinary character, in Hive's DDL it escapes.
_TRINO_STRING = re.compile(r"'(?:[^']|'')*'", re.DOTALL)

_HIVE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


class StatementError(Exception):
    """A statement that Athena would refuse."""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.lower() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """What an identifier names. Glue's names are lower case."""
        if self.kind == "quoted":
            quote = self.text[0]
            return self.text[1:-1].replace(quote * 2, quote).lower()
        return self.text.lower()

    @property
    def value(self) -> str:
        """A string's value by Hive's rules."""

        def unescape(match: re.Match) -> str:
            code = match[1]
            if code[0] == "u" and len(code) == 5:
                return chr(int(code[1:], 16))
            if len(code) == 3:
                return chr(int(code, 8))
            return _HIVE_ESCAPES.get(code, code)

        inner = self.text[1:-1].replace("''", "'")
        return re.sub(r"\\(u[0-9a-fA-F]{4}|[0-3][0-7]{2}|.)", unescape, inner, flags=re.DOTALL)


def tokenize(sql: str, hive: bool = False) -> list[Token]:
    tokens = []
    at = 0
    while at < len(sql):
        match = _TRINO_STRING.match(sql, at) if sql[at] == "'" and not hive else _TOKEN.match(sql, at)
        if match is None:
            raise StatementError(f"line {sql.count(chr(10), 0, at) + 1}: unterminated string")
        kind = match.lastgroup or "string"
        if kind != "space":
            tokens.append(Token(kind, match[0], match.start(), match.end()))
        at = match.end()
    return tokens


class Reader:
    """Reads tokens from left to right."""

    def __init__(self, sql: str, tokens: list[Token]):
        self.sql = sql
        self.tokens = tokens
        self.at = 0

    def peek(self, ahead: int = 0) -> Token:
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else Token("end", "", len(self.sql), len(self.sql))

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def looks_at(self, *words: str) -> bool:
        return all((self.peek(i).word or self.peek(i).text) == word for i, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        if self.looks_at(*words):
            self.at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            self.fail(f"expecting '{' '.join(words)}'")

    def fail(self, why: str) -> None:
        token = self.peek()
        line = self.sql.count("\n", 0, token.start) + 1
        column = token.start - (self.sql.rfind("\n", 0, token.start) + 1) + 1
        found = f"'{token.text}'" if token.text else "the end of the statement"
        raise StatementError(f"line {line}:{column}: mismatched input {found}, {why}")

    def done(self) -> bool:
        return self.peek().kind == "end"

    def expect_end(self) -> None:
        if not self.done():
            self.fail("expecting the end of the statement")

    def name(self) -> str:
        token = self.peek()
        if token.kind not in ("word", "quoted"):
            self.fail("expecting a name")
        return self.next().name

    def string(self) -> str:
        if self.peek().kind != "string":
            self.fail("expecting a string")
        return self.next().value

    def qualified_name(self) -> list[str]:
        parts = [self.name()]
        while self.accept("."):
            parts.append(self.name())
        return parts

    def rest(self) -> str:
        """The text from here on."""
        return self.sql[self.peek().start : self.tokens[-1].end] if not self.done() else ""

    def until(self, *stops: str) -> str:
        """The text up to one of the signs, past brackets of any kind."""
        depth = 0
        start = self.peek().start
        end = start
        while not self.done() and (depth or self.peek().text not in stops):
            token = self.next()
            depth += (token.text in "([<") - (token.text in ")]>") if token.kind == "sign" else 0
            end = token.end
        return self.sql[start:end]
