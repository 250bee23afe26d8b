"""ocikit.storage"""
