"""Makes models/people: people and vehicles in a picture."""
