"""``python -m ocikit.buildah``: the buildah command without its script."""

import sys

from ocikit.buildah.main import main

sys.exit(main())
