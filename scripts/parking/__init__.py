"""Makes models/parking: is a bay free or occupied."""
