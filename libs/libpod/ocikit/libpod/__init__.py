"""ocikit.libpod"""
