"""Finding the input of a build: the context directory (local, tar, URL, git) and the Containerfile's text.

Source: podman-build(1) and buildah-build(1), "DESCRIPTION", options ``--file`` and ``--cpp-flag``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ocikit.libpod.build.errors import BuildError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_GIT = re.compile(r"^(git://|ssh://git@|git@|https?://[^#]*\.git(#|$))")
_URL = re.compile(r"^https?://")


class Context:
    """A context directory and the Containerfiles, as (path, text). ``close`` removes what was fetched for it."""

    def __init__(self, directory: str, files: list[tuple[str, str]], temporary: str = "") -> None:
        self.directory, self.files, self._temporary = directory, files, temporary

    def close(self) -> None:
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)


def open_context(context: str, containerfiles: Sequence[str], cpp_flags: Sequence[str] = ()) -> Context:
    """Raises BuildError when the context or the Containerfile cannot be found, fetched or read."""
    directory, temporary, inline = context or ".", "", ""
    if context == "-" or _GIT.match(context) or _URL.match(context) or context.startswith("github.com/"):
        temporary = tempfile.mkdtemp(prefix="buildah", dir=os.environ.get("TMPDIR", "/var/tmp"))
        try:
            directory, inline = _fetch(context, temporary)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    try:
        if not os.path.isdir(directory):
            raise BuildError(f'the context "{directory}" is not a directory')
        # Whatever a pattern or a symlink of the context says is meant below its real place.
        directory = os.path.realpath(directory)
        files = [_read(directory, name, cpp_flags) for name in containerfiles]
        if not files:
            files = [("Dockerfile", inline)] if inline else [_read(directory, _default(directory), cpp_flags)]
        return Context(directory, files, temporary)
    except BaseException:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
        raise


def _default(directory: str) -> str:
    for name in ("Containerfile", "Dockerfile"):
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            return path
    where = os.path.join(directory, "Dockerfile")
    raise BuildError(
        f"cannot find Containerfile or Dockerfile in context directory: stat {where}: no such file or directory",
        hint="Name the file with --file, or the directory that holds it as the context.",
    )


def _read(directory: str, name: str, cpp_flags: Sequence[str]) -> tuple[str, str]:
    if name == "-":
        return "-", sys.stdin.read()
    if _URL.match(name):
        return name, _download(name).decode(errors="replace")
    candidates = [name] if os.path.isabs(name) else [name, os.path.join(directory, name)]
    path = next((c for c in candidates if os.path.exists(c)), "")
    if not path:
        raise BuildError(f"the specified Containerfile or Dockerfile does not exist, {name}: no such file or directory")
    if os.path.isdir(path):
        raise BuildError(f'containerfile: "{path}" cannot be path to a directory')
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BuildError(f"cannot read {path}: {error.strerror}") from None
    if not data:
        raise BuildError(f'no contents in "{name}"')
    text = data.decode(errors="surrogateescape")
    return path, _preprocess(text, directory, cpp_flags) if path.endswith(".in") else text


def _preprocess(text: str, directory: str, flags: Sequence[str]) -> str:
    command = ["cpp", "-E", "-iquote", directory, "-traditional", "-undef", "-", *flags]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError("a Containerfile named *.in needs the C preprocessor, and cpp is not installed") from None
    if done.returncode:
        raise BuildError(f"preprocessing failed: {done.stderr.strip().splitlines()[-1]}")
    # cpp leaves its line marks in; a Containerfile reads them as comments.
    return done.stdout


def _fetch(context: str, temporary: str) -> tuple[str, str]:
    """Fetches a remote context into ``temporary``: (directory, text of a bare Containerfile or "")."""
    target = os.path.join(temporary, "download")
    os.mkdir(target)
    if _GIT.match(context):
        return _clone(context, target), ""
    if context == "-":
        data = sys.stdin.buffer.read()
    else:
        if context.startswith("github.com/"):
            context = f"https://{context}/archive/master.tar.gz"
        data = _download(context)
    if not data:
        raise BuildError("prepping temporary context directory: the context is empty")
    if not _looks_like_tar(data):
        return target, data.decode(errors="surrogateescape")
    import io

    from ocikit.storage.archive import ApplyOptions, apply_layer, open_decompressed

    reader, _ = open_decompressed(io.BytesIO(data))
    apply_layer(reader, target, ApplyOptions(whiteouts="plain", ignore_chown_errors=True))
    entries = os.listdir(target)
    if context != "-" and len(entries) == 1 and os.path.isdir(os.path.join(target, entries[0])):
        return os.path.join(target, entries[0]), ""
    return target, ""


def _looks_like_tar(data: bytes) -> bool:
    magics = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
    return data.startswith(magics) or data[257:262] == b"ustar"


def _clone(context: str, target: str) -> str:
    """``URL[#ref[:subdir]]`` with the real git."""
    url, _, fragment = context.partition("#")
    ref, _, subdirectory = fragment.partition(":")
    commands = [
        ["git", "init", "-q", target],
        ["git", "-C", target, "remote", "add", "origin", url],
        ["git", "-C", target, "fetch", "-q", "-u", "--depth=1", "origin", "--", ref or "HEAD"],
        ["git", "-C", target, "checkout", "-q", "FETCH_HEAD"],
    ]
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        except FileNotFoundError:
            raise BuildError("a git context needs git, and it is not installed") from None
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise BuildError(f"prepping temporary context directory: git {command[3]}: {said[-1]}")
    from ocikit.libpod.build.rooted import resolve

    return resolve(target, subdirectory) if subdirectory else target


def _download(url: str) -> bytes:
    import requests

    try:
        answer = requests.get(url, timeout=60)
    except requests.RequestException as error:
        raise BuildError(f'prepping temporary context directory: reading "{url}": {error}') from None
    if answer.status_code != 200:
        raise BuildError(f'reading "{url}": invalid response status {answer.status_code}')
    return answer.content
