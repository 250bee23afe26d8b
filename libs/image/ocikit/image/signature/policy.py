"""policy.json: which images may be used (containers-policy.json(5); image.md 11.1, 11.2). Anything unclear is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ocikit.common.errors import ConfigError, OcikitError
from ocikit.image.errors import SignatureRejected

from .identity import check_identity
from .strictjson import StrictError, check_keys, loads, string

if TYPE_CHECKING:
    from ocikit.image.context import SystemContext
    from ocikit.image.transports.base import ImageReference

    Signatures = Callable[[], list[bytes]]

KEY_TYPES = ("GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs")
DEFAULT = {"default": [{"type": "insecureAcceptAnything"}], "transports": {}}
_KNOWN = (
    "atomic",
    "containers-storage",
    "dir",
    "docker",
    "docker-archive",
    "docker-daemon",
    "oci",
    "oci-archive",
    "sif",
    "tarball",
)
_UNSCOPED = ("docker-archive", "tarball")


class Policy:
    """A parsed policy: requirement objects as checked dicts."""

    def __init__(self, default: list[dict[str, Any]], transports: dict[str, dict[str, list[dict[str, Any]]]]) -> None:
        self.default = default
        self.transports = transports

    def requirements(self, reference: ImageReference) -> list[dict[str, Any]]:
        """The list that holds for this image: its identity, then parent scopes, the transport's "", the default."""
        scopes = self.transports.get(reference.transport.name)
        if scopes is not None:
            identity = reference.policy_identity()
            for scope in (identity, *reference.policy_namespaces()) if identity else ():
                if scope in scopes:
                    return scopes[scope]
            if "" in scopes:
                return scopes[""]
        return self.default

    def check(self, reference: ImageReference, manifest: bytes, signatures: Signatures, ctx: SystemContext) -> None:
        """Return if every requirement accepts the image with this manifest; raises SignatureRejected.

        ``signatures`` is called only when a requirement wants to see them.
        """
        for requirement in self.requirements(reference):
            reason = _evaluate(requirement, reference, manifest, signatures)
            if reason:
                raise SignatureRejected(
                    f"Source image rejected: {reason}", hint=f"the policy is {policy_path(ctx) or 'the built-in one'}"
                )


def _evaluate(requirement: dict[str, Any], reference: ImageReference, manifest: bytes, signatures: Signatures) -> str:
    """Why the requirement refuses, "" if it accepts."""
    kind = requirement["type"]
    if kind == "insecureAcceptAnything":
        return ""
    if kind == "reject":
        return f"Running image {reference} is rejected by policy."
    if kind == "signedBaseLayer":
        return "signedBaseLayer not implemented yet!"
    from . import verify

    try:
        return (
            verify.signed_by(requirement, reference, manifest, signatures())
            if kind == "signedBy"
            else (verify.sigstore_signed(requirement, reference, manifest, signatures()))
        )
    except SignatureRejected as exc:
        return str(exc)


def acceptor(ctx: SystemContext, *, required: bool = False) -> Callable[[ImageReference, bytes, Signatures], None]:
    """The policy of this call as :attr:`ocikit.image.copy.options.CopyOptions.accept`."""
    policy = load_policy(ctx, required=required)

    def accept(reference: ImageReference, manifest: bytes, signatures: Signatures) -> None:
        policy.check(reference, manifest, signatures, ctx)

    return accept


# -- loading ------------------------------------------------------------------------------------------------------


def default_paths(ctx: SystemContext) -> list[str]:
    home = os.environ.get("HOME", "")
    user = [os.path.join(home, ".config/containers/policy.json")] if home else []
    return [*user, ctx.path("/etc/containers/policy.json")]


def policy_path(ctx: SystemContext) -> str:
    """The file that counts; "" if there is none or the call ignores policies."""
    if ctx.insecure_policy:
        return ""
    if ctx.policy:
        return ctx.policy
    return next((path for path in default_paths(ctx) if os.path.exists(path)), "")


def load_policy(ctx: SystemContext, *, required: bool = False) -> Policy:
    """The policy of this call. No file: everything is accepted, unless ``required`` (skopeo) makes it an error."""
    path = policy_path(ctx)
    if not path:
        if required and not ctx.insecure_policy:
            tried = ", ".join(f'"{p}"' for p in default_paths(ctx))
            raise ConfigError(
                f"Error loading trust policy: no policy.json file found at any of the following: {tried}",
                hint='write {"default":[{"type":"insecureAcceptAnything"}]} into one of them, or use --insecure-policy',
            )
        return parse_policy(DEFAULT)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise ConfigError(f"Error loading trust policy: open {path}: {(exc.strerror or '').lower()}") from exc
    try:
        return parse_policy(loads(data))
    except OcikitError as exc:
        raise ConfigError(
            f'Error loading trust policy: invalid policy in "{path}": {exc}', hint="see containers-policy.json(5)"
        ) from exc


def parse_policy(doc: Any) -> Policy:
    """A policy document, checked through. Raises StrictError."""
    if not isinstance(doc, dict):
        raise StrictError("JSON object expected")
    for key in doc:
        if key not in ("default", "transports"):
            raise StrictError(f'Unknown key "{key}"')
    if "default" not in doc:
        raise StrictError("Default policy is missing")
    transports: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, scopes in (doc.get("transports") or {}).items():
        if not isinstance(scopes, dict):
            raise StrictError(f'Transport "{name}": JSON object expected')
        for scope in scopes:
            if scope and _bad_scope(name, scope):
                raise StrictError(f'Unknown key "{scope}"')
        transports[name] = {scope: _requirements(value) for scope, value in scopes.items()}
    return Policy(_requirements(doc["default"]), transports)


def _bad_scope(transport_name: str, scope: str) -> bool:
    if transport_name in _UNSCOPED:
        return True
    if transport_name in ("dir", "oci", "oci-archive", "sif"):
        return not scope.startswith("/") or (scope != "/" and os.path.normpath(scope) != scope) or scope == "/"
    if transport_name == "containers-storage":
        return not scope.startswith("[")
    if transport_name == "docker":
        from ocikit.image.transports.docker import TRANSPORT

        return bool(TRANSPORT.check_policy_scope(scope))
    return False


def _requirements(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise StrictError("JSON array expected")
    if not value:
        raise StrictError("List of verification policy requirements must not be empty")
    return [_requirement(entry) for entry in value]


def _requirement(doc: Any) -> dict[str, Any]:
    if not isinstance(doc, dict):
        raise StrictError("JSON object expected")
    kind = doc.get("type")
    if kind in ("insecureAcceptAnything", "reject"):
        return check_keys(doc, ("type",))
    if kind == "signedBy":
        return _signed_by(doc)
    if kind == "sigstoreSigned":
        return _sigstore_signed(doc)
    if kind == "signedBaseLayer":
        check_keys(doc, ("type", "baseLayerIdentity"))
        return {"type": kind, "baseLayerIdentity": check_identity(doc["baseLayerIdentity"])}
    raise StrictError(f'Unknown policy requirement type "{kind if kind is not None else ""}"')


def _one_of(doc: dict[str, Any], names: tuple[str, ...], message: str) -> str:
    given = [name for name in names if name in doc]
    if len(given) != 1:
        raise StrictError(message + (", none of them present" if not given else ", more than one present"))
    value = doc[given[0]]
    many = given[0].endswith("s")
    good = (
        isinstance(value, dict)
        if given[0] in ("fulcio", "pki")
        else (
            isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
            if many
            else isinstance(value, str)
        )
    )
    if not good:
        raise StrictError(f'Value of "{given[0]}" has the wrong type or is empty')
    for data in (value if many else [value]) if given[0].lower().endswith(("data", "datas")) else ():
        import base64

        try:
            base64.b64decode(data, validate=True)
        except ValueError as exc:
            raise StrictError(f'"{given[0]}" is not base64: {exc}') from exc
    return given[0]


def _signed_by(doc: dict[str, Any]) -> dict[str, Any]:
    check_keys(doc, ("type", "keyType"), ("keyPath", "keyPaths", "keyData", "signedIdentity"))
    if string(doc, "keyType") not in KEY_TYPES:
        raise StrictError(f'invalid keyType "{doc["keyType"]}"')
    _one_of(doc, ("keyPath", "keyPaths", "keyData"), "Exactly one of keyPath, keyPaths and keyData must be specified")
    return {**doc, "signedIdentity": check_identity(doc.get("signedIdentity"))}


_SIGSTORE_SOURCES = ("keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki")
_REKOR = ("rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas")


def _sigstore_signed(doc: dict[str, Any]) -> dict[str, Any]:
    check_keys(doc, ("type",), (*_SIGSTORE_SOURCES, *_REKOR, "signedIdentity"))
    source = (
        _one_of(
            doc,
            _SIGSTORE_SOURCES,
            "exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, and pki must be specified",
        )
        if any(name in doc for name in _SIGSTORE_SOURCES)
        else ""
    )
    if not source:
        raise StrictError("exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio, and pki must be specified")
    rekor = [name for name in _REKOR if name in doc]
    if len(rekor) > 1:
        raise StrictError(f"at most one of {', '.join(_REKOR)} can be used simultaneously")
    if source == "fulcio":
        check_keys(doc["fulcio"], ("oidcIssuer", "subjectEmail"), ("caPath", "caData"))
        _one_of(doc["fulcio"], ("caPath", "caData"), "exactly one of caPath and caData must be specified")
        if not rekor:
            raise StrictError(
                "At least one of rekorPublicKeyPath, rekorPublicKeyPaths, rekorPublicKeyData and "
                "rekorPublicKeyDatas must be specified if fulcio is used"
            )
    if source == "pki":
        check_keys(
            doc["pki"],
            (),
            (
                "caRootsPath",
                "caRootsData",
                "caIntermediatesPath",
                "caIntermediatesData",
                "subjectEmail",
                "subjectHostname",
            ),
        )
        if ("caRootsPath" in doc["pki"]) == ("caRootsData" in doc["pki"]):
            raise StrictError("exactly one of caRootsPath and caRootsData must be specified")
        if "subjectEmail" not in doc["pki"] and "subjectHostname" not in doc["pki"]:
            raise StrictError("at least one of subjectEmail, subjectHostname must be specified")
        if rekor:
            raise StrictError(
                "rekorPublicKeyPath, rekorPublicKeyPaths, rekorPublicKeyData and rekorPublicKeyDatas "
                "are not supported for pki"
            )
    return {**doc, "signedIdentity": check_identity(doc.get("signedIdentity"))}
