"""The podman command."""
