"""Tools of this project that are not installed: run them from the repository's root."""
