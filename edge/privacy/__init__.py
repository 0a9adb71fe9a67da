"""The gate: the only maker of a report."""
