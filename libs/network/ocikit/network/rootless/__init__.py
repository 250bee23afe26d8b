"""Networks without root: pasta and slirp4netns beside a container, a shared namespace for bridges, ports by a relay.

Nothing is imported here: the port relay runs with this package and without ``ocikit.common``.
"""
