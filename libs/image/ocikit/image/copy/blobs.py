"""The way of one blob from source to destination: verify, look at its compression, change that, hash, write (section
7.5).

An unchanged blob is hashed once and passed on by the thread that writes it. One that changes goes through two more
threads, so that reading, inflating, compressing and writing overlap (the libraries work outside the interpreter's
lock).
"""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.image.compression import ZSTD_CHUNKED, detect_name, open_compressor, open_decompressed
from ocikit.image.copy.plan import KEEP
from ocikit.image.copy.threads import Cancelled, Pump
from ocikit.image.errors import CopyError, DigestMismatch, wrap
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.streams import CHUNK, HashingStream
from ocikit.image.transports.base import DECOMPRESS, Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocikit.image.copy.plan import LayerStep
    from ocikit.image.copy.report import BlobProgress
    from ocikit.image.copy.threads import Cancel
    from ocikit.image.transports.base import BlobInfoCache, ImageDestination, ImageSource, ReadStream

PREFETCH = 8 << 20
"""From this size on a blob that is passed on unchanged is read and hashed in a thread of its own."""


class Peekable:
    """A stream whose first bytes can be looked at."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._start = b""

    def _pull(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        return data

    def peek(self, count: int) -> bytes:
        while len(self._start) < count:
            data = self._pull(CHUNK)
            if not data:
                break
            self._start += data
        return self._start[:count]

    def read(self, size: int = -1, /) -> bytes:
        if self._start:
            if size < 0 or size >= len(self._start):
                data, self._start = self._start, b""
                return data if size >= 0 else data + self.read(-1)
            data, self._start = self._start[:size], self._start[size:]
            return data
        if size < 0:
            return b"".join(iter(lambda: self._pull(CHUNK), b""))
        return self._pull(size)

    def close(self) -> None:
        self._stream.close()


class Verified(Peekable):
    """A source blob that is checked, counted, shown as progress and cancelled."""

    def __init__(self, raw: ReadStream, expected: Descriptor, progress: BlobProgress, cancel: Cancel) -> None:
        self.hashing = HashingStream(raw, expected.digest, expected.size)
        super().__init__(self.hashing)
        self._progress = progress
        self._cancel = cancel

    @property
    def digest(self) -> str:
        return self.hashing.digest

    @property
    def size(self) -> int:
        return self.hashing.size

    def _pull(self, size: int) -> bytes:
        self._cancel.check()
        data = self.hashing.read(size)
        self._progress.advance(len(data))
        return data


class _Prefetched:
    """A verified blob read by a thread; the digest is known once its end was read."""

    def __init__(self, blob: Verified) -> None:
        self._blob = blob

        def produce(put: Callable[[bytes], None]) -> None:
            while data := blob.read(CHUNK):
                put(data)

        self._pump = Pump(produce)
        self.read = self._pump.read

    @property
    def digest(self) -> str:
        return self._blob.digest

    @property
    def size(self) -> int:
        return self._blob.size

    def close(self) -> None:
        self._pump.close()


class Outcome:
    """What became of a layer: the descriptor to put into the manifest, and its new compression ("" if unchanged)."""

    __slots__ = ("compression", "copied", "descriptor", "diff_id", "encrypted")

    def __init__(self, descriptor: Descriptor, compression: str = "", copied: int = 0, diff_id: str = "") -> None:
        self.encrypted = False
        self.descriptor = descriptor
        self.compression = compression
        self.copied = copied
        self.diff_id = diff_id


class BlobCopier:
    """Copies single blobs between one source and one destination."""

    def __init__(
        self,
        source: ImageSource,
        dest: ImageDestination,
        cancel: Cancel,
        cache: BlobInfoCache | None,
        level: int | None = None,
        encryption: Any = None,
        decryption: Any = None,
        precompute: str = "",
    ) -> None:
        self._source = source
        self._dest = dest
        self._cancel = cancel
        self._cache = cache
        self._level = level
        self._encryption = encryption
        self._decryption = decryption
        self._precompute = precompute
        """A folder for temporary files if digests are to be known before an upload starts."""

    def copy_layer(self, step: LayerStep, progress: BlobProgress, want_diff_id: bool = False) -> Outcome:
        """Streams one layer. Errors say "reading blob D" or "writing blob"."""
        descriptor = step.descriptor
        blob = self._open(descriptor, progress)
        try:
            return self._copy(blob, step, want_diff_id)
        except Cancelled:
            raise
        except DigestMismatch as error:
            raise wrap("writing blob: happened during read", error) from error
        except OcikitError as error:
            raise wrap("writing blob", error) from error
        except OSError as error:
            raise CopyError(
                f"writing blob: {(error.strerror or str(error)).lower()}: {error.filename or ''}"
            ) from error
        finally:
            blob.close()

    def _open(self, descriptor: Descriptor, progress: BlobProgress) -> Verified:
        try:
            raw, size = self._source.open_blob(descriptor)
        except OcikitError as error:
            raise wrap(f"reading blob {descriptor.digest}", error) from error
        expected = descriptor if descriptor.size >= 0 else descriptor.replace(size=size)
        return Verified(raw, expected, progress, self._cancel)

    def _copy(self, blob: Verified, step: LayerStep, want_diff_id: bool) -> Outcome:
        descriptor = step.descriptor
        if descriptor.media_type.endswith(mt.ENCRYPTED):
            if self._decryption is None:
                return self._pass_on(blob, step)
            return self._decrypt(blob, step, want_diff_id)
        found = detect_name(blob.peek(8))
        action = step.action(found)
        if action == KEEP and not step.encrypt and not want_diff_id:
            outcome = self._pass_on(blob, step)
            if found == mt.UNCOMPRESSED:
                self._remember_pair(outcome.descriptor.digest, outcome.descriptor.digest)
            if mt.may_recompress(descriptor.media_type):
                self._remember_compressor(outcome.descriptor.digest, found)
            return outcome
        return self._change(blob, step, found, action, want_diff_id)

    def _pass_on(self, blob: Verified, step: LayerStep) -> Outcome:
        stream: Any = _Prefetched(blob) if step.descriptor.size >= PREFETCH else blob
        try:
            written = self._dest.put_blob(stream, step.descriptor, layer_index=step.index, cache=self._cache)
        finally:
            if stream is not blob:
                stream.close()
        # Not ``found``: what isn't changed keeps its media type, even one that is wrong (docker-archive: says gzip).
        return Outcome(written, "", written.size)

    def _change(self, source: Any, step: LayerStep, found: str, action: str, want_diff_id: bool) -> Outcome:
        """Through threads: inflate (and hash the tar if asked), then compress, then (if asked) encrypt."""
        now = found if action == KEEP else action
        hashes: list[HashingStream] = []
        pumps: list[Pump] = []
        stream: Any = source
        if action != KEEP or want_diff_id:
            stream = self._inflate(source, action, want_diff_id, hashes, pumps)
        if action not in (KEEP, mt.UNCOMPRESSED):
            stream = self._compress(stream, action, pumps)
        finish = None
        if step.encrypt:
            stream, finish = self._encryption.encrypt(stream, step.descriptor.digest)
        out = HashingStream(stream)
        unknown = step.descriptor.replace(digest="", size=-1)
        try:
            written = self._put_changed(out, unknown, step)
        finally:
            for pump in reversed(pumps):
                pump.close()
        descriptor = step.descriptor.replace(digest=written.digest, size=written.size)
        diff_id = hashes[0].digest if hashes else ""
        if not step.encrypt:
            self._remember_change(step.descriptor.digest, found, descriptor.digest, now)
        else:
            assert finish is not None
            descriptor = descriptor.replace(annotations={**descriptor.annotations, **finish()})
        outcome = Outcome(descriptor, "" if action == KEEP else now, written.size, diff_id)
        outcome.encrypted = step.encrypt
        return outcome

    def _put_changed(self, out: HashingStream, descriptor: Descriptor, step: LayerStep) -> Descriptor:
        if not self._precompute:
            return self._dest.put_blob(out, descriptor, layer_index=step.index, cache=self._cache)
        import tempfile

        from ocikit.image.transports.base import ReuseOptions

        with tempfile.TemporaryFile(prefix="container_images_", dir=self._precompute) as spool:
            while data := out.read(CHUNK):
                spool.write(data)
            known = descriptor.replace(digest=out.digest, size=out.size)
            reused = self._dest.try_reuse(known, ReuseOptions(self._cache, layer_index=step.index))
            if reused is not None:
                return reused
            spool.seek(0)
            return self._dest.put_blob(
                HashingStream(spool, known.digest, known.size), known, layer_index=step.index, cache=self._cache
            )

    def _inflate(
        self, source: Any, action: str, want_diff_id: bool, hashes: list[HashingStream], pumps: list[Pump]
    ) -> Any:
        """The plain bytes, or the blob's own bytes with the plain ones hashed aside (action "keep")."""
        if action == KEEP:
            tee = _Tee(source)
            hashes.append(tee.plain)
            return tee

        def produce(put: Callable[[bytes], None]) -> None:
            reader, _ = open_decompressed(source)
            plain: Any = reader
            if want_diff_id:
                plain = HashingStream(reader)  # type: ignore[arg-type]
                hashes.append(plain)
            try:
                while data := plain.read(CHUNK):
                    put(data)
            except OcikitError:
                # Damaged data are most often data with another digest, and that is the truer sentence.
                _drain(source)
                raise
            # What follows the compressed data belongs to the digest, and only its end tells whether that is right.
            _drain(source)

        pump = Pump(produce)
        pumps.append(pump)
        return pump

    def _compress(self, plain: Any, name: str, pumps: list[Pump]) -> Pump:
        level = self._level

        def produce(put: Callable[[bytes], None]) -> None:
            sink = _Sink(put)
            writer = open_compressor(sink, mt.ZSTD if name == ZSTD_CHUNKED else name, level)
            while data := plain.read(CHUNK):
                writer.write(data)
            writer.close()
            sink.flush()

        pump = Pump(produce)
        pumps.append(pump)
        return pump

    def _decrypt(self, blob: Verified, step: LayerStep, want_diff_id: bool) -> Outcome:
        """Decrypted layers are new blobs: their digest is inside the wrapped key and checked by the decryption."""
        stream, media_type, annotations = self._decryption.decrypt(blob, step.descriptor)
        step.descriptor = step.descriptor.replace(media_type=media_type, annotations=annotations)
        plain = Peekable(stream)
        found = detect_name(plain.peek(8))
        if self._dest.layer_compression == DECOMPRESS:
            step.target = mt.UNCOMPRESSED
        # Nothing of this goes into the cache: it would tell which plain data an encrypted blob holds.
        cache, self._cache = self._cache, None
        try:
            return self._change(plain, step, found, step.action(found), want_diff_id)
        finally:
            self._cache = cache

    def _remember_pair(self, digest: str, plain: str) -> None:
        if self._cache is not None:
            self._cache.record_uncompressed_pair(digest, plain)

    def _remember_compressor(self, digest: str, name: str) -> None:
        if self._cache is not None:
            self._cache.record_compressor(digest, name)

    def _remember_change(self, old: str, old_kind: str, new: str, new_kind: str) -> None:
        if old_kind == mt.UNCOMPRESSED and new_kind != mt.UNCOMPRESSED:
            self._remember_pair(new, old)
        elif old_kind != mt.UNCOMPRESSED and new_kind == mt.UNCOMPRESSED:
            self._remember_pair(old, new)
        self._remember_compressor(old, old_kind)
        self._remember_compressor(new, new_kind)


def _drain(source: Any) -> None:
    while source.read(CHUNK):
        pass


class _Sink:
    """Gathers a compressor's small writes into pieces worth a turn of the queue."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes, /) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size >= CHUNK // 2:
            self.flush()

    def flush(self) -> None:
        self._put(b"".join(self._parts))
        self._parts, self._size = [], 0


class _Tee:
    """Passes compressed bytes through and hashes what they inflate to, for conversions that need diff ids."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._copy: list[bytes] = []
        tee = self

        class Branch:
            def read(self, size: int = -1, /) -> bytes:
                data: bytes = source.read(CHUNK)
                tee._copy.append(data)
                return data

            def close(self) -> None:
                return None

        reader, _ = open_decompressed(Branch())
        self.plain = HashingStream(reader)  # type: ignore[arg-type]
        self._inflated = False

    def read(self, size: int = -1, /) -> bytes:
        """Pieces as the source gives them, whatever ``size`` says."""
        while not self._copy and not self._inflated:
            if not self.plain.read(CHUNK):
                self._inflated = True
        if self._copy:
            data = self._copy.pop(0)
            return data or self.read(size)
        rest: bytes = self._source.read(CHUNK)
        return rest

    def close(self) -> None:
        return None
