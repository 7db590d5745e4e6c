"""Train, measure and publish what the course releases."""
