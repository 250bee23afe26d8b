"""certs.d: CA and client certificates of one registry (containers-certs.d(5); image.md 6.2)."""

from __future__ import annotations

import os

from .errors import CertificateError
from .http import TlsOptions


def search_path(host: str, *, root: str = "") -> list[str]:
    """The directories that may hold certificates for ``host`` (with its port), best first; they are not merged."""
    home = os.environ.get("HOME", "")
    config = os.environ.get("XDG_CONFIG_HOME", "") or (os.path.join(home, ".config") if home else "")
    user = [os.path.join(config, "containers/certs.d", host)] if config else []
    return [*user, f"{root}/etc/containers/certs.d/{host}", f"{root}/etc/docker/certs.d/{host}"]


def tls_options(host: str, cert_dir: str = "", *, root: str = "", verify: bool = True) -> TlsOptions:
    """What certs.d says about ``host``; ``cert_dir`` replaces the search. No directory: the system's CAs alone."""
    directory = cert_dir or next((d for d in search_path(host, root=root) if os.path.isdir(d)), "")
    try:
        names = sorted(os.listdir(directory)) if directory else []
    except OSError:
        names = []
    cas = tuple(os.path.join(directory, n) for n in names if n.endswith(".crt"))
    cert = key = ""
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        if not dot or suffix not in ("cert", "key"):
            continue
        if suffix == "cert":
            if stem + ".key" not in names:
                raise CertificateError(
                    f"missing key {stem}.key for client certificate {name}. "
                    "Note that CA certificates should use the extension .crt",
                    hint=f"see {directory}",
                )
            if not cert:
                cert, key = os.path.join(directory, name), os.path.join(directory, stem + ".key")
        elif stem + ".cert" not in names:
            raise CertificateError(f"missing client certificate {stem}.cert for key {name}", hint=f"see {directory}")
    return TlsOptions(verify, cas, cert, key)
