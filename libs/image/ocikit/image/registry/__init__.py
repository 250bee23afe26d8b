"""Registries: HTTP client, authentication, registries.conf, certificates, signature stores.

    from ocikit.image.registry.client import ClientOptions, RegistryClient
    client = RegistryClient("quay.io", ClientOptions())
    body, media_type, digest = client.get_manifest("podman/stable", "latest")

Nothing is imported here: ``requests`` costs 100 ms, and whoever only reads registries.conf must not pay for it.
"""
