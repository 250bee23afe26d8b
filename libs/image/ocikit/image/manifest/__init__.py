"""Image manifests and lists: reading, choosing, converting, editing."""
