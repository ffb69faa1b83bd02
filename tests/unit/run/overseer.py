"""What the session's hidden verb does: supervises the run folder named first, in the home named second."""

import sys
from pathlib import Path

from wizard.journal import Home, RunFolder
from wizard.run import supervise

home = Path(sys.argv[2])
sys.exit(supervise(RunFolder(Path(sys.argv[1])), Home(home, home), {}))
