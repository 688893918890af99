"""Jobs, schedules and sensors over the asset graph."""
