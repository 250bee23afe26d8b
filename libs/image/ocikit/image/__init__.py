"""ocikit.image"""
