"""The registry API: manifests, blobs, tags (OCI distribution spec; image.md section 5.3).

A client talks to one host on behalf of one set of credentials. It pings once, before its first request, and is safe to
use from several threads. Paths are repositories without the host ("library/busybox").
"""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.common.jsonfast import loads

from .connection import ClientOptions, Connection, retry_after
from .errors import BadContent, RegistryError, Unreachable, from_answer
from .http import Answer, Readable, TlsOptions, Upload, read_limited, send, session_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .blobstream import BlobStream

__all__ = ["ACCEPT", "ClientOptions", "RegistryClient", "next_page", "retry_after"]

MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
# One line: servers that read only the first of several Accept lines exist (image.md 15), lists are always understood.
ACCEPT = ", ".join(MANIFEST_TYPES)
MANIFEST_LIMIT = 4 << 20
# Below this a blob is sent in one PUT: one request less.
MONOLITHIC_MAX = 1 << 16
MAX_PAGES = 10_000


class RegistryClient(Connection):
    """One registry ``host[:port]`` and what can be asked of it."""

    # -- manifests ----------------------------------------------------------------------------------------------

    def get_manifest(self, repository: str, reference: str) -> tuple[bytes, str]:
        """(bytes, media type without parameters) of a tag or digest. The caller checks the digest."""
        what = f"reading manifest {reference} in {self.host}/{repository}"
        response = self.request(
            "GET",
            f"/v2/{repository}/manifests/{reference}",
            scopes=pull_scope(repository),
            headers={"Accept": ACCEPT},
        )
        if response.status_code != 200:
            raise self.fail(response, what)
        body = read_limited(response, MANIFEST_LIMIT, what)
        return body, response.headers.get("Content-Type", "").partition(";")[0].strip()

    def manifest_digest(self, repository: str, reference: str) -> str:
        """The digest that a tag points to, by HEAD; "" when the registry doesn't say."""
        response = self.request(
            "HEAD",
            f"/v2/{repository}/manifests/{reference}",
            scopes=pull_scope(repository),
            headers={"Accept": ACCEPT},
        )
        response.close()
        if response.status_code != 200:
            raise self._head_error(response, f"reading digest {reference} in {self.host}/{repository}")
        return str(response.headers.get("Docker-Content-Digest", ""))

    def _head_error(self, response: Answer, what: str) -> RegistryError:
        body = b""
        if response.status_code == 404:
            body = b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
        return from_answer(what, self.host, response.status_code, response.reason, body)

    def put_manifest(self, repository: str, reference: str, body: bytes, media_type: str) -> None:
        """Upload under a tag or digest. ``MANIFEST_INVALID`` and its like stay visible in the error's ``code``."""
        response = self.request(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            scopes=push_scope(repository),
            headers={"Content-Type": media_type} if media_type else {},
            body=body,
        )
        if not 200 <= response.status_code < 400:
            raise self.fail(response, f"uploading manifest {reference} to {self.host}/{repository}")
        response.close()

    def delete_manifest(self, repository: str, digest: str) -> None:
        response = self.request(
            "DELETE",
            f"/v2/{repository}/manifests/{digest}",
            scopes=(f"repository:{repository}:*",),
            headers={"Accept": ACCEPT},
        )
        if response.status_code != 202 and response.status_code != 200:
            raise self.fail(response, f"deleting {self.host}/{repository}@{digest}")
        response.close()

    # -- blobs --------------------------------------------------------------------------------------------------

    def blob_size(self, repository: str, digest: str) -> int | None:
        """The size of a blob that the repository has (-1: it doesn't say), None when it hasn't."""
        response = self.request("HEAD", f"/v2/{repository}/blobs/{digest}", scopes=pull_scope(repository))
        response.close()
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            what = f"checking whether a blob {digest} exists in {self.host}/{repository}"
            raise from_answer(what, self.host, response.status_code, response.reason, b"")
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else -1

    def open_blob(self, repository: str, digest: str, *, size: int = -1, offset: int = 0) -> BlobStream:
        """A stream of the blob from ``offset`` on. ``size`` is what the manifest promises (-1: unknown).

        A connection that breaks is continued with Range. Whoever reads checks the digest.
        """
        what = f"fetching blob: {digest} of {self.host}/{repository}"

        def open_at(start: int) -> Answer:
            headers = {"Range": f"bytes={start}-"} if start else {}
            response = self.request(
                "GET", f"/v2/{repository}/blobs/{digest}", scopes=pull_scope(repository), headers=headers
            )
            if response.status_code == 206 and start:
                from .blobstream import check_content_range

                check_content_range(response.headers.get("Content-Range", ""), start, size, what)
            elif response.status_code == 200 and start:
                response.close()
                raise Unreachable(f"{what}: the registry can't continue in the middle (no Range support)")
            elif response.status_code != 200:
                raise self.fail(response, "fetching blob")
            return response

        return self._blob_stream(open_at, what, size, offset)

    def open_url(self, url: str, what: str, size: int = -1) -> BlobStream:
        """A foreign layer's URL: no credentials, same resuming."""
        from urllib.parse import urlsplit

        def open_at(start: int) -> Answer:
            headers = {**self.headers, **({"Range": f"bytes={start}-"} if start else {})}
            response = send(session_for(urlsplit(url).netloc, TlsOptions()), "GET", url, headers=headers)
            if response.status_code != (206 if start else 200):
                raise from_answer(what, urlsplit(url).netloc, response.status_code, response.reason, b"")
            return response

        return self._blob_stream(open_at, what, size, 0)

    def _blob_stream(self, open_at: Callable[[int], Answer], what: str, size: int, offset: int) -> BlobStream:
        from .blobstream import BlobStream  # tag lists and pushes do without

        response = open_at(offset)
        length = response.headers.get("Content-Length", "")
        if length.isdigit():
            total = int(length) + offset
            if 0 <= size != total:
                response.close()
                raise BadContent(
                    f"{what}: the registry sends {total} bytes, the manifest says {size}",
                    hint="the image in the registry is damaged: push it again",
                )
            size = total
        return BlobStream(response, open_at, what=what, size=size, offset=offset, notice=self.options.notice)

    def mount_blob(self, repository: str, digest: str, source: str) -> bool:
        """Ask the registry to take the blob over from repository ``source``; False when it wants an upload."""
        from urllib.parse import quote

        path = f"/v2/{repository}/blobs/uploads/?from={quote(source, safe='')}&mount={quote(digest, safe='')}"
        scopes = (*push_scope(repository), *pull_scope(source))
        response = self.request("POST", path, scopes=scopes, headers={"Content-Length": "0"})
        response.close()
        if response.status_code == 202:
            self._cancel(self._location(response, ""), repository)
            return False
        return response.status_code == 201

    def start_upload(self, repository: str) -> str:
        """The Location to send a blob to."""
        response = self.request(
            "POST",
            f"/v2/{repository}/blobs/uploads/",
            scopes=push_scope(repository),
            headers={"Content-Length": "0"},
        )
        what = f"initiating layer upload to /v2/{repository}/blobs/uploads/ in {self.host}"
        if response.status_code != 202:
            raise self.fail(response, what)
        response.close()
        return self._location(response, what)

    def upload_blob(
        self, repository: str, stream: Readable, digest: Callable[[], str], size: int = -1, *, location: str = ""
    ) -> None:
        """Send a whole blob; ``digest()`` is asked once the stream has ended. An upload that fails is cancelled."""
        location = location or self.start_upload(repository)
        try:
            if 0 <= size <= MONOLITHIC_MAX:
                self._finish(repository, location, digest_after(stream, digest), "uploading layer to URL")
                return
            response = self.request(
                "PATCH",
                location,
                scopes=push_scope(repository),
                headers={"Content-Type": "application/octet-stream"},
                body=Upload(stream, size),
            )
            if not 200 <= response.status_code < 400:
                raise self.fail(response, "uploading layer chunked")
            response.close()
            location = self._location(response, "uploading layer chunked", base=location)
            self._finish(repository, location, (b"", digest()), "uploading layer to URL")
        except (OcikitError, OSError, ValueError):
            self._cancel(location, repository)
            raise

    def _finish(self, repository: str, location: str, content: tuple[bytes, str], what: str) -> None:
        from urllib.parse import quote, urlsplit, urlunsplit

        body, digest = content
        parts = urlsplit(location)
        query = "&".join(part for part in (parts.query, f"digest={quote(digest, safe='')}") if part)
        response = self.request(
            "PUT",
            urlunsplit(parts._replace(query=query)),
            scopes=push_scope(repository),
            headers={"Content-Type": "application/octet-stream"},
            body=body,
        )
        if response.status_code not in (201, 204):
            raise self.fail(response, what)
        response.close()

    def _cancel(self, location: str, repository: str) -> None:
        if not location:
            return
        try:
            self.request("DELETE", location, scopes=push_scope(repository)).close()
        except RegistryError:
            pass  # the registry forgets old uploads by itself

    def _location(self, response: Answer, what: str, base: str = "") -> str:
        location = response.headers.get("Location", "")
        if not location:
            if base:
                return base
            raise RegistryError(f"{what}: the registry's answer has no Location header")
        from urllib.parse import urljoin

        return str(urljoin(response.url, location))

    # -- tags and search ----------------------------------------------------------------------------------------

    def pages(self, path: str, scopes: tuple[str, ...], what: str) -> list[Any]:
        """The JSON documents of a list and of every next page (Link header); bounded."""
        documents: list[Any] = []
        seen: set[str] = set()
        while path and path not in seen and len(seen) < MAX_PAGES:
            seen.add(path)
            response = self.request("GET", path, scopes=scopes)
            if response.status_code != 200:
                raise self.fail(response, what)
            body = read_limited(response, MANIFEST_LIMIT, what)
            try:
                documents.append(loads(body))
            except ValueError as exc:
                raise RegistryError(f"{what}: {exc}") from exc
            path = next_page(response.headers.get("Link", ""))
        return documents

    def list_tags(self, repository: str) -> list[str]:
        """Every tag, in the server's order; what looks like a digest is skipped."""
        tags: list[str] = []
        for page in self.pages(f"/v2/{repository}/tags/list", pull_scope(repository), "fetching tags list"):
            for tag in (page.get("tags") if isinstance(page, dict) else None) or []:
                if not isinstance(tag, str) or not tag or ":" in tag:
                    continue
                tags.append(tag)
        return tags

    def check_credentials(self) -> None:
        """An authenticated ``GET /v2/``: raises Unauthorized when the credentials are no good."""
        response = self.request("GET", "/v2/")
        if response.status_code != 200:
            raise self.fail(response, f'logging into "{self.host}"')
        response.close()


def digest_after(stream: Readable, digest: Callable[[], str]) -> tuple[bytes, str]:
    """The whole (small) stream, then its digest."""
    data = stream.read()
    while piece := stream.read():
        data += piece
    return data, digest()


def pull_scope(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull",)


def push_scope(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull,push",)


def next_page(link: str) -> str:
    """Path and query of ``Link: <…>; rel="next"``: never its host, so that credentials stay where they belong."""
    target = link.partition(";")[0].strip().removeprefix("<").removesuffix(">")
    if not target:
        return ""
    from urllib.parse import urlsplit

    parts = urlsplit(target)
    path = parts.path if parts.path.startswith("/") else "/" + parts.path
    return path + ("?" + parts.query if parts.query else "")
