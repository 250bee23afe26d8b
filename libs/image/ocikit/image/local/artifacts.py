"""Artifacts kept on this machine: an OCI layout ``<graphroot>/artifacts``, one entry a name (podman-artifact(1))."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from ocikit.common.errors import NameInUse, NotFound, OcikitError, UsageError
from ocikit.common.files import atomic_write
from ocikit.image.digest import HEX, hex_of, is_digest, sha256
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.names import parse_image_name
from ocikit.image.reference import parse_normalized
from ocikit.image.transports.base import Descriptor, ImageReference

from .listartifact import DEFAULT_TYPE, EMPTY, TITLE, build_manifest, describe_file, empty_config

REF_NAME = "org.opencontainers.image.ref.name"
CREATED = "org.opencontainers.image.created"


class Artifact:
    """One entry: its full name ("" if it has none), its manifest's descriptor and the manifest itself."""

    __slots__ = ("digest", "manifest", "name", "size")

    def __init__(self, name: str, digest: str, manifest: dict[str, Any]) -> None:
        self.name = name
        self.digest = digest
        self.manifest = manifest
        self.size = sum(int(layer.get("size") or 0) for layer in manifest.get("layers") or [])

    def layers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.manifest.get("layers") or []
        return found

    @staticmethod
    def title(layer: dict[str, Any]) -> str:
        return str((layer.get("annotations") or {}).get(TITLE) or "")


class ArtifactStore:
    """All artifacts below one graph root. Changes are made under a lock, and the index is replaced as a whole."""

    def __init__(self, graphroot: str) -> None:
        self.directory = os.path.join(graphroot, "artifacts")
        self._index = os.path.join(self.directory, "index.json")

    # -- reading ------------------------------------------------------------------------------------------------

    def _entries(self) -> list[dict[str, Any]]:
        try:
            with open(self._index, "rb") as file:
                index = json.load(file)
        except FileNotFoundError:
            return []
        except ValueError as exc:
            raise OcikitError(f"{self._index} is damaged: {exc}") from exc
        entries: list[dict[str, Any]] = index.get("manifests") or []
        return entries

    def blob_path(self, digest: str) -> str:
        return os.path.join(self.directory, "blobs/sha256", hex_of(digest))

    def list(self) -> list[Artifact]:
        """Every artifact, in the order of the index."""
        return [self._artifact(entry) for entry in self._entries()]

    def _artifact(self, entry: dict[str, Any]) -> Artifact:
        digest = str(entry.get("digest"))
        try:
            with open(self.blob_path(digest), "rb") as file:
                manifest = json.load(file)
        except (OSError, ValueError) as exc:
            raise OcikitError(f"artifact {digest}: its manifest cannot be read: {exc}") from exc
        return Artifact(str((entry.get("annotations") or {}).get(REF_NAME) or ""), digest, manifest)

    def find(self, text: str) -> Artifact:
        """By name, full digest or a prefix of its hex digits. Raises NotFound."""
        artifacts = self.list()
        hexa = text.removeprefix("sha256:")
        if is_digest(text) or (len(hexa) >= 3 and not hexa.strip(HEX)):
            hits = {a.digest: a for a in artifacts if a.digest.startswith(f"sha256:{hexa}")}
            if len(hits) == 1:
                return next(iter(hits.values()))
        if not is_digest(text):
            name = normalize_artifact_name(text)
            for artifact in artifacts:
                if artifact.name == name:
                    return artifact
        raise NotFound(f"{text}: artifact does not exist", hint="`podman artifact ls` lists what is here")

    # -- writing ------------------------------------------------------------------------------------------------

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The only one who changes the store."""
        os.makedirs(os.path.join(self.directory, "blobs/sha256"), mode=0o755, exist_ok=True)
        with open(os.path.join(self.directory, "index.lock"), "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            layout = os.path.join(self.directory, "oci-layout")
            if not os.path.exists(layout):
                atomic_write(layout, b'{"imageLayoutVersion":"1.0.0"}', mode=0o644)
            yield

    def _write_index(self, entries: Sequence[dict[str, Any]]) -> None:
        index = {"schemaVersion": 2, "mediaType": mt.OCI_INDEX, "manifests": list(entries)}
        atomic_write(self._index, json.dumps(index, separators=(",", ":")).encode(), mode=0o644)

    def _put_blob(self, digest: str, data: bytes) -> None:
        path = self.blob_path(digest)
        if not os.path.exists(path):
            atomic_write(path, data, mode=0o644)

    def _put_file(self, descriptor: Descriptor, source: str) -> None:
        """Copy a file that was measured before; it must still be the same."""
        path = self.blob_path(descriptor.digest)
        if os.path.exists(path):
            return
        temporary = f"{path}.tmp{os.getpid()}"
        try:
            shutil.copyfile(source, temporary)
            if describe_file(temporary, "x").digest != descriptor.digest:
                raise OcikitError(f"{source} changed while it was being added: add it again")
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    def add(
        self,
        name: str,
        paths: Sequence[str],
        *,
        artifact_type: str = "",
        file_type: str = "",
        annotations: dict[str, str] | None = None,
        append: bool = False,
        replace: bool = False,
    ) -> str:
        """Make an artifact of files (or, ``append``, add them to one); the digest of its manifest."""
        full = normalize_artifact_name(name)
        if append and replace:
            raise UsageError("append and replace cannot be used together")
        if append and artifact_type:
            raise UsageError("append option is not compatible with type option")
        described = [(describe_file(path, file_type), path) for path in paths]
        with self.locked():
            entries = self._entries()
            existing = next((e for e in entries if (e.get("annotations") or {}).get(REF_NAME) == full), None)
            if existing is not None and not (append or replace):
                raise NameInUse(f"{full}: artifact already exists", hint="use --append or --replace")
            if append and existing is None:
                raise NotFound(f"{full}: artifact does not exist")
            layers: list[Descriptor] = []
            made_type = artifact_type or DEFAULT_TYPE
            if append and existing is not None:
                old = self._artifact(existing)
                made_type = str(old.manifest.get("artifactType") or made_type)
                layers = [_descriptor(layer) for layer in old.layers()]
            for descriptor, path in described:
                title = descriptor.annotations[TITLE]
                if any(layer.annotations.get(TITLE) == title for layer in layers):
                    raise NameInUse(f"{title}: file already exists in artifact")
                self._put_file(descriptor, path)
                layers.append(descriptor.replace(annotations={**(annotations or {}), **descriptor.annotations}))
            config = empty_config()
            self._put_blob(config.digest, EMPTY)
            created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            raw = build_manifest(made_type, config, layers, annotations={CREATED: created})
            digest = sha256(raw)
            self._put_blob(digest, raw)
            entry = {
                "mediaType": mt.OCI_MANIFEST,
                "digest": digest,
                "size": len(raw),
                "annotations": {REF_NAME: full},
                "artifactType": made_type,
            }
            kept = [e for e in entries if (e.get("annotations") or {}).get(REF_NAME) != full]
            self._write_index([*kept, entry])
            self._collect()
        return digest

    def remove(self, names: Sequence[str], *, everything: bool = False, ignore: bool = False) -> Sequence[str]:
        """Remove artifacts and blobs that nothing else uses; the digests."""
        with self.locked():
            doomed: dict[str, Artifact] = {}
            for artifact in self.list() if everything else []:
                doomed[artifact.digest] = artifact
            for name in names:
                try:
                    found = self.find(name)
                except NotFound:
                    if not ignore:
                        raise
                    continue
                doomed[found.digest + found.name] = found
            gone = {(a.digest, a.name) for a in doomed.values()}
            kept = [
                e
                for e in self._entries()
                if (str(e.get("digest")), str((e.get("annotations") or {}).get(REF_NAME) or "")) not in gone
            ]
            self._write_index(kept)
            self._collect()
        return [artifact.digest for artifact in doomed.values()]

    def _collect(self) -> None:
        """Delete blobs that no entry of the index leads to."""
        used: set[str] = set()
        for artifact in self.list():
            used.add(artifact.digest)
            used |= {str(layer.get("digest")) for layer in artifact.layers()}
            used.add(str((artifact.manifest.get("config") or {}).get("digest")))
        folder = os.path.join(self.directory, "blobs/sha256")
        for name in os.listdir(folder):
            if f"sha256:{name}" not in used:
                os.unlink(os.path.join(folder, name))

    def reference(self, name: str) -> ImageReference:
        """``oci:DIRECTORY:NAME``, to copy from or to."""
        return parse_image_name(f"oci:{self.directory}:{name}")

    # -- extracting ---------------------------------------------------------------------------------------------

    def extract(self, name: str, target: str, *, digest: str = "", title: str = "") -> None:
        """Write files of the artifact into a directory, or one of them to a file."""
        if digest and title:
            raise UsageError("cannot specify both digest and title")
        artifact = self.find(name)
        chosen = [
            layer
            for layer in artifact.layers()
            if (not digest or layer.get("digest") == digest) and (not title or Artifact.title(layer) == title)
        ]
        if not chosen:
            what = f"digest {digest}" if digest else f'title "{title}"' if title else "files"
            raise NotFound(f"no blob with the {what} in artifact {name}")
        if os.path.isdir(target):
            for layer in chosen:
                shutil.copyfile(self.blob_path(str(layer["digest"])), os.path.join(target, _file_name(layer)))
            return
        if len(chosen) > 1:
            raise UsageError(
                "the artifact consists of several blobs and the target is not a directory and neither digest or title "
                "was specified to only copy a single blob"
            )
        try:
            shutil.copyfile(self.blob_path(str(chosen[0]["digest"])), target)
        except OSError as exc:
            raise OcikitError(f"open {target}: {(exc.strerror or '').lower()}") from exc


def _descriptor(layer: dict[str, Any]) -> Descriptor:
    return Descriptor(
        str(layer["digest"]), int(layer["size"]), str(layer["mediaType"]), annotations=layer.get("annotations") or {}
    )


def _file_name(layer: dict[str, Any]) -> str:
    """The title, as a plain file name: a title that leads elsewhere is refused."""
    title = Artifact.title(layer)
    if not title:
        return hex_of(str(layer["digest"]))
    if "/" in title or title in (".", "..") or "\0" in title:
        raise OcikitError(f'invalid name: "{title}" cannot contain /', hint="extract it with --title to a file")
    return title


def normalize_artifact_name(text: str) -> str:
    """The full name of an artifact: with a host and a tag. Short names get ``localhost/``."""
    from .naming import normalize_name

    if "/" in text and ("." in text.partition("/")[0] or ":" in text.partition("/")[0]):
        return str(parse_normalized(text).tagged())
    return normalize_name(text)
