"""For whoever receives reports: are they authentic, and all there? Needs cryptography and no more."""

from edge.signing.key_list import KeyListError, TrustedKey, load_key_list, parse_key_list
from edge.subscriber.findings import Finding, What
from edge.subscriber.verifier import Verifier

__all__ = [
    "Finding",
    "KeyListError",
    "TrustedKey",
    "Verifier",
    "What",
    "load_key_list",
    "parse_key_list",
]
