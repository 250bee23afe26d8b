"""``docker-daemon:NAME:TAG`` or ``docker-daemon:sha256:ID``: images inside a running Docker daemon (image spec, 4.6)."""

from __future__ import annotations

import os
import tempfile

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import is_digest
from ocikit.image.errors import ImageError
from ocikit.image.reference import ImageName, parse_normalized
from ocikit.image.transports.base import ImageDestination, ImageReference, ImageSource, Transport
from ocikit.image.transports.docker_archive import DockerArchiveReference, DockerArchiveSource
from ocikit.image.transports.docker_tar import DockerTar, DockerTarDestination
from ocikit.image.transports.tarwriter import ArchiveWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import http.client
    import ssl

    from ocikit.image.context import SystemContext

DEFAULT_HOST = "unix:///var/run/docker.sock"
CHUNK = 1 << 20


class DockerDaemonTransport(Transport):
    name = "docker-daemon"

    def parse(self, text: str) -> DockerDaemonReference:
        if is_digest(text):
            return DockerDaemonReference(None, text)
        name = parse_normalized(text)
        if name.familiar_name() == "sha256":
            raise InvalidReference(f"docker-daemon: invalid reference {text}: the repository name sha256 is reserved")
        if name.is_name_only:
            raise InvalidReference(
                f"docker-daemon: {text}: reference loaded has neither a tag nor a digest", hint=f"try {text}:latest"
            )
        if name.tag and name.digest:
            raise InvalidReference("docker-daemon: references with both a tag and digest are not supported")
        return DockerDaemonReference(name)


TRANSPORT = DockerDaemonTransport()


class DockerDaemonReference(ImageReference):
    transport = TRANSPORT

    def __init__(self, name: ImageName | None, image_id: str = "") -> None:
        self.name = name
        self.image_id = image_id

    def string_within_transport(self) -> str:
        return self.image_id or (self.name.familiar() if self.name is not None else "")

    def docker_reference(self) -> ImageName | None:
        return self.name

    def policy_identity(self) -> str:
        return str(self.name) if self.name is not None else ""

    def policy_namespaces(self) -> list[str]:
        if self.name is None:
            return []
        from ocikit.image.registry.lookaside import parent_scopes

        return parent_scopes(self.name)

    def open_source(self, ctx: SystemContext) -> ImageSource:
        return DockerDaemonSource(self, ctx)

    def open_destination(self, ctx: SystemContext) -> ImageDestination:
        if self.name is None or not self.name.tag:
            raise ImageError(f"Invalid destination {self}: a destination must be a name:tag")
        return DockerDaemonDestination(self, ctx)


def connect(ctx: SystemContext) -> http.client.HTTPConnection:
    """A connection to the daemon of ``ctx.daemon_host``; DOCKER_HOST isn't read, as in the original."""
    import http.client
    import socket

    host = ctx.daemon_host or DEFAULT_HOST
    scheme, _, rest = host.partition("://")

    class UnixConnection(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.connect(rest)

    if scheme == "unix":
        return UnixConnection("docker")
    if scheme == "http":
        return http.client.HTTPConnection(rest)
    if scheme in ("tcp", "https"):
        return http.client.HTTPSConnection(rest, context=_tls(ctx))
    raise ImageError(f'"{host}" is no address of a Docker daemon', hint="use unix:///path, tcp://host:port or http://")


def _tls(ctx: SystemContext) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context()
    folder = ctx.cert_dir
    if folder and os.path.exists(os.path.join(folder, "ca.pem")):
        context.load_verify_locations(os.path.join(folder, "ca.pem"))
    if folder and os.path.exists(os.path.join(folder, "cert.pem")):
        context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    if ctx.tls_verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def call(
    ctx: SystemContext, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    """One request; a status that isn't a success is an error with the daemon's message."""
    import http.client
    import json

    connection = connect(ctx)
    try:
        connection.request(method, path, body, headers or {})  # type: ignore[arg-type]
        response = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        host = ctx.daemon_host or DEFAULT_HOST
        raise ImageError(
            f"Cannot connect to the Docker daemon at {host}. Is the docker daemon running?", hint=str(error)
        ) from error
    if not 200 <= response.status < 300:
        raw = response.read(1 << 16)
        connection.close()
        try:
            text = str(json.loads(raw)["message"])
        except (ValueError, KeyError, TypeError):
            text = raw.decode(errors="replace").strip()
        raise ImageError(f"the Docker daemon answered {response.status}: {text}")
    return response


class DockerDaemonSource(DockerArchiveSource):
    """`docker save` into an unnamed temporary file, read as a docker-archive."""

    def __init__(self, reference: DockerDaemonReference, ctx: SystemContext) -> None:
        from urllib.parse import quote

        wanted = quote(reference.string_within_transport(), safe="")
        response = call(ctx, "GET", f"/images/get?names={wanted}")
        with tempfile.NamedTemporaryFile(prefix="container_images_docker-tar", dir=ctx.big_tmpdir()) as spool:
            while data := response.read(CHUNK):
                spool.write(data)
            spool.flush()
            response.close()
            super().__init__(DockerArchiveReference(spool.name), ctx)
        self.reference = reference  # type: ignore[assignment]


class DockerDaemonDestination(DockerTarDestination):
    """`docker load` of an archive that is complete before anything is sent."""

    def __init__(self, reference: DockerDaemonReference, ctx: SystemContext) -> None:
        assert reference.name is not None
        self.reference: DockerDaemonReference = reference
        self._ctx = ctx
        call(ctx, "GET", "/_ping").close()
        self._folder = tempfile.TemporaryDirectory(prefix="container_images_docker-tar", dir=ctx.big_tmpdir())
        self._path = os.path.join(self._folder.name, "image.tar")
        super().__init__(DockerTar(ArchiveWriter(self._path, ctx.big_tmpdir())), [reference.name])

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        import json

        self.tar.finish()
        self.tar.archive.commit()
        size = os.stat(self._path).st_size
        headers = {"Content-Type": "application/x-tar", "Content-Length": str(size)}
        with open(self._path, "rb") as file:
            response = call(self._ctx, "POST", "/images/load?quiet=1", file, headers)
        for line in response.read(1 << 20).splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and event.get("errorDetail"):
                raise ImageError(f"loading the image: {event['errorDetail'].get('message', event.get('error', ''))}")

    def close(self) -> None:
        self.tar.archive.close()
        self._folder.cleanup()
