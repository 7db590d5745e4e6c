"""What only maintainers and instructors run: `python -m course` lists the commands."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of the checkout
