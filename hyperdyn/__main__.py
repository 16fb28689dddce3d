"""`python -m hyperdyn` is the command `hyperdyn`."""

import sys

from hyperdyn.cli.main import main

sys.exit(main())
