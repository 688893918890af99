"""Releases, the server that answers, and its page."""
