"""The life of a container: create, prepare, init, start, attach, stop, clean up, remove, and what happens in between."""
