"""Cleaned documents and their chunks."""
