"""From tokens to nodes. Error texts are Go's."""

from __future__ import annotations

from ocikit.common.gotemplate.lexer import Lexer, TemplateError, Token
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

# Nobody writes deeper than this, and Python's stack must not decide.
MAX_DEPTH = 60

OPERANDS = frozenset(("field", "var", "ident", "string", "number", "char", "bool", "dot", "("))
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}


class Parser:
    """Parses one template text; ``trees`` maps names of defined templates to their nodes."""

    def __init__(self, text: str, name: str, functions: Container[str]) -> None:
        self.lexer = Lexer(text, name)
        self.source = text
        self.functions = functions
        self.stream = list(self.lexer.tokens())
        self.at = 0
        self.depth = 0
        self.loops = 0
        self.variables = ["$"]
        self.trees: dict[str, list[Node]] = {}
        self.name = name

    def parse(self) -> dict[str, list[Node]]:
        """All templates in the text; the main one under its own name."""
        main: list[Node] = []
        while self.peek().kind != "eof":
            if self.peek().kind == "left" and self._after_left() == "define":
                self._define()
                continue
            node = self._item()
            if isinstance(node, Token):
                raise self.fail(node, f"unexpected {{{{{node.text}}}}}")
            if node is not None:
                main.append(node)
        self.trees[self.name] = main
        return self.trees

    def fail(self, token: Token, message: str) -> TemplateError:
        """A parse error at a token."""
        return self.lexer.fail(token.at, message)

    def peek(self) -> Token:
        return self.stream[self.at]

    def next(self) -> Token:
        token = self.stream[self.at]
        self.at += token.kind != "eof"
        return token

    def skip_space(self) -> Token:
        """The next token that is no space, not taken."""
        while self.stream[self.at].kind == "space":
            self.at += 1
        return self.stream[self.at]

    def next_word(self) -> Token:
        self.skip_space()
        return self.next()

    def _after_left(self) -> str:
        at = self.at + 1
        while self.stream[at].kind == "space":
            at += 1
        return self.stream[at].text

    def unexpected(self, token: Token, context: str) -> TemplateError:
        return self.fail(token, f"unexpected {token} in {context}")

    def _item(self) -> Node | Token | None:
        """A node; or the token of {{end}} or {{else}}, which the caller asked for; or nothing after a define."""
        token = self.next()
        if token.kind == "text":
            return Text(token.at, token.text)
        word = self.skip_space()
        if word.kind == "keyword" and word.text != "nil":
            self.next()
            handler = {"if": self._branch, "range": self._branch, "with": self._branch}.get(word.text)
            if handler:
                return handler(word)
            if word.text in ("end", "else"):
                return word
            if word.text in ("break", "continue"):
                if not self.loops:
                    raise self.fail(word, f"{{{{{word.text}}}}} outside {{{{range}}}}")
                self._close(word.text)
                return Jump(word.at, word.text)
            if word.text == "template":
                return self._call(word)
            if word.text == "block":
                return self._block(word)
            raise self.unexpected(word, "command")
        pipe = self._pipeline("command", ("right",))
        return Action(pipe.at, pipe)

    def _close(self, context: str) -> None:
        token = self.next_word()
        if token.kind != "right":
            raise self.unexpected(token, context)

    def _list(self) -> tuple[list[Node], Token]:
        """Nodes up to {{end}} or {{else}}, and that token."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(self.peek(), "actions are nested too deeply")
        nodes: list[Node] = []
        while self.peek().kind != "eof":
            node = self._item()
            if isinstance(node, Token):
                self.depth -= 1
                return nodes, node
            if node is not None:
                nodes.append(node)
        raise self.fail(self.peek(), "unexpected EOF")

    def _branch(self, word: Token) -> Node:
        visible = len(self.variables)
        kind = word.text
        pipe = self._pipeline(kind, ("right",))
        self.loops += kind == "range"
        yes, end = self._list()
        self.loops -= kind == "range"
        no: list[Node] = []
        if end.text == "else":
            follows = self.skip_space()
            if follows.kind == "keyword" and follows.text == kind and kind in ("if", "with"):
                self.next()
                no = [self._branch(follows)]
            else:
                self._close("else")
                no, end = self._list()
                if end.text != "end":
                    raise self.fail(end, "expected end; found {{else}}")
                self._close("end")
        else:
            self._close("end")
        del self.variables[visible:]
        return Branch(pipe.at, kind, pipe, yes, no)

    def _define(self) -> None:
        self.next()
        self.next_word()
        name = self._name("define clause")
        self._close("define clause")
        outer, self.variables = self.variables, ["$"]
        nodes, end = self._list()
        if end.text != "end":
            raise self.fail(end, f"unexpected {{{{{end.text}}}}} in define clause")
        self._close("end")
        self.variables = outer
        self._add(end, name, nodes)

    def _add(self, token: Token, name: str, nodes: list[Node]) -> None:
        if name in self.trees or name == self.name:
            raise self.fail(token, f'template: multiple definition of template "{name}"')
        self.trees[name] = nodes

    def _name(self, context: str) -> str:
        token = self.next_word()
        if token.kind != "string":
            raise self.unexpected(token, context)
        return self._string(token)

    def _call(self, word: Token) -> Node:
        start = self.skip_space()
        name = self._name("template clause")
        pipe = None
        if self.skip_space().kind == "right":
            self.next()
        else:
            pipe = self._pipeline("template clause", ("right",))
        stop = self.source.find("}}", start.at)
        return Call(start.at, name, pipe, f"{{{{template {self.source[start.at : stop].strip()}}}}}")

    def _block(self, word: Token) -> Node:
        start = self.skip_space()
        name = self._name("block clause")
        pipe = self._pipeline("block clause", ("right",))
        outer, self.variables = self.variables, ["$"]
        nodes, end = self._list()
        if end.text != "end":
            raise self.fail(end, f"unexpected {{{{{end.text}}}}} in block clause")
        self._close("end")
        self.variables = outer
        self._add(end, name, nodes)
        return Call(start.at, name, pipe, f'{{{{template "{name}" {pipe}}}}}')

    def _pipeline(self, context: str, ends: tuple[str, ...]) -> Pipe:
        start = self.skip_space()
        decl, assign = self._declarations(context)
        commands: list[Command] = []
        while True:
            token = self.skip_space()
            if token.kind in ends:
                self.next()
                break
            if token.kind not in OPERANDS and token.text != "nil":
                if token.kind == "right" and ends == (")",):
                    raise self.fail(token, "unclosed left paren")
                raise self.unexpected(token, context)
            commands.append(self._command(ends))
        if not commands:
            raise self.fail(start, f"missing value for {context}")
        for number, command in enumerate(commands[1:], 2):
            if isinstance(command.args[0], (Constant, Dot, Nil)):
                raise self.fail(start, f"non executable command in pipeline stage {number}")
        return Pipe(start.at, decl, assign, commands)

    def _declarations(self, context: str) -> tuple[list[str], bool]:
        """``$x :=``, ``$x =``, ``$i, $e :=`` at the start of a pipeline, if it stands there."""
        decl: list[str] = []
        begin = self.at
        while self.skip_space().kind == "var":
            token = self.next()
            decl.append(token.text)
            follows = self.skip_space()
            if follows.kind in ("declare", "assign"):
                self.next()
                if follows.kind == "declare":
                    self.variables += decl
                elif decl[0] not in self.variables:
                    raise self.fail(token, f'undefined variable "{decl[0]}"')
                return decl, follows.kind == "assign"
            if follows.kind == "," and context == "range":
                self.next()
                if len(decl) == 2:
                    raise self.fail(follows, "too many declarations in range")
                continue
            break
        self.at = begin
        self.skip_space()
        return [], False

    def _command(self, ends: tuple[str, ...]) -> Command:
        start = self.peek()
        args: list[Node] = []
        while True:
            self.skip_space()
            operand = self._operand()
            if operand is not None:
                args.append(operand)
            token = self.peek()
            if token.kind == "space":
                # A space before "|" or the end is no new argument.
                follows = self.skip_space()
                if follows.kind in OPERANDS or follows.text == "nil":
                    continue
                token = follows
            if token.kind == "|":
                self.next()
            elif token.kind not in ends:
                if token.kind == "right":
                    raise self.fail(token, "unclosed left paren")
                raise self.unexpected(token, "operand")
            break
        return Command(start.at, args)

    def _operand(self) -> Node | None:
        node = self._term()
        if node is None:
            return None
        if self.peek().kind != "field":
            return node
        at = self.peek().at
        fields = []
        while self.peek().kind == "field":
            fields.append(self.next().text[1:])
        if isinstance(node, Chain) and not isinstance(node.base, Node):
            return Chain(at, node.base, node.fields + fields)
        if isinstance(node, (Constant, Nil)):
            raise self.fail(self.peek(), f'unexpected . after term "{node}"')
        return Chain(at, node, fields)

    def _term(self) -> Node | None:
        token = self.next()
        if token.kind == "field":
            return Chain(token.at, None, [token.text[1:]])
        if token.kind == "var":
            if token.text not in self.variables:
                raise self.fail(token, f'undefined variable "{token.text}"')
            return Chain(token.at, token.text, [])
        if token.kind == "ident":
            if token.text not in self.functions:
                raise self.fail(token, f'function "{token.text}" not defined')
            return Identifier(token.at, token.text)
        if token.kind == "dot":
            return Dot(token.at)
        if token.text == "nil":
            return Nil(token.at)
        if token.kind == "bool":
            return Constant(token.at, token.text == "true", token.text)
        if token.kind == "string":
            return Constant(token.at, self._string(token), token.text)
        if token.kind in ("number", "char"):
            return Constant(token.at, self._number(token), token.text)
        if token.kind == "(":
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise self.fail(token, "parentheses are nested too deeply")
            pipe = self._pipeline("parenthesized pipeline", (")",))
            self.depth -= 1
            return pipe
        self.at -= token.kind != "eof"
        return None

    def _string(self, token: Token) -> str:
        if token.text[0] == "`":
            return token.text[1:-1].replace("\r", "")
        return self._unquote(token)

    def _unquote(self, token: Token) -> str:
        body, out, at = token.text[1:-1], [], 0
        raw = bytearray()
        while at < len(body):
            char = body[at]
            at += 1
            if char != "\\":
                out.append(char)
                continue
            escape = body[at : at + 1]
            at += 1
            width = {"x": 2, "u": 4, "U": 8}.get(escape)
            try:
                if width:
                    digits = body[at : at + width]
                    if len(digits) < width or digits.strip("0123456789abcdefABCDEF"):
                        raise ValueError
                    code = int(digits, 16)
                    at += width
                elif escape and escape in "01234567":
                    digits = body[at - 1 : at + 2]
                    if len(digits) < 3 or digits.strip("01234567"):
                        raise ValueError
                    code = int(digits, 8)
                    at += 2
                else:
                    out.append(_SIMPLE[escape])
                    continue
                if escape in "uU":
                    if 0xD800 <= code < 0xE000:
                        raise ValueError
                    out.append(chr(code))
                elif code < 0x80:
                    out.append(chr(code))
                elif code > 0xFF:
                    raise ValueError
                else:
                    out.append(chr(0xDC00 + code))  # a single byte, as surrogateescape keeps it
            except (KeyError, ValueError, OverflowError):
                raise self.fail(token, "invalid syntax") from None
        text = "".join(out)
        try:
            raw += text.encode("utf-8", "surrogateescape")
            return raw.decode("utf-8", "surrogateescape")
        except UnicodeError:
            return text

    def _number(self, token: Token) -> int | float:
        text = token.text
        if token.kind == "char":
            value = self._unquote(token)
            if len(value) != 1:
                raise self.fail(token, f"malformed character constant: {text}")
            return ord(value)
        from ocikit.common.cli.values import parse_int

        try:
            return parse_int(text)
        except ValueError as error:
            if "range" in str(error):
                raise self.fail(token, f'integer overflow: "{text}"') from None
        try:
            if not text.replace("_", "").strip("0123456789.eE+-") and "_" not in text:
                return float(text)
            if text.lower().lstrip("+-").startswith("0x"):
                return float.fromhex(text)
        except ValueError:
            pass
        raise self.fail(token, f'bad number syntax: "{text}"')
