"""Makes models/rapid_motion: how much rapid motion of people is in two seconds."""
