"""`python -m release`, started by scripts/release-validate with what the chosen stages need in place."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
