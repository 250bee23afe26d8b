"""ocikit.network"""
