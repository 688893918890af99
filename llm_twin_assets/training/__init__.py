"""The base model and each twin's adapter."""
