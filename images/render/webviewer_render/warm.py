"""``python -m webviewer_render.warm``: fill the cache of compiled kernels, so that no start has to compile.

The kernels are compiled in a child process with the environment of the workers, for which alone the cache is valid.
"""

from __future__ import annotations

import subprocess
import sys

from webviewer_render.worker.environment import worker_environment

_WARM_UP = (
    "from webviewer_render.scene import picture, plane, projection;"
    "picture.warm_up(); plane.warm_up(); projection.warm_up()"
)


def main() -> int:
    """Compile; returns the exit status of the child."""
    command = [sys.executable, "-c", _WARM_UP]
    return subprocess.run(command, env=worker_environment(), check=False).returncode  # noqa: S603 - our own code


if __name__ == "__main__":
    sys.exit(main())
