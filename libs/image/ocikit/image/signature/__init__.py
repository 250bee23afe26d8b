"""Signatures: what policy.json demands, and making and checking simple-signing and sigstore signatures.

from ocikit.image.signature.policy import load_policy
load_policy(ctx).check(reference, manifest_bytes, source.get_signatures, ctx)   # raises SignatureRejected
"""
