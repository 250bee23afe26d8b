"""ocikit.common"""
