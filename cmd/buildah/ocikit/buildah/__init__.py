"""The buildah command."""
