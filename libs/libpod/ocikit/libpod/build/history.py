"""The exact ``created_by`` texts of a step. They are the key of the layer cache, so every blank counts. Pure."""

from __future__ import annotations

from ocikit.libpod.build.lexer import Instruction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOP = "/bin/sh -c #(nop) "


def run_text(instruction: Instruction, args: Mapping[str, str], mount_digests: Sequence[str] = ()) -> str:
    """RUN: used ARGs in front (sorted), the text as written, heredoc bodies, then each bind mount's checksum."""
    text = "/bin/sh -c " + instruction.original.split(None, 1)[1] if " " in instruction.original else "/bin/sh -c "
    for heredoc in instruction.heredocs:
        text += "\n" + heredoc.content.rstrip("\n") + "\n" + heredoc.name
    text += "".join(":" + digest for digest in mount_digests)
    if args:
        text = f"|{len(args)} " + " ".join(f"{name}={args[name]}" for name in sorted(args)) + " " + text
    return text


def copy_text(instruction: Instruction, digest: str, destination: str, suffixes: Sequence[str], *, link: bool) -> str:
    """COPY and ADD: the content's digest instead of the sources; ``suffixes`` are the five metadata fields."""
    word = instruction.keyword + (" --link" if link else "")
    return f"{NOP}{word} {digest} in {destination} " + " ".join([*suffixes, ""])


def arg_text(declared: Mapping[str, str]) -> str:
    """ARG: the sorted names declared so far that have a value, never the values."""
    return f"{NOP}ARG " + " ".join(sorted(declared))


def plain_text(instruction: Instruction) -> str:
    """Every other instruction: the text as written."""
    return NOP + instruction.original


def suffixes(
    *,
    unset_labels: Sequence[str] = (),
    inherit_labels: bool = True,
    unset_annotations: Sequence[str] = (),
    inherit_annotations: bool = True,
    force_mtime: int | None = None,
    clamp_mtime: int | None = None,
    annotations: Sequence[str] = (),
) -> list[str]:
    """The five metadata fields that follow a text when options change what a step makes (joined by blanks for COPY)."""
    labels = "".join(f"|unsetLabel={name}" for name in unset_labels)
    labels += "" if inherit_labels else "|inheritLabels=false"
    notes = "".join(f"|unsetAnnotation={name}" for name in unset_annotations)
    notes += "" if inherit_annotations else "|inheritAnnotations=false"
    force = "" if force_mtime is None else f"|force-mtime={force_mtime}"
    clamp = "" if clamp_mtime is None else f"|clamp-mtime={clamp_mtime}"
    return [labels, notes, force, clamp, ",".join(annotations)]
