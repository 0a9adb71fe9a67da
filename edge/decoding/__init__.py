"""Pure functions on bytes."""
