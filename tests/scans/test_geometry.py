"""The one story of axes."""
