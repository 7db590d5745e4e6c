"""The networks that run in the page."""
