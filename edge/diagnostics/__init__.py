"""Health and self-tests."""
