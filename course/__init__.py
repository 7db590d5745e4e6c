"""What only maintainers and instructors run: `python -m course` lists the commands."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of the checkout


class BookError(ValueError):
    """What the book is made of breaks a rule; the message names file and remedy."""
