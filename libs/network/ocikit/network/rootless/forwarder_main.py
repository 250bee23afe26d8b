"""The port relay as a program: ``python -E -s -S forwarder_main.py NETNS ADDRESS CONTROL EXIT_FD READY_FD PORT...``."""

import os
import sys

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    from ocikit.network.rootless import forwarder

    netns_path, target, control, exit_fd, ready_fd, *words = sys.argv[1:]
    os._exit(forwarder.serve(netns_path, target, control, words, int(exit_fd), int(ready_fd)))
