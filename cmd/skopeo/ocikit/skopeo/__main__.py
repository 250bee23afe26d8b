"""``python -m ocikit.skopeo``: the skopeo command without its script."""

import sys

from ocikit.skopeo.main import main

sys.exit(main())
