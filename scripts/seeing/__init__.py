"""Measures what the camera lane sees, beside public models."""
