"""Cuts SQL into statements, as far as the migrations' check needs it."""

import re
from dataclasses import dataclass

PIECES = re.compile(
    r"""
      (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<end>;)
    | (?P<space>\s+)
    | (?P<other>[^\s;'"$/-]+|.)
    """,
    re.S | re.X,
)


@dataclass(frozen=True)
class Statement:
    """One statement: its words in lower case with texts and bodies left out, its lines, and the comments right above
    it."""

    words: str
    first_line: int
    last_line: int
    comments: tuple[str, ...]


def statements(sql: str) -> list[Statement]:
    found: list[Statement] = []
    words: list[str] = []
    comments: list[str] = []
    line = first = 1
    for piece in PIECES.finditer(sql):
        kind, text = piece.lastgroup, piece.group()
        kind = "dollar" if kind == "tag" else kind
        if kind == "comment" and not words:
            comments.append(text.removeprefix("--").strip())
        elif kind == "end":
            if words:
                found.append(Statement(join(words), first, line, tuple(comments)))
            words, comments = [], []
        elif kind == "space":
            if not words and text.count("\n") > 1:
                comments = []
            if words and words[-1] != " ":
                words.append(" ")
        elif kind != "comment":
            if not words:
                first = line
            words.append({"text": "''", "dollar": "$$"}.get(kind or "", text.lower()))
        line += text.count("\n")
    if words:
        found.append(Statement(join(words), first, line, tuple(comments)))
    return found


def join(words: list[str]) -> str:
    return "".join(words).strip()
