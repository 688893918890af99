"""What production was asked and answered."""
