"""From options to an OCI runtime configuration (config.json), as pure functions.

``template.build`` turns options, an image's configuration and facts of the host into the template that is stored with the
container; ``finish.finish`` completes it when the container is about to be created (paths, user, namespaces).
Nothing here touches the system except ``host.py``, which gathers the facts.
"""
