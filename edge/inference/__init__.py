"""Model card, checksum and session: the only user of onnxruntime."""
