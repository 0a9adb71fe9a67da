"""One file per verb of the `lamppost` command."""
