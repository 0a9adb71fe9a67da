"""Observations to events, one file per rule."""
