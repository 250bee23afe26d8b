"""Starts the monitor with as little Python as possible: ``python3 -I -S .../ocikit/conmon/__main__.py OPTIONS``.

A script is compiled at every start, a module is not: so this file only finds the package and imports it.
"""

import sys

if not __package__:  # run as a file: -I keeps the folder off sys.path, and the namespace needs the one above `ocikit`
    sys.path.insert(0, __file__.rsplit("/", 3)[0])

from ocikit.conmon.main import run

if __name__ == "__main__":
    run(sys.argv[1:])
