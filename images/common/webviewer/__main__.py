"""``python -m webviewer``."""

from __future__ import annotations

import sys

from webviewer.cli import main

sys.exit(main())
