"""A stream of questions, documents and hours, played through a copy of a running system."""
