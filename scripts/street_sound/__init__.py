"""Trains and measures models/street_sound; README.md here says how."""
