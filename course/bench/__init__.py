"""Measure what things cost, side by side with others."""
