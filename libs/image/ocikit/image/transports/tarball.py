"""``tarball:FILE[:FILE...]``: an image made from tars, one layer each; ``-`` is stdin (image spec, section 4.8)."""

from __future__ import annotations

import os
import sys

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import sha256
from ocikit.image.errors import ImageError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.gojson import dump
from ocikit.image.manifest.platform import running_arch, running_os
from ocikit.image.manifest.single import OCIManifest
from ocikit.image.streams import CHUNK, HashingStream
from ocikit.image.transports.base import Descriptor, ImageReference, ImageSource, ReadStream, Transport
from ocikit.image.transports.files import go_error, open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ocikit.image.context import SystemContext
    from ocikit.image.transports.base import Platform


class TarballTransport(Transport):
    name = "tarball"

    def parse(self, text: str) -> TarballReference:
        paths = text.split(":")
        stdin: bytes | None = None
        for path in paths:
            if path == "-":
                stdin = sys.stdin.buffer.read()
                continue
            try:
                os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            except OSError as error:
                raise InvalidReference(f'error opening "{path}": {go_error(error)}') from None
        return TarballReference(paths, stdin)

    def check_policy_scope(self, scope: str) -> str:
        return f'tarball: does not support any scopes except the default "" one (got {scope})'


TRANSPORT = TarballTransport()


class TarballReference(ImageReference):
    """``config``, ``annotations`` and ``platform`` are what ``podman import`` adds; None: the plain defaults."""

    transport = TRANSPORT

    def __init__(
        self,
        paths: Sequence[str],
        stdin: bytes | None = None,
        config: Mapping[str, Any] | None = None,
        annotations: Mapping[str, str] | None = None,
        comment: str = "imported from tarball",
        platform: Platform | None = None,
    ) -> None:
        self.paths = tuple(paths)
        self.stdin = stdin
        self.config = config
        self.annotations = annotations
        self.comment = comment
        self.platform = platform

    def string_within_transport(self) -> str:
        return ":".join(self.paths)

    def open_source(self, ctx: SystemContext) -> ImageSource:
        return TarballSource(self)

    def delete(self, ctx: SystemContext) -> None:
        for path in self.paths:
            if path != "-":
                try:
                    os.unlink(path)
                except FileNotFoundError:
                    pass
                except OSError as error:
                    raise ImageError(go_error(error, "remove")) from None


class TarballSource(ImageSource):
    """Reads every file once at opening for its digests; the bytes are streamed again when copied."""

    parallel = True

    def __init__(self, reference: TarballReference) -> None:
        from datetime import UTC, datetime

        self.reference: TarballReference = reference
        self._blobs: dict[str, str] = {}
        layers, ids, history = [], [], []
        newest = 0.0
        now = datetime.now(UTC).timestamp()
        for path in reference.paths:
            mtime = now if path == "-" else os.stat(path).st_mtime
            newest = max(newest, mtime)
            digest, size, diff_id, compression = self._measure(path)
            self._blobs[digest] = path
            media_type = mt.OCI_LAYER + {"": "", "gzip": "+gzip", "zstd": "+zstd"}.get(compression, "")
            layers.append(Descriptor(digest, size, media_type))
            ids.append(diff_id)
            history.append(
                {
                    "created": _go_time(mtime),
                    "created_by": f"/bin/sh -c #(nop) ADD file:{diff_id.partition(':')[2]} in /",
                    "comment": reference.comment,
                }
            )
        said = reference.platform
        config = {
            "created": _go_time(newest),
            "architecture": (said and said.architecture) or running_arch(),
            "os": (said and said.os) or running_os(),
            **({"variant": said.variant} if said and said.variant else {}),
            "config": dict(reference.config or {}),
            "rootfs": {"type": "layers", "diff_ids": ids},
            "history": history,
        }
        self._config = dump(config)
        descriptor = Descriptor(sha256(self._config), len(self._config), mt.OCI_CONFIG)
        self._manifest = OCIManifest.build(descriptor, layers, reference.annotations)

    def _raw(self, path: str) -> tuple[ReadStream, int]:
        if path == "-":
            from io import BytesIO

            data = self.reference.stdin or b""
            return BytesIO(data), len(data)
        return open_file(path)

    def _measure(self, path: str) -> tuple[str, int, str, str]:
        """(blob digest, size, diff id, compression) of one file."""
        from ocikit.image.compression import open_decompressed

        stream, _ = self._raw(path)
        with HashingStream(stream) as blob:
            reader, compression = open_decompressed(blob)
            if not compression:
                while reader.read(CHUNK):
                    pass
                return blob.digest, blob.size, blob.digest, ""
            plain = HashingStream(_NoClose(reader))
            while plain.read(CHUNK):
                pass
            while blob.read(CHUNK):  # padding after the last member
                pass
            return blob.digest, blob.size, plain.digest, compression

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        if instance_digest is not None:
            raise ImageError("manifest lists are not supported by the tarball transport")
        return self._manifest.raw, mt.OCI_MANIFEST

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        if descriptor.digest == sha256(self._config):
            from io import BytesIO

            return BytesIO(self._config[offset:]), len(self._config)
        path = self._blobs.get(descriptor.digest)
        if path is None:
            raise ImageError(f"no blob with digest {descriptor.digest} found")
        stream, size = self._raw(path)
        while offset > 0:
            offset -= len(stream.read(min(offset, CHUNK)))
        return stream, size


class _NoClose:
    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._reader.read(size)
        return data

    def close(self) -> None:
        return None


def _go_time(seconds: float) -> str:
    from datetime import UTC, datetime

    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return text + "Z"
