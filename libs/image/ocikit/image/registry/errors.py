"""What a registry can answer wrongly, as errors: which are worth a retry, and what the user should do.

RegistryError(status, code)
├─ Unreachable            no connection, a broken connection, a time-out
├─ CertificateError       TLS: unknown authority, wrong host name, no TLS at all
├─ Unauthorized           401, or a token server that refuses
├─ Denied                 403
├─ TooManyRequests        429, after the retries
├─ ManifestUnknown        404 with MANIFEST_UNKNOWN (skopeo's exit code 2)
├─ ServerError            5xx
└─ BadContent             what arrived is not what was promised: digest, length, size limit

Error texts: docker/distribution's API errors, shown by the rules of image.md section 5.5.
"""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.image.errors import ImageNotFound

# code -> the text that a registry sends when it has nothing better to say
DEFAULT_MESSAGES = {
    "UNAUTHORIZED": "authentication required",
    "DENIED": "requested access to the resource is denied",
    "UNKNOWN": "unknown error",
    "UNSUPPORTED": "The operation is unsupported.",
    "UNAVAILABLE": "service unavailable",
    "TOOMANYREQUESTS": "too many requests",
    "NAME_UNKNOWN": "repository name not known to registry",
    "NAME_INVALID": "invalid repository name",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "MANIFEST_INVALID": "manifest invalid",
    "MANIFEST_UNVERIFIED": "manifest failed signature verification",
    "MANIFEST_BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UPLOAD_UNKNOWN": "blob upload unknown to registry",
    "BLOB_UPLOAD_INVALID": "blob upload invalid",
    "TAG_INVALID": "manifest tag did not match URI",
    "DIGEST_INVALID": "provided digest did not match uploaded content",
    "SIZE_INVALID": "provided length did not match content length",
    "PAGINATION_NUMBER_INVALID": "invalid number of results requested",
}
_FINAL_CODES = ("UNAUTHORIZED", "DENIED", "NAME_UNKNOWN", "MANIFEST_UNKNOWN")


class RegistryError(OcikitError):
    """A registry said no. ``status`` is the HTTP status (0: no answer), ``code`` the registry's own (may be "")."""

    def __init__(self, message: str, *, status: int = 0, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed a little later (image.md 5.4)."""
        if self.status in (502, 503, 504):
            return True
        return bool(self.code) and self.code not in _FINAL_CODES


class Unreachable(RegistryError):
    """No TCP connection, or one that broke before the answer was complete."""

    @property
    def retryable(self) -> bool:
        return True


class CertificateError(RegistryError):
    """The registry's certificate can't be trusted, or it doesn't speak TLS."""


class Unauthorized(RegistryError):
    """Credentials are missing, wrong, or not enough."""


class Denied(RegistryError):
    """The credentials are good, the answer is no."""


class TooManyRequests(RegistryError):
    """The registry's rate limit."""


class ManifestUnknown(RegistryError, ImageNotFound):
    """The repository has no such tag or digest."""


class ServerError(RegistryError):
    """The registry itself failed."""


class BadContent(RegistryError):
    """Bytes whose digest, length or size are not what was promised."""


def is_retryable(error: BaseException) -> bool:
    """Whether an operation that failed with ``error`` is worth another try."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    # An error that got words put in front of it may be its own cause.
    while current is not None and current not in seen:
        if isinstance(current, RegistryError):
            return current.retryable
        if isinstance(current, (ConnectionError, TimeoutError, InterruptedError, BlockingIOError)):
            return True
        seen.append(current)
        current = current.__cause__
    return False


def error_text(body: bytes, status: int, reason: str) -> tuple[str, str]:
    """(code, text) of an error answer; the text is what Go's client would show."""
    if status >= 500:
        code, _ = _first_error(body)
        return code, f"received unexpected HTTP status: {status} {reason}".rstrip()
    code, text = _first_error(body)
    if text:
        return code, text
    shown = body[:50].decode("utf-8", "replace") + ("..." if len(body) > 50 else "")
    return "", f'StatusCode: {status}, "{shown}"' if shown else f"StatusCode: {status}, {reason}"


def _first_error(body: bytes) -> tuple[str, str]:
    try:
        import json

        doc = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(doc, dict):
        return "", ""
    details = doc.get("details")
    if isinstance(details, str) and details:
        return "", details
    errors = doc.get("errors")
    if not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return "", ""
    first = errors[0]
    code = str(first.get("code") or "UNKNOWN").upper()
    message = str(first.get("message") or "")
    default = DEFAULT_MESSAGES.get(code, "")
    plain = code.lower().replace("_", " ")
    if first.get("detail") is None and message in ("", default):
        return code, plain
    if message == default:
        return code, message
    return code, f"{plain}: {message}"


def from_answer(
    what: str, host: str, status: int, reason: str, body: bytes, challenge_error: str = ""
) -> RegistryError:
    """The error for an answer that isn't a success; ``what`` says which request failed ("reading manifest 1 in h/r")."""
    code, text = error_text(body, status, reason)
    if status == 401:
        if challenge_error == "insufficient_scope":
            code = "DENIED"
        return Unauthorized(
            f"{what}: {text}",
            status=status,
            code=code or "UNAUTHORIZED",
            hint=f"log in with `podman login {host}`, or check that this account may use the repository",
        )
    if status == 403:
        return Denied(f"{what}: {text}", status=status, code=code, hint=f"this account may not do that on {host}")
    if status == 429:
        return TooManyRequests(
            f"{what}: {text}",
            status=status,
            code=code or "TOOMANYREQUESTS",
            hint=f"{host} limits how often it may be asked: wait, or log in with `podman login {host}` for a higher limit",
        )
    if code == "MANIFEST_UNKNOWN":
        return ManifestUnknown(f"{what}: {text}", status=status, code=code, hint="check the name and the tag")
    if code == "NAME_UNKNOWN":
        return RegistryError(f"{what}: {text}", status=status, code=code, hint="check the repository's name")
    if status >= 500:
        return ServerError(
            f"{what}: {text}", status=status, code=code, hint=f"{host} itself failed: try again in a while"
        )
    return RegistryError(f"{what}: {text}", status=status, code=code)
