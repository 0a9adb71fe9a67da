"""Outbox, publisher and payload formats."""
