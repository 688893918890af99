"""Settings, the store, and connections to the outside world, one a file."""
