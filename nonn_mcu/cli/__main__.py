"""``python -m nonn_mcu.cli``."""

import sys

from nonn_mcu.cli import main

sys.exit(main())
