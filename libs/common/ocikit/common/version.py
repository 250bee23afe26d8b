"""The version of ocikit, and the tool versions whose command lines it is compatible with."""

VERSION = "0.1.0"
PODMAN = "5.8.2"
BUILDAH = "1.43.1"
SKOPEO = "1.22.2"
