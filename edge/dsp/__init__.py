"""Pure functions on sound arrays."""
