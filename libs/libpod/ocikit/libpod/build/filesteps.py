"""The steps that change files: COPY and ADD here, RUN through ``runstep``. Each has a ``key`` and can be performed."""

from __future__ import annotations

import os
import posixpath
import stat

from ocikit.libpod.build import history
from ocikit.libpod.build.copying import Attributes, Writer
from ocikit.libpod.build.digest import ContentDigest, TarHash, add_archive
from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.expand import expand
from ocikit.libpod.build.ignore import Ignore
from ocikit.libpod.build.lexer import Heredoc, Instruction
from ocikit.libpod.build.rooted import make_directories, resolve
from ocikit.libpod.build.runstep import RunStep
from ocikit.libpod.build.sources import Entry, Source, find_sources, parents_prefix
from ocikit.libpod.build.words import split_quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.libpod.build.stage import StageBuilder
    from ocikit.libpod.build.workspace import Workspace

__all__ = ["CopyStep", "RunStep"]

_COPY_FLAGS = (
    "--chmod=<permissions>",
    "--chown=<uid:gid>",
    "--from=<image|stage>",
    "--link",
    "--parents",
    "--exclude=<pattern>",
)
_ADD_FLAGS = (
    "--chmod=<permissions>",
    "--chown=<uid:gid>",
    "--checksum=<checksum>",
    "--link",
    "--keep-git-dir",
    "--exclude=<pattern>",
)
_ARCHIVES = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")


class CopyFlags:
    """The flags of COPY and ADD, expanded."""

    def __init__(self, stage: StageBuilder, step: Instruction) -> None:
        self.chown = self.chmod = self.source = self.checksum = ""
        self.link = self.parents = self.keep_git_dir = False
        self.exclude: list[str] = []
        allowed = _COPY_FLAGS if step.keyword == "COPY" else _ADD_FLAGS
        known = {text.partition("=")[0] for text in allowed}
        variables = stage.config.variables()
        for flag in step.flags:
            name, equals, value = flag.partition("=")
            value = expand(value, variables)
            if name not in known:
                listed = ", ".join(allowed[:-1])
                raise step.error(f"{step.keyword} only supports the {listed}, and {allowed[-1]} flags")
            if name == "--exclude":
                self.exclude.append(value)
            elif name in ("--link", "--parents", "--keep-git-dir"):
                setattr(self, name[2:].replace("-", "_"), not equals or value.lower() in ("true", "1"))
            else:
                setattr(self, {"--from": "source"}.get(name, name[2:]), value)


class CopyStep:
    """COPY or ADD. Sources are looked up when the key is asked for; the bytes are read again when they are written."""

    def __init__(self, stage: StageBuilder, step: Instruction) -> None:
        self.stage, self.step = stage, step
        self.flags = CopyFlags(stage, step)
        words = step.json if step.json is not None else split_quoted(step.rest)
        if len(words) < 2:
            raise step.error(f"{step.keyword} requires at least two arguments")
        names = {f"<<{'-' if h.strip_tabs else ''}{q}{h.name}{q}": h for h in step.heredocs for q in ("", "'", '"')}
        variables = stage.config.variables()
        self.heredocs: list[Heredoc] = [names[word] for word in words[:-1] if word in names]
        self.patterns = [expand(word, variables) for word in words[:-1] if word not in names]
        # The history shows it as written, also where it holds a variable.
        self.written_destination = words[-1]
        self.destination = expand(words[-1], variables)
        self.mtime_s: int | None = None
        self.keep_owner = bool(self.flags.source)
        self._sources: list[tuple[str, Source]] | None = None
        self._downloads: dict[str, tuple[bytes, int]] = {}

    # -- looking up -------------------------------------------------------------------------------------------------

    def sources(self) -> list[tuple[str, Source]]:
        """(pattern, match) for all files and directories; URLs of ADD are fetched instead."""
        if self._sources is None:
            local = [p for p in self.patterns if not self._is_url(p)]
            root, ignore, shown = self.stage.build.source_root(self.stage, self.flags.source)
            exclude = Ignore(self.flags.exclude)
            self._sources = [(p, s) for p in local for s in find_sources(root, [p], ignore, exclude, shown)]
            for url in self.patterns:
                if self._is_url(url):
                    self._fetch(url)
            if self.flags.checksum and local:
                raise self.step.error("checksum flag is not supported for local sources")
        return self._sources

    def _is_url(self, text: str) -> bool:
        if not text.startswith(("http://", "https://")):
            return False
        if self.step.keyword == "COPY":
            raise self.step.error("source can't be a URL for COPY")
        return True

    def _fetch(self, url: str) -> None:
        import hashlib

        from ocikit.libpod.build.download import fetch

        data, mtime_s = fetch(url)
        found = "sha256:" + hashlib.sha256(data).hexdigest()
        if self.flags.checksum and self.flags.checksum != found:
            raise self.step.error(f'unexpected response digest for "{url}": {found}, want {self.flags.checksum}')
        self._downloads[url] = (data, mtime_s)

    def attributes(self, root: str) -> Attributes:
        owner: tuple[int, int] | None = None if self.keep_owner else (0, 0)
        if self.flags.chown:
            from ocikit.libpod.build.users import owner_of

            owner = owner_of(root, self.flags.chown)
        mode = None
        if self.flags.chmod:
            try:
                mode = int(self.flags.chmod, 8)
            except ValueError:
                raise self.step.error(f"Error parsing chmod {self.flags.chmod}") from None
        return Attributes(owner, mode, keep_setid=self.keep_owner, mtime_s=self.mtime_s)

    # -- the key ----------------------------------------------------------------------------------------------------

    def key(self) -> str:
        """The history text without suffixes: the digest of everything that would be copied."""
        digest = ContentDigest()
        attributes = self.attributes(self.stage.build.root_for_names(self.stage) if self._names_in_chown() else "")
        renamed = self._renamed()
        for heredoc in self.heredocs:
            tar = TarHash(attributes)
            tar.add_bytes(renamed or heredoc.name, self._heredoc_bytes(heredoc), self._file_mode(attributes))
            digest.add("file", tar.hexdigest())
        for _, source in self.sources():
            tar = TarHash(attributes)
            if self._is_archive(source):
                add_archive(tar, source.path)
                digest.add("file", tar.hexdigest())
                continue
            for entry in source.entries():
                if source.is_directory and not entry.name:
                    continue
                tar.add(entry, entry.name or renamed or source.base_name)
            digest.add("dir" if source.is_directory else "file", tar.hexdigest())
        for url, (data, _) in self._downloads.items():
            tar = TarHash(attributes)
            tar.add_bytes(
                renamed or posixpath.basename(url), data, attributes.mode if attributes.mode is not None else 0o600
            )
            digest.add("", tar.hexdigest())
        link = self.flags.link and self.stage.options.layers
        return history.copy_text(self.step, digest.text, self.written_destination, [], link=link).rstrip() + " "

    def _names_in_chown(self) -> bool:
        return any(part and not part.isdigit() for part in self.flags.chown.split(":"))

    def _file_mode(self, attributes: Attributes) -> int:
        return attributes.mode if attributes.mode is not None else 0o644

    def _heredoc_bytes(self, heredoc: Heredoc) -> bytes:
        text = heredoc.content
        if heredoc.expand:
            from ocikit.libpod.build.heredocs import expand_body

            text = expand_body(text, self.stage.config.variables())
        return text.encode(errors="surrogateescape")

    def _renamed(self) -> str:
        """The new name when one file goes to a path that is not a directory by its looks."""
        many = len(self.patterns) + len(self.heredocs) > 1 or len(self.sources()) > 1
        if many or self.destination.endswith(("/", "/.")) or self.destination == ".":
            return ""
        if any(source.is_directory for _, source in self.sources()):
            return ""
        return posixpath.basename(self.destination)

    # -- doing ------------------------------------------------------------------------------------------------------

    def perform(self, workspace: Workspace) -> None:
        root = workspace.root
        attributes = self.attributes(root)
        parent_owner = attributes.owner or (0, 0)
        target = self.stage.absolute(self.destination)
        on_disk = resolve(root, target)
        directory = (
            not self._renamed()
            or os.path.isdir(on_disk)
            or any(self._is_archive(source) for _, source in self.sources())
        )
        base = target if directory else posixpath.dirname(target)
        make_directories(root, base, owner=parent_owner)
        rename = "" if directory else posixpath.basename(target)
        for heredoc in self.heredocs:
            self._write_bytes(root, base, rename or heredoc.name, self._heredoc_bytes(heredoc), attributes, 0o644, None)
        for pattern, source in self.sources():
            if self._is_archive(source):
                self._unpack(source, root, base)
                continue
            writer = Writer(root, self._below(base, pattern, source, root, parent_owner), attributes)
            for entry in source.entries("" if source.is_directory else rename or source.base_name):
                writer.put(entry)
            writer.close()
        for url, (data, mtime_s) in self._downloads.items():
            self._write_bytes(root, base, rename or posixpath.basename(url), data, attributes, 0o600, mtime_s)

    def _below(self, base: str, pattern: str, source: Source, root: str, owner: tuple[int, int]) -> str:
        if not self.flags.parents:
            return base
        folder = parents_prefix(pattern, source.relative)
        if source.is_directory:
            folder = posixpath.join(folder, source.base_name)
        where = posixpath.join(base, folder)
        make_directories(root, where, owner=owner)
        return where

    def _is_archive(self, source: Source) -> bool:
        if self.step.keyword != "ADD" or not stat.S_ISREG(source.status.st_mode):
            return False
        with open(source.path, "rb") as file:
            start = file.read(512)
        return start.startswith(_ARCHIVES) or start[257:262] == b"ustar"

    def _unpack(self, source: Source, root: str, base: str) -> None:
        from ocikit.storage.archive import ApplyOptions, ArchiveError, apply_layer, open_decompressed

        try:
            with open(source.path, "rb") as file:
                reader, _ = open_decompressed(file)
                apply_layer(reader, resolve(root, base), ApplyOptions(whiteouts="plain"))
        except ArchiveError as error:
            raise BuildError(f'unpacking "{source.relative}": {error}') from None

    def _write_bytes(
        self, root: str, base: str, name: str, data: bytes, attributes: Attributes, mode: int, mtime_s: int | None
    ) -> None:
        where = resolve(root, f"{base}/{name}", follow_last=False)
        if os.path.lexists(where):
            os.unlink(where)
        with open(where, "xb") as file:
            file.write(data)
        os.chown(where, *(attributes.owner or (0, 0)))
        os.chmod(where, attributes.mode if attributes.mode is not None else mode)
        if mtime_s is not None:
            os.utime(where, (mtime_s, mtime_s))


def single_entry(path: str, name: str) -> Entry:
    """An entry for a file outside any source tree."""
    return Entry(name, path, os.lstat(path))
