"""A seeded street: sources whose truth is known."""
