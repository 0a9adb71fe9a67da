"""Recordings as sources."""
