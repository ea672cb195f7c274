"""What must hold before a version goes out: `python -m tests.release`, and tests of the habits that lead there."""
