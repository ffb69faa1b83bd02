"""`python -m wizard`: the command, as the bootstrap starts it."""

import os
import sys

if cache := os.environ.get("YCDY_PYCACHE"):  # a checkout may be read-only, and is not ours to write in
    sys.pycache_prefix, sys.dont_write_bytecode = cache, False

from wizard.cli import main

sys.exit(main())
