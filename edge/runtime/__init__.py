"""Sole owner of threads, tasks, wiring and settings."""
