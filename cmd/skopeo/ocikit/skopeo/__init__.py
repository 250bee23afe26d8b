"""The skopeo command."""
