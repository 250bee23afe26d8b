"""Names of images: ``[host[:port]/]path[:tag][@digest]`` (image spec, sections 3.1 and 3.2).

``parse_normalized("busybox")`` is ``docker.io/library/busybox``; ``parse_reference`` leaves short names short.
On the way of every command that names an image: no ``re``, no ``typing``, nothing but character tables.
"""

from __future__ import annotations

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import digest_problem, is_hex64

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALNUM = _LOWER + _UPPER
_TAG = _ALNUM + "_.-"
_HEX_ANY = "0123456789abcdefABCDEF"
NAME_MAX = 255
TAG_MAX = 128
DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"


class ImageName:
    """A parsed name. ``domain`` is "" only for short names from :func:`parse_reference`; ``tag``/``digest`` are ""
    if absent.

    A value: compares and hashes by content, and ``with_*`` make new ones.
    """

    __slots__ = ("digest", "domain", "path", "tag")

    def __init__(self, domain: str, path: str, tag: str = "", digest: str = "") -> None:
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest

    @property
    def name(self) -> str:
        """``host/path`` without tag and digest."""
        return f"{self.domain}/{self.path}" if self.domain else self.path

    def __str__(self) -> str:
        text = self.name
        if self.tag:
            text += ":" + self.tag
        if self.digest:
            text += "@" + self.digest
        return text

    def __repr__(self) -> str:
        return f"ImageName({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageName) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def is_name_only(self) -> bool:
        return not self.tag and not self.digest

    def familiar(self) -> str:
        """As people write it: without ``docker.io/`` and ``library/``."""
        text = str(self)
        if self.domain == DEFAULT_DOMAIN:
            text = text[len(DEFAULT_DOMAIN) + 1 :]
            if self.path.startswith("library/") and "/" not in self.path[8:]:
                text = text[8:]
        return text

    def familiar_name(self) -> str:
        return ImageName(self.domain, self.path).familiar()

    def with_tag(self, tag: str) -> ImageName:
        """The same repository and digest with another tag. Raises :class:`InvalidReference` on a bad tag."""
        if not valid_tag(tag):
            raise InvalidReference("invalid tag format")
        return ImageName(self.domain, self.path, tag, self.digest)

    def with_digest(self, digest: str) -> ImageName:
        if digest_problem(digest):
            raise InvalidReference("invalid digest format")
        return ImageName(self.domain, self.path, self.tag, digest)

    def without_tag(self) -> ImageName:
        return ImageName(self.domain, self.path, "", self.digest)

    def without_digest(self) -> ImageName:
        return ImageName(self.domain, self.path, self.tag)

    def repository(self) -> ImageName:
        return ImageName(self.domain, self.path)

    def tagged(self) -> ImageName:
        """With ``:latest`` if it has neither tag nor digest ("TagNameOnly")."""
        return ImageName(self.domain, self.path, DEFAULT_TAG) if self.is_name_only else self


def valid_tag(tag: str) -> bool:
    return 0 < len(tag) <= TAG_MAX and tag[0] not in ".-" and not tag.strip(_TAG)


def valid_domain(domain: str) -> bool:
    """``host``, ``host.name``, ``host:port``; no IPv6 literals."""
    host, colon, port = domain.partition(":")
    if colon and (not port or port.strip("0123456789")):
        return False
    for part in host.split("."):
        if not part or part[0] == "-" or part[-1] == "-" or part.strip(_ALNUM + "-"):
            return False
    return True


def valid_component(component: str) -> bool:
    """Lower-case letters and digits, joined by single ``.``, ``_``, ``__`` or any number of ``-``."""
    if not component.strip(_LOWER):
        return component != ""
    if component.strip(_LOWER + "._-") or component[0] in "._-" or component[-1] in "._-":
        return False
    run = ""
    for char in component:
        if char in "._-":
            run += char
        elif run:
            if run not in (".", "_", "__") and run.strip("-"):
                return False
            run = ""
    return True


def _valid_digest_form(digest: str) -> bool:
    algorithm, colon, encoded = digest.partition(":")
    if not colon or len(encoded) < 32 or encoded.strip(_HEX_ANY):
        return False
    for separator in "-_+":
        algorithm = algorithm.replace(separator, ".")
    return all(part and part[0] not in "0123456789" and not part.strip(_ALNUM) for part in algorithm.split("."))


def _split(text: str) -> tuple[str, str, str] | None:
    """(name, tag, digest), the tag and the digest checked for form; None if they aren't."""
    rest, at, digest = text.partition("@")
    if at and not _valid_digest_form(digest):
        return None
    slash = rest.rfind("/")
    last, colon, tag = rest[slash + 1 :].partition(":")
    if colon and not valid_tag(tag):
        return None
    return rest[: slash + 1] + last, tag, digest


def _valid_path(path: str) -> bool:
    return all(valid_component(component) for component in path.split("/"))


def parse_reference(text: str) -> ImageName:
    """Parses without normalising: ``busybox`` stays ``busybox``, its domain "".

    Raises :class:`InvalidReference`. The first part counts as a domain only if it could be nothing else or has the
    form of a host name (the grammar is ambiguous there; Go's regular expression prefers the domain as well).
    """
    if not text:
        raise InvalidReference("repository name must have at least one component")
    split = _split(text)
    domain = path = tag = digest = ""
    good = split is not None
    if split is not None:
        path, tag, digest = split
        first, slash, rest = path.partition("/")
        if slash and valid_domain(first) and _valid_path(rest):
            domain, path = first, rest
        else:
            good = _valid_path(path)
    if not good:
        if text != text.lower() and _is_valid(text.lower()):
            raise InvalidReference("invalid reference format: repository name must be lowercase")
        raise InvalidReference("invalid reference format")
    if len(path) + (len(domain) + 1 if domain else 0) > NAME_MAX:
        raise InvalidReference(f"repository name must not be more than {NAME_MAX} characters")
    if digest:
        problem = digest_problem(digest)
        if problem:
            raise InvalidReference(problem)
    return ImageName(domain, path, tag, digest)


def _is_valid(text: str) -> bool:
    try:
        parse_reference(text)
    except InvalidReference:
        return False
    return True


def split_domain(text: str) -> tuple[str, str]:
    """(domain, rest) by Docker's rule: the first part is a host only if it has ``.`` or ``:`` or is ``localhost``."""
    first, slash, rest = text.partition("/")
    if not slash or ("." not in first and ":" not in first and first != "localhost"):
        domain, rest = DEFAULT_DOMAIN, text
    else:
        domain = first
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in rest:
        rest = "library/" + rest
    return domain, rest


def parse_normalized(text: str) -> ImageName:
    """Parses what a user typed: ``busybox`` becomes ``docker.io/library/busybox``. No tag is added (see
    ``tagged()``).
    """
    if is_hex64(text):
        raise InvalidReference(
            f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings",
            hint="an image id is given without transport, or after an @ in containers-storage:",
        )
    domain, rest = split_domain(text)
    path = rest.partition(":")[0].partition("@")[0]
    if path != path.lower():
        raise InvalidReference("invalid reference format: repository name must be lowercase")
    return parse_reference(f"{domain}/{rest}")


def is_short_name(text: str) -> bool:
    """Whether the name needs short-name resolution: its first part isn't a host (section 3.3)."""
    first, slash, _ = text.partition("@")[0].partition("/")
    return not slash or ("." not in first and ":" not in first and first != "localhost")
