"""Frames, observations, events, reports and the stage protocols."""
