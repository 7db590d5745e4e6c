"""What is drawn where the real data is out of reach."""
