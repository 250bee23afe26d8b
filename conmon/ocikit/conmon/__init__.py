"""The container monitor: standard library only."""
