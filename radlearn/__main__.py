"""`python -m radlearn` is `radlearn`."""

import sys

from radlearn.cli import main

if __name__ == "__main__":
    sys.exit(main())
