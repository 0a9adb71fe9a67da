"""Ed25519 signatures: keys, canonical bytes, and what a signed report or command looks like."""
