"""Flags of builds that cannot act yet, and why. Declarations read this, so it imports nothing else."""

from __future__ import annotations

from ocikit.common.cli.optionsets.build import SBOM

# What is declared, because scripts use it, and cannot act yet: using one of these fails with the sentence.
UNSUPPORTED = {
    "all-platforms": "builds for several platforms at once are not there yet; build for one with --platform",
    "cache-from": "caches in registries are not there yet",
    "cache-to": "caches in registries are not there yet",
    "compat-volumes": "contents of volumes are always kept",
    "decryption-key": "encrypted base images are not there yet; pull them first",
    "cw": "images for confidential workloads need a tool that is not part of ocikit",
    "hooks-dir": "OCI hooks in RUN instructions are not there yet",
    "sign-by": "signing while building is not there yet; use podman push --sign-by",
    "userns": "build containers run in the caller's user namespace",
    "userns-gid-map": "build containers run in the caller's user namespace",
    "userns-gid-map-group": "build containers run in the caller's user namespace",
    "userns-uid-map": "build containers run in the caller's user namespace",
    "userns-uid-map-user": "build containers run in the caller's user namespace",
    **{flag.name: "software lists need a scanner image and are not there yet" for flag in SBOM},
}
