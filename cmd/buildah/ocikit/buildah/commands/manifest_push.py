"""buildah manifest push."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.common.cli.optionsets.registry import RETRIES
from ocikit.image.cli.manifest_push import COMMAND as SHARED
from ocikit.image.cli.manifest_push import run

__all__ = ["COMMAND", "run"]

SIGSTORE = ("sign-by-sigstore", "sign-by-sigstore-private-key", "sign-by-sq-fingerprint", "sign-passphrase-file")
COMMAND = ours(SHARED, without=(*SIGSTORE,), plus=(*RETRIES,))
