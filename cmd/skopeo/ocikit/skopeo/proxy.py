"""The image proxy: requests as packets, answers with pipes that carry manifests, configs and blobs (image spec, 13)."""

from __future__ import annotations

import json
import os
import socket
from threading import Thread

from ocikit.common.errors import OcikitError
from ocikit.image.digest import sha256
from ocikit.image.errors import ImageNotFound
from ocikit.image.inspection import InspectedImage
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.config import oci_config, parse_config
from ocikit.image.manifest.convert import convert
from ocikit.image.manifest.gojson import dump
from ocikit.image.names import parse_image_name
from ocikit.image.reading import read_config
from ocikit.image.streams import CHUNK, HashingStream
from ocikit.image.transports.base import Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocikit.image.context import SystemContext

PROTOCOL = "0.2.8"
MAX_PACKET = 32 << 10
MAX_SAFE = (1 << 53) - 1


class _Fault(Exception):
    """A request that can't be answered; its text goes to the client."""


class Reply:
    """What a method answers: a value, descriptors to hand over (closed afterwards), the pipe's number."""

    def __init__(self, value: Any = None, fds: tuple[int, ...] = (), pipe: int = 0) -> None:
        self.value = value
        self.fds = fds
        self.pipe = pipe


class _Writer:
    """Writes into a pipe from a thread; the write end stays open until FinishPipe asks how it went."""

    def __init__(self, write: Callable[[int], None]) -> None:
        self.read_end, self._fd = os.pipe()
        self.error: Exception | None = None
        self._write = write
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._write(self._fd)
        except Exception as error:
            self.error = error

    def finish(self) -> None:
        self._thread.join()
        os.close(self._fd)
        if self.error is not None:
            raise self.error


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class ImageProxy:
    """Serves one client until it closes the socket or asks for Shutdown."""

    def __init__(self, fd: int, ctx: SystemContext, accept: Callable[..., None]) -> None:
        try:
            self._socket = socket.socket(fileno=fd)
        except OSError as error:
            text = (error.strerror or str(error)).lower()
            raise OcikitError(f"file file+net sock: getsockopt: {text}", hint="give the socket with --sockfd") from None
        self._ctx = ctx
        self._accept = accept
        self._ready = False
        self._images: dict[int, InspectedImage] = {}
        self._pipes: dict[int, _Writer] = {}
        self._next = 1

    def serve(self) -> None:
        try:
            while True:
                packet = self._socket.recv(MAX_PACKET)
                if not packet or not self._answer(packet):
                    return
        except ConnectionResetError:
            return
        finally:
            for image in self._images.values():
                image.source.close()

    def _answer(self, packet: bytes) -> bool:
        """Handles one request; False to end."""
        reply, error = Reply(), None
        try:
            method, args = self._parse(packet)
            if method == "Shutdown":
                return False
            reply = self._call(method, args)
        except (OcikitError, _Fault, OSError, ValueError) as caught:
            error = caught
        body = {
            "success": error is None,
            "value": reply.value,
            "pipeid": reply.pipe,
            "error_code": _code(error) if error is not None else "",
            "error": str(error) if error is not None else "",
        }
        data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        try:
            if reply.fds:
                socket.send_fds(self._socket, [data], list(reply.fds))
            else:
                self._socket.send(data)
        finally:
            for fd in reply.fds:
                os.close(fd)
        return True

    def _parse(self, packet: bytes) -> tuple[str, list[Any]]:
        try:
            doc = json.loads(packet)
            method, args = doc["method"], doc.get("args") or []
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _Fault(f"invalid request: {error}") from None
        if not isinstance(method, str) or not isinstance(args, list):
            raise _Fault("invalid request: method must be a string and args a list")
        return method, args

    def _call(self, method: str, args: list[Any]) -> Reply:
        handlers: dict[str, tuple[Callable[..., Reply], str]] = {
            "Initialize": (self._initialize, ""),
            "OpenImage": (self._open, "name"),
            "OpenImageOptional": (self._open_optional, "name"),
            "CloseImage": (self._close, "imgid"),
            "GetManifest": (self._manifest, "imgid"),
            "GetFullConfig": (self._full_config, "imgid"),
            "GetConfig": (self._config, "imgid"),
            "GetLayerInfo": (self._layer_info, "imgid"),
            "GetLayerInfoPiped": (self._layer_info_piped, "imgid"),
            "GetBlob": (self._blob, "imgid, digest, size"),
            "GetRawBlob": (self._raw_blob, "imgid, digest"),
            "FinishPipe": (self._finish, "pipeid"),
        }
        if method not in handlers:
            raise _Fault(f"unknown method: {method}")
        if method != "Initialize" and not self._ready:
            raise _Fault("client error: must invoke Initialize")
        handler, names = handlers[method]
        count = len(names.split(", ")) if names else 0
        if len(args) != count:
            wanted = f"({names})" if count > 1 else "one argument" if count else "no arguments"
            raise _Fault(f"found {len(args)} args, expecting {wanted}")
        return handler(*args)

    def _initialize(self) -> Reply:
        if self._ready:
            raise _Fault("already initialized")
        self._ready = True
        return Reply(PROTOCOL)

    # ---- images ----------------------------------------------------------------------------------------------------

    def _open(self, name: str) -> Reply:
        reference = parse_image_name(str(name))
        source = reference.open_source(self._ctx)
        try:
            image = InspectedImage(source, self._ctx)
            # The list or the instance that is chosen from it has to be accepted.
            try:
                self._accept(reference, image.top, source.get_signatures)
            except OcikitError:
                if not mt.is_list(image.top_type):
                    raise
                manifest = image.manifest
                self._accept(reference, manifest.raw, lambda: source.get_signatures(image.instance_digest))
        except BaseException:
            source.close()
            raise
        number = self._next
        self._next += 1
        self._images[number] = image
        return Reply(number)

    def _open_optional(self, name: str) -> Reply:
        try:
            return self._open(name)
        except ImageNotFound:
            return Reply(0)

    def _image(self, number: Any) -> InspectedImage:
        wanted = _integer(number, "imageid")
        if wanted == 0:
            raise _Fault("Invalid imageid value of zero")
        if wanted not in self._images:
            raise _Fault(f"no image {wanted}")
        return self._images[wanted]

    def _close(self, number: Any) -> Reply:
        self._image(number).source.close()
        del self._images[int(number)]
        return Reply()

    def _manifest(self, number: Any) -> Reply:
        image = self._image(number)
        manifest = image.manifest
        if manifest.media_type in mt.SCHEMA1:
            raise _Fault(f"unsupported legacy manifest MIME type: {manifest.media_type}")
        converted, _ = convert(manifest, mt.OCI_MANIFEST, image.config)
        return self._piped(converted.raw, image.instance_digest or sha256(image.top))

    def _oci_config(self, number: Any) -> dict[str, Any]:
        return oci_config(parse_config(self._image(number).config))

    def _full_config(self, number: Any) -> Reply:
        return self._piped(dump(self._oci_config(number)))

    def _config(self, number: Any) -> Reply:
        return self._piped(dump(self._oci_config(number)["config"]))

    def _layers(self, number: Any) -> list[dict[str, Any]]:
        image = self._image(number)
        infos = image.source.layer_infos_for_copy(image.instance_digest) or image.manifest.layers
        return [{"digest": one.digest, "size": one.size, "media_type": one.media_type} for one in infos]

    def _layer_info(self, number: Any) -> Reply:
        return Reply(self._layers(number))

    def _layer_info_piped(self, number: Any) -> Reply:
        return self._piped(dump(self._layers(number)))

    # ---- pipes -----------------------------------------------------------------------------------------------------

    def _piped(self, data: bytes, value: Any = None) -> Reply:
        return self._pipe(lambda fd: _write_all(fd, data), value)

    def _pipe(self, write: Callable[[int], None], value: Any) -> Reply:
        writer = _Writer(write)
        number = writer.read_end
        while number in self._pipes:
            number += 1
        self._pipes[number] = writer
        return Reply(value, (writer.read_end,), number)

    def _finish(self, number: Any) -> Reply:
        wanted = _integer(number, "pipeid")
        writer = self._pipes.pop(wanted, None)
        if writer is None:
            raise _Fault(f"finishpipe: no active pipe {wanted}")
        writer.finish()
        return Reply()

    def _descriptor(self, image: InspectedImage, digest: str, size: int = -1) -> Descriptor:
        infos = image.source.layer_infos_for_copy(image.instance_digest) or image.manifest.layers
        for one in infos:
            if one.digest == digest:
                return one.replace(size=size) if size >= 0 else one
        return Descriptor(digest, size)

    def _blob(self, number: Any, digest: str, size: Any) -> Reply:
        image = self._image(number)
        expected = _integer(size, "size")
        if image.manifest.config is not None and image.manifest.config.digest == digest:
            data = read_config(image.source, image.manifest.config)
            return self._pipe(lambda fd: _write_all(fd, data), len(data))
        stream, total = image.source.open_blob(self._descriptor(image, digest))

        def write(fd: int) -> None:
            with HashingStream(stream) as blob:
                while data := blob.read(CHUNK):
                    _write_all(fd, data)
                if blob.size != expected:
                    raise _Fault(f"expected {expected} bytes in blob, got {blob.size}")
                if blob.digest != digest:
                    raise _Fault(f"corrupted blob, expecting {digest}")

        return self._pipe(write, total)

    def _raw_blob(self, number: Any, digest: str) -> Reply:
        image = self._image(number)
        stream, total = image.source.open_blob(self._descriptor(image, digest))
        data_read, data_write = os.pipe()
        error_read, error_write = os.pipe()

        def write() -> None:
            try:
                with HashingStream(stream, digest) as blob:
                    while data := blob.read(CHUNK):
                        _write_all(data_write, data)
            except Exception as error:
                _write_all(error_write, json.dumps({"code": _code(error), "message": str(error)}).encode())
            finally:
                os.close(data_write)
                os.close(error_write)

        Thread(target=write, daemon=True).start()
        return Reply(total, (data_read, error_read))


def _integer(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise _Fault(f"expecting a number for {what}")
    if abs(value) > MAX_SAFE:
        raise _Fault(f"out of range integer for numeric {what}")
    return int(value)


def _code(error: Exception) -> str:
    from ocikit.image.registry.errors import is_retryable

    if isinstance(error, BrokenPipeError):
        return "EPIPE"
    return "retryable" if is_retryable(error) else "other"
