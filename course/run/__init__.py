"""Execute the pages, and tell whether what they show still follows from what they read."""
