"""Go's text/template, as far as people write it behind ``--format``.

>>> from ocikit.common import gotemplate
>>> gotemplate.render("{{range .Names}}{{upper .}} {{end}}", {"Names": ["a", "b"]})
'A B '

Actions, pipelines, variables, if/else/range/with/define/template/block/break/continue, trimming, comparisons and the
predefined functions are as in https://pkg.go.dev/text/template; ``json``, ``join``, ``split``, ``lower``, ``upper``,
``title``, ``pad`` and ``truncate`` are those of Docker's and Podman's formatting.

Data are plain Python values. A dict whose keys all begin with a capital letter stands for a Go struct: an unknown field
is an error, letter case does not matter. Any other dict is a map: an unknown key prints "<no value>". Objects give their
attributes (``CreatedAt`` finds ``created_at``); what is callable is called. A ``Record`` is a struct with a type name.
"""

from __future__ import annotations

from ocikit.common.gotemplate.execute import Record, Template
from ocikit.common.gotemplate.lexer import TemplateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["Record", "Template", "TemplateError", "render", "render_rows", "unescape"]


def render(template: str, data: Any, name: str = "format") -> str:
    """The text that the template makes of the data. ``name`` is what errors call the template: the command's name."""
    return Template(template, name).execute(data)


def unescape(template: str) -> str:
    r"""``\t`` and ``\n`` typed as two characters outside of actions become what they mean, as Podman reads --format."""
    out, at = [], 0
    while at < len(template):
        left = template.find("{{", at)
        plain = template[at:] if left < 0 else template[at:left]
        out.append(plain.replace("\\t", "\t").replace("\\n", "\n"))
        if left < 0:
            break
        right = template.find("}}", left)
        at = len(template) if right < 0 else right + 2
        out.append(template[left:at])
    return "".join(out)


def render_rows(
    template: str,
    rows: Iterable[Any],
    headers: Mapping[str, str] | None = None,
    name: str = "ls",
    noheading: bool = False,
) -> str:
    r"""What ``--format`` prints for a list: one line a row.

    ``table {{.ID}}\t{{.Names}}`` aligns columns under headings: ``headers`` maps fields to theirs; what it lacks is
    derived from the field's name.
    """
    from ocikit.common.tables import align

    text = unescape(template.strip())
    table = text == "table" or text.startswith("table ")
    if table:
        # Spaces between fields separate columns as tabs do.
        text = text[6:].strip().replace("}} {{", "}}\t{{")
    out = []
    compiled = Template(text, name)
    if table and not noheading:
        out.append(_heading(text, name, headers or {}))
    out += [compiled.execute(row) for row in rows]
    body = "".join([line if line.endswith("\n") and not table else line + "\n" for line in out])
    return align(body) if table or "\t" in text else body


def _heading(text: str, name: str, headers: Mapping[str, str]) -> str:
    """The template over headings instead of data; functions of texts and lists leave a heading as it is."""
    same = dict.fromkeys(
        ("json", "lower", "upper", "title", "join", "split", "truncate", "pad", "len"), lambda text, *_: text
    )
    return Template(text, name, same).execute(_Headings(headers))


class _Headings(dict[str, str]):
    """Answers every field with its heading: CreatedAt -> CREATED AT."""

    def __missing__(self, key: str) -> str:
        out = []
        for i, char in enumerate(key):
            follows_lower = i > 0 and key[i - 1].islower()
            begins_word = i > 0 and key[i - 1].isupper() and key[i + 1 : i + 2].islower()
            if char.isupper() and (follows_lower or begins_word):
                out.append(" ")
            out.append(char.upper())
        return "".join(out)
