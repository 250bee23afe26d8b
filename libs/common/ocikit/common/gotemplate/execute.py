"""Walks a parsed template over data and collects the text."""

from __future__ import annotations

from ocikit.common.gotemplate import verbs
from ocikit.common.gotemplate.funcs import FUNCTIONS, LAZY, Failure, truth
from ocikit.common.gotemplate.lexer import TemplateError
from ocikit.common.gotemplate.nodes import (
    Action,
    Branch,
    Call,
    Chain,
    Command,
    Constant,
    Dot,
    Identifier,
    Jump,
    Nil,
    Node,
    Pipe,
    Text,
)
from ocikit.common.gotemplate.parser import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

# {{template}} may call itself; Go allows 100,000, Python's stack does not.
MAX_CALLS = 100


class Missing:
    """The value of a map's unknown key and of nothing at all; prints as Go prints it."""

    def __str__(self) -> str:
        return "<no value>"


MISSING: Any = Missing()


class Record(dict[str, "Any"]):
    """A dict that is a struct whatever its keys, with the type name that errors show."""

    is_struct = True
    go_type = "struct"


class Break(Exception):
    """{{break}} on its way to the loop."""


class Continue(Exception):
    """{{continue}} on its way to the loop."""


class Template:
    """A parsed template, to be executed any number of times. ``functions`` are further ones, by name."""

    def __init__(
        self, text: str, name: str = "format", functions: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        self.name = name
        self.text = text
        self.functions = FUNCTIONS
        if functions:
            self.functions = {**FUNCTIONS, **{key: (value, 0, None, (object,)) for key, value in functions.items()}}
        self.trees = Parser(text, name, {*self.functions, *LAZY}).parse()

    def execute(self, data: Any) -> str:
        """The text for these data. TemplateError when they do not fit."""
        state = _State(self)
        state.variables = [("$", data)]
        state.walk(data, self.trees[self.name])
        return "".join(state.out)


class _State:
    def __init__(self, template: Template) -> None:
        self.template = template
        self.out: list[str] = []
        self.variables: list[tuple[str, Any]] = []
        self.calls = 0

    def fail(self, node: Node, message: str) -> TemplateError:
        text, name = self.template.text, self.template.name
        line = text.count("\n", 0, node.at) + 1
        start = text.rfind("\n", 0, node.at) + 1
        column = len(text[start : node.at].encode("utf-8", "surrogateescape"))
        return TemplateError(f'template: {name}:{line}:{column}: executing "{name}" at <{node}>: {message}')

    def walk(self, dot: Any, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if isinstance(node, Text):
                self.out.append(node.text)
            elif isinstance(node, Action):
                value = self.pipe(dot, node.pipe)
                if not node.pipe.decl:
                    self.out.append(self.shown(node.pipe, value))
            elif isinstance(node, Branch):
                visible = len(self.variables)
                if node.kind == "range":
                    self.range(dot, node)
                else:
                    value = self.pipe(dot, node.pipe)
                    holds = value is not MISSING and truth(value)
                    self.walk(value if holds and node.kind == "with" else dot, node.yes if holds else node.no)
                del self.variables[visible:]
            elif isinstance(node, Jump):
                raise Break if node.kind == "break" else Continue
            elif isinstance(node, Call):
                self.call_template(dot, node)

    def shown(self, node: Node, value: Any) -> str:
        if value is MISSING:
            return "<no value>"
        if callable(value):
            raise self.fail(node, "can't print a function")
        return verbs.default(value)

    def range(self, dot: Any, node: Branch) -> None:
        value = self.pipe(dot, node.pipe, declare=False)
        pairs: list[tuple[Any, Any]]
        if value is None or value is MISSING:
            pairs = []
        elif isinstance(value, dict) and not verbs.is_struct(value):
            pairs = [(key, value[key]) for key in sorted(value, key=str)]
        elif isinstance(value, (list, tuple)):
            pairs = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(i, i) for i in range(value)]
        else:
            raise self.fail(node.pipe.commands[-1], f"range can't iterate over {verbs.default(value)}")
        if not pairs:
            self.walk(dot, node.no)
            return
        decl = node.pipe.decl
        visible = len(self.variables)
        for key, item in pairs:
            named = (item,) if len(decl) == 1 else (key, item)
            if node.pipe.assign:
                for name, bound in zip(decl, named, strict=False):
                    self.assign(name, bound)
            else:
                self.variables += zip(decl, named, strict=False)
            try:
                self.walk(item, node.yes)
            except Continue:
                pass
            except Break:
                break
            finally:
                del self.variables[visible:]

    def call_template(self, dot: Any, node: Call) -> None:
        nodes = self.template.trees.get(node.name)
        if nodes is None:
            raise self.fail(node, f'template "{node.name}" not defined')
        if self.calls >= MAX_CALLS:
            raise self.fail(node, "exceeded maximum template depth")
        value = self.pipe(dot, node.pipe) if node.pipe else MISSING
        outer, self.variables = self.variables, [("$", value)]
        self.calls += 1
        self.walk(value, nodes)
        self.calls -= 1
        self.variables = outer

    def assign(self, name: str, value: Any) -> None:
        for i in range(len(self.variables) - 1, -1, -1):
            if self.variables[i][0] == name:
                self.variables[i] = (name, value)
                return

    def variable(self, node: Node, name: str) -> Any:
        for known, value in reversed(self.variables):
            if known == name:
                return value
        # The parser knows it; this is a pipeline that uses what it is about to declare.
        raise self.fail(node, f"undefined variable: {name}")

    def pipe(self, dot: Any, pipe: Pipe, declare: bool = True) -> Any:
        value: Any = MISSING
        for number, command in enumerate(pipe.commands):
            value = self.command(dot, command, () if number == 0 else (value,))
        if declare:
            for name in pipe.decl:
                if pipe.assign:
                    self.assign(name, value)
                else:
                    self.variables.append((name, value))
        return value

    def command(self, dot: Any, command: Command, final: tuple[Any, ...]) -> Any:
        first, rest = command.args[0], command.args[1:]
        if isinstance(first, Identifier):
            return self.function(dot, first, command, rest, final)
        if isinstance(first, Chain) and first.fields:
            return self.chain(dot, first, rest, final)
        if rest or final:
            raise self.fail(first, f"can't give argument to non-function {first}")
        if isinstance(first, Nil):
            raise self.fail(first, "nil is not a command")
        return self.argument(dot, first)

    def argument(self, dot: Any, node: Node) -> Any:
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, Dot):
            return dot
        if isinstance(node, Nil):
            return None
        if isinstance(node, Pipe):
            return self.pipe(dot, node)
        if isinstance(node, Identifier):
            return self.function(dot, node, node, [], ())
        assert isinstance(node, Chain)
        return self.chain(dot, node, [], ())

    def chain(self, dot: Any, node: Chain, rest: list[Node], final: tuple[Any, ...]) -> Any:
        base = node.base
        value = (
            dot if base is None else self.variable(node, base) if isinstance(base, str) else self.argument(dot, base)
        )
        last = len(node.fields) - 1
        for i, name in enumerate(node.fields):
            given = (*[self.argument(dot, arg) for arg in rest], *final) if i == last else ()
            value = self.field(node, value, name, given)
        return value

    def field(self, node: Chain, value: Any, name: str, given: tuple[Any, ...]) -> Any:
        """One field of a value; ``given`` are the arguments if it is a method."""
        found = lookup(value, name)
        if found is MISSING:
            if value is MISSING or value is None:
                if node.base is None and len(node.fields) == 1:
                    return MISSING
                raise self.fail(node, f"nil pointer evaluating interface {{}}.{name}")
            if not isinstance(value, dict) or verbs.is_struct(value):
                raise self.fail(node, f"can't evaluate field {name} in type {verbs.type_name(value)}")
        if callable(found):
            try:
                return found(*given)
            except (TypeError, Failure) as error:
                raise self.fail(node, f"error calling {name}: {error}") from None
        if given:
            raise self.fail(node, f"{name} has arguments but cannot be invoked as function")
        if found is None and isinstance(value, dict) and not verbs.is_struct(value):
            return MISSING
        return found

    def function(self, dot: Any, name: Identifier, shown: Node, args: list[Node], final: tuple[Any, ...]) -> Any:
        if name.name in LAZY:
            return self.lazy(dot, name, args, final)
        function, least, most, kinds = self.template.functions[name.name]
        count = len(args) + len(final)
        if count < least or (most is not None and count > most):
            wanted = f"at least {least}" if most is None else str(least)
            raise self.fail(name, f"wrong number of args for {name.name}: want {wanted} got {count}")
        values = []
        for i, node in enumerate(args):
            value = self.argument(dot, node)
            self.check(node, value, kinds[min(i, len(kinds) - 1)])
            values.append(value)
        if final:
            self.check(name, final[0], kinds[min(len(args), len(kinds) - 1)])
            values += final
        try:
            return function(*[None if value is MISSING else value for value in values])
        except Failure as error:
            raise self.fail(shown, f"error calling {name.name}: {error}") from None

    def check(self, node: Node, value: Any, kind: Any) -> None:
        """Refuses an argument of a wrong type with Go's words."""
        if kind is object or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
            return
        wanted = {str: "string", int: "int"}.get(kind, "[]string")
        if isinstance(node, Constant):
            if wanted[0] == "[":
                raise self.fail(node, f"can't handle {node} for arg of type {wanted}")
            raise self.fail(node, f"expected {'integer' if kind is int else wanted}; found {node}")
        if value is None or value is MISSING:
            raise self.fail(node, f"invalid value; expected {wanted}")
        raise self.fail(node, f"wrong type for value; expected {wanted}; got {verbs.type_name(value)}")

    def lazy(self, dot: Any, name: Identifier, args: list[Node], final: tuple[Any, ...]) -> Any:
        """and, or: the first argument that decides; those after it are not evaluated."""
        if not args and not final:
            raise self.fail(name, f"wrong number of args for {name.name}: want at least 1 got 0")
        value: Any = None
        for node in args:
            value = self.argument(dot, node)
            if truth(None if value is MISSING else value) == (name.name == "or"):
                return value
        return final[0] if final else value


def lookup(value: Any, name: str) -> Any:
    """A field by its Go name; MISSING if there is none."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        if hasattr(type(value), "__missing__"):
            return value[name]
        if verbs.is_struct(value):
            folded = name.lower()
            for key in value:
                if key.lower() == folded:
                    return value[key]
        return MISSING
    if value is None or isinstance(value, (bool, int, float, str, bytes, list, tuple, Missing)) or name.startswith("_"):
        return MISSING
    for candidate in (name, snake(name), name.lower()):
        if hasattr(value, candidate):
            return getattr(value, candidate)
    return MISSING


def snake(name: str) -> str:
    """CreatedAt -> created_at, ImageID -> image_id."""
    out = []
    for i, char in enumerate(name):
        if char.isupper() and i and (name[i - 1].islower() or name[i + 1 : i + 2].islower()):
            out.append("_")
        out.append(char.lower())
    return "".join(out)
