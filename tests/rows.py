"""What a stored row needs beside what a test is about."""

# Of a cleaned document: how cleaning knows its own work again.
MADE = {"withheld": None, "made_of": "1", "furniture": "1", "lines": b"", "signature": b"\0"}
# Of a raw document: where it was read.
ORIGIN = {"source_hash": "1", "source": "folder texts", "item": "a.md", "stamp": "1"}
