"""What a twin is trained on."""
