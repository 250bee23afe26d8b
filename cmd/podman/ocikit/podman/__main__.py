"""``python -m ocikit.podman``: the podman command without its script."""

import sys

from ocikit.podman.main import main

sys.exit(main())
