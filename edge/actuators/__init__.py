"""What the lamppost may move or light, limits inside each file."""
