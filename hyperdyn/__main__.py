"""`python -m hyperdyn` is the command `hyperdyn`."""

import sys

from hyperdyn.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
