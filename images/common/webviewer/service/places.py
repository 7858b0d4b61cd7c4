"""Where a service has its files. Only the programs go where the person wants them, the rest is where Linux keeps such things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ServiceRole = Literal["unified", "control", "storage", "render"]
Engine = Literal["postgresql", "sqlite"]
GROUP = "webviewer"
"""System group of the users of all services."""


@dataclass(frozen=True, slots=True)
class Places:
    """Paths as the running service sees them; :meth:`under` says where they are in a scratch root."""

    role: ServiceRole
    programs: Path
    """INSTALL_DIR."""
    root: Path = Path("/")

    @property
    def name(self) -> str:
        """Name of the unit, of the user and of the folders."""
        return f"webviewer-{self.role}"

    @property
    def launcher(self) -> Path:
        """The program that the unit starts."""
        return self.programs / "bin" / "webviewer"

    @property
    def uninstaller(self) -> Path:
        """Takes the service away again."""
        return self.programs / "bin" / f"{self.name}-uninstall"

    @property
    def unit(self) -> Path:
        """File of the systemd unit."""
        return Path("/etc/systemd/system") / f"{self.name}.service"

    @property
    def home(self) -> Path:
        """Home of the user and working folder of the service."""
        return Path("/var/lib") / self.name

    @property
    def data(self) -> Path:
        """Everything that must survive."""
        return self.home / "data"

    @property
    def logs(self) -> Path:
        """Folder of the log."""
        return Path("/var/log") / self.name

    def configuration(self, engine: Engine) -> Path:
        """Return the file of settings; render has no database."""
        suffix = "" if self.role == "render" else f"-{engine}"
        return Path("/etc") / self.name / f"{self.role}{suffix}.yaml"

    def under(self, path: Path) -> Path:
        """Return where a path is to be written."""
        return self.root / path.relative_to("/")
