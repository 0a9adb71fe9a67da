"""Frames to observations, one file each."""
