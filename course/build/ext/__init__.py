"""What the site needs beyond plain Sphinx, one small extension a file."""
