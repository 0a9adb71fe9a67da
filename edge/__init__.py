"""Sensor fusion on a lamppost that publishes only anonymised reports."""

__version__ = "0.1.0"
