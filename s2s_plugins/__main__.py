"""``python -m s2s_plugins VERB`` is ``s2s VERB``."""

import sys

from s2s_plugins.cli.main import main

sys.exit(main())
