"""The asset graph, one folder a stage, in the order data flows."""
