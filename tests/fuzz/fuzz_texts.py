"""Fuzz targets for the texts that come from outside: manifests, references, Containerfiles, templates, TOML, challenges.

With atheris (``tox -e fuzz-texts``), or without it by a plain mutator: ``python tests/fuzz/fuzz_texts.py --seconds 20``.
Anything but a value or an error of ours that is one sentence is a finding.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable

from ocikit.common import gotemplate, jsonfast
from ocikit.common.config import toml
from ocikit.common.errors import OcikitError
from ocikit.image.manifest.guess import parse_list, parse_manifest
from ocikit.image.reference import parse_normalized
from ocikit.image.registry.challenge import parse_challenges
from ocikit.libpod.build import expand, ignore, lexer, stages

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DIGEST = "sha256:" + "0" * 64


def containerfile(text: str) -> None:
    steps = lexer.parse(text)
    stages.plan_stages(steps, {}, {})


TARGETS: list[tuple[Callable[[str], object], str]] = [
    (containerfile, "FROM a AS b\nARG X=1\nRUN --mount=type=bind,from=b,target=/x <<EOF\necho $X\nEOF\nCOPY --from=b a /b\n"),
    (lambda text: expand.expand(text, {"V": "a.b"}), "${V:-x}${V#*.}\"$V\"'$V'${V/a/b}"),
    (lambda text: ignore.parse_ignore(text).excluded("a/b.c"), "a/**/b\n!*.c\n[a-z]?"),
    (parse_normalized, "host:5000/a/b:tag@" + DIGEST),
    (lambda text: parse_challenges([text]), 'Bearer realm="https://x/y",service="a, b",scope="c"'),
    (lambda text: toml.loads(text), 'a = "b"\n[c.d]\ne = [1, "f"]\ng = true\n'),
    (lambda text: gotemplate.render(text, {"A": [1, 2], "B": "x"}), '{{range $i, $e := .A}}{{printf "%d %v" $i $e}}{{end}}'),
    (lambda text: parse_manifest(text.encode(errors="surrogateescape"), OCI), jsonfast.dumps(
        {"schemaVersion": 2, "config": {"mediaType": "x", "digest": DIGEST, "size": 1}, "layers": []})),
    (lambda text: parse_list(text.encode(errors="surrogateescape"), INDEX), jsonfast.dumps(
        {"schemaVersion": 2, "manifests": [{"mediaType": OCI, "digest": DIGEST, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}]})),
]  # fmt: skip


def one(data: bytes) -> None:
    """The target. The first byte chooses what the rest is taken for."""
    if not data:
        return
    target, _ = TARGETS[data[0] % len(TARGETS)]
    try:
        target(data[1:].decode(errors="surrogateescape"))
    except OcikitError as error:
        assert str(error), "an error without a sentence"


def plain_loop(seconds: float, seed: int) -> int:
    """Mutates the good examples until the time is over; the number of runs."""
    chance = random.Random(seed)
    corpus = [bytes([number]) + text.encode() for number, (_, text) in enumerate(TARGETS)]
    pieces = [
        b'"',
        b"'",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b"$",
        b"\n",
        b"\0",
        b"\xff",
        b":",
        b"@",
        b"/",
        b"-1",
        b"1e999",
        b"null",
        b"<<A",
    ]
    deadline = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < deadline:
        data = bytearray(chance.choice(corpus))
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(1, len(data) + 1)
            if chance.random() < 0.5:
                data[at:at] = chance.choice(pieces)
            else:
                del data[at : at + chance.randrange(1, 12)]
        try:
            one(bytes(data))
        except BaseException:
            print(f"seed {seed}, run {runs}, input {bytes(data)!r}", file=sys.stderr)
            raise
        runs += 1
    return runs


def main() -> None:
    if "--seconds" in sys.argv:
        seconds = float(sys.argv[sys.argv.index("--seconds") + 1])
        print(f"{plain_loop(seconds, int.from_bytes(os.urandom(4), 'big'))} runs")
        return
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
