"""The parts of a parsed template. ``str()`` of a node is how Go shows it in errors."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Node:
    """at: offset in the template, for the position in errors."""

    __slots__ = ("at",)

    def __init__(self, at: int) -> None:
        self.at = at


class Text(Node):
    __slots__ = ("text",)

    def __init__(self, at: int, text: str) -> None:
        self.at, self.text = at, text


class Dot(Node):
    __slots__ = ()

    def __str__(self) -> str:
        return "."


class Nil(Node):
    __slots__ = ()

    def __str__(self) -> str:
        return "nil"


class Constant(Node):
    """A string, number, character or boolean, and how it was written."""

    __slots__ = ("source", "value")

    def __init__(self, at: int, value: Any, source: str) -> None:
        self.at, self.value, self.source = at, value, source

    def __str__(self) -> str:
        return self.source


class Identifier(Node):
    """The name of a function."""

    __slots__ = ("name",)

    def __init__(self, at: int, name: str) -> None:
        self.at, self.name = at, name

    def __str__(self) -> str:
        return self.name


class Chain(Node):
    """Fields of something: of dot (base None), of a variable (base "$x") or of a parenthesised pipeline."""

    __slots__ = ("base", "fields")

    def __init__(self, at: int, base: Node | str | None, fields: list[str]) -> None:
        self.at, self.base, self.fields = at, base, fields

    def __str__(self) -> str:
        base = "" if self.base is None else f"({self.base})" if isinstance(self.base, Pipe) else str(self.base)
        return base + "".join([f".{field}" for field in self.fields])


class Command(Node):
    __slots__ = ("args",)

    def __init__(self, at: int, args: list[Node]) -> None:
        self.at, self.args = at, args

    def __str__(self) -> str:
        return " ".join([f"({arg})" if isinstance(arg, Pipe) else str(arg) for arg in self.args])


class Pipe(Node):
    """decl: variables that take the value; assign: "=" rather than ":="."""

    __slots__ = ("assign", "commands", "decl")

    def __init__(self, at: int, decl: list[str], assign: bool, commands: list[Command]) -> None:
        self.at, self.decl, self.assign, self.commands = at, decl, assign, commands

    def __str__(self) -> str:
        text = " | ".join(map(str, self.commands))
        if self.decl:
            text = f"{', '.join(self.decl)} {'=' if self.assign else ':='} {text}"
        return text


class Action(Node):
    __slots__ = ("pipe",)

    def __init__(self, at: int, pipe: Pipe) -> None:
        self.at, self.pipe = at, pipe


class Branch(Node):
    """kind: if, range or with."""

    __slots__ = ("kind", "no", "pipe", "yes")

    def __init__(self, at: int, kind: str, pipe: Pipe, yes: list[Node], no: list[Node]) -> None:
        self.at, self.kind, self.pipe, self.yes, self.no = at, kind, pipe, yes, no


class Jump(Node):
    """kind: break or continue."""

    __slots__ = ("kind",)

    def __init__(self, at: int, kind: str) -> None:
        self.at, self.kind = at, kind


class Call(Node):
    """{{template "name" pipe}}."""

    __slots__ = ("name", "pipe", "source")

    def __init__(self, at: int, name: str, pipe: Pipe | None, source: str) -> None:
        self.at, self.name, self.pipe, self.source = at, name, pipe, source

    def __str__(self) -> str:
        return self.source
