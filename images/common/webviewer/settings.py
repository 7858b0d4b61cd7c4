"""One typed settings object for every role.

Sources, strongest first: command-line flags, ``WEBVIEWER_*`` environment variables, the file given
by ``-c`` (YAML or JSON), the defaults below.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from webviewer.errors import InvalidRequestError

MIB = 1024 * 1024
_MAX_SECONDS = 366 * 24 * 3600
Port = Annotated[int, Field(ge=0, le=65535)]
LogLevel = Literal["error", "warning", "info", "debug"]


class Settings(BaseSettings):
    """Everything that can be configured. Sizes are in bytes and times in seconds unless named otherwise."""

    model_config = SettingsConfigDict(env_prefix="WEBVIEWER_", extra="forbid", frozen=True)

    # Where things are
    data: Path = Path("data")
    """Folder of databases, keys, blobs: everything that must survive."""
    html: Path | None = None
    """Folder of the built pages; null = the ones inside the package or html/dist of a checkout."""
    database_url: SecretStr | None = None
    """postgresql+asyncpg://…; null = SQLite files under ``data``."""

    # Listening
    host: str = "127.0.0.1"
    port: Port | None = None
    """HTTP port; null = 8090 control and unified, 8091 storage, 8092 render; 0 = any free port."""
    dicom_host: str | None = None
    dicom_port: Port = 11112
    no_dicom: bool = False
    ae_title: Annotated[str, Field(pattern=r"^[ -\[\]-~]{1,16}$")] = "WEBVIEWER"
    dicom_processes: Annotated[int, Field(ge=1, le=64)] = 1
    metrics_port: Port = 9180
    """Cluster roles only; unified serves /metrics beside the pages."""
    metrics_token: SecretStr | None = None

    # How browsers reach us
    server_url: str = ""
    """Public address of the start page; empty = as the browser sees it."""
    allowed_origins: tuple[str, ...] = ()
    base_path: str = ""
    """Path prefix where a proxy does not send X-Forwarded-Prefix."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-* headers count."""
    web_site: Annotated[str, Field(pattern=r"^(https?://\S+)?$", max_length=200)] = ""
    """Who runs this installation: shown on the page About, with the addresses below where they are set."""
    sales_email: Annotated[str, Field(pattern=r"^(\S+@\S+)?$", max_length=200)] = ""
    support_email: Annotated[str, Field(pattern=r"^(\S+@\S+)?$", max_length=200)] = ""
    frame_ancestors: str = "'self'"
    """Who may embed the pages (CSP)."""

    # The other parts (cluster mode)
    node_name: str = ""
    """Audience of the grants this node accepts; empty = the role's name."""
    control_url: str = ""
    """Storage and render fetch the public keys of grants here."""
    node_secret: SecretStr | None = None
    """Shared by the parts of a cluster: with it nodes fetch the keys of grants from control."""
    node_url: str = ""
    """Where control reaches this storage or render node; empty = this machine's address towards control."""
    storage_index: Annotated[int, Field(ge=0, le=999)] = 0
    """Storage: which of several nodes on one PostgreSQL this is. Each has a schema of its own: ``storage``, ``storage_1``, …"""
    storage_url: str = ""
    """Control: the storage node that is asked as long as no second one has registered."""
    render_url: str = ""
    """Control: the name that certificates of render nodes are of, where the nodes register by a number. Nodes are found by
    their registration alone; without TLS this may be empty."""
    render_nodes_url: str = ""
    """Like render_url, but its name resolves to every render node; empty = render_url. Whoever scales is told the load of these
    addresses; of those that have registered where both are empty."""
    placement: Literal["fewest-sessions", "volume-affinity"] = "fewest-sessions"
    """Control: which render node a session gets. ``volume-affinity`` prefers one that has the series in its memory, as long as
    it has at most one session more than the node with the fewest."""
    slot_idle: Annotated[float, Field(gt=0, le=3600)] = 60
    """Control and render: a session keeps its place at a render node so long after its last viewport has closed."""
    tls_certificate: Path | None = None
    """PEM, the part's own certificate first: with it and ``tls_key`` the part speaks https instead of http."""
    tls_key: Path | None = None
    tls_authority: Path | None = None
    """PEM: certificates of other parts must be by one of these authorities; null = by those that the system trusts."""
    nodes_port: Port | None = None
    """Control: serve the other parts here, with ``tls_certificate``; its own port then stays http, for a proxy in front."""

    # Sessions and people
    demo: bool = False
    no_sample: bool = False
    session_idle: Annotated[float, Field(gt=0, le=_MAX_SECONDS)] = 30 * 60
    session_lifetime: Annotated[float, Field(gt=0, le=_MAX_SECONDS)] = 12 * 3600
    audit_names: bool = True
    """The viewing audit keeps patient names, patient IDs and descriptions; else only UIDs, dates and modalities."""
    audit_syslog: Annotated[str, Field(pattern=r"^$|^(udp|tcp|tls)://[^/@\s]+$")] = ""
    """Control: forward the viewing audit to this syslog server, as tls://host:6514; empty = to none."""
    audit_syslog_authority: Path | None = None
    """PEM: the syslog server's certificate must be by one of these authorities; null = by those that the system trusts."""
    audit_syslog_format: Literal["dicom", "json"] = "dicom"
    """Messages are DICOM audit messages (PS3.15 A.5), or JSON."""

    link_by_params_policy: Literal["forbidden", "anonymized", "allowed", "download"] = "forbidden"
    """What an address opens that names user and study instead of a link: nothing, the study without who it is of, the study, or
    the study with the right to take it along. Whoever knows both numbers gets in, without a log-in."""

    licensing: Literal["off", "enforced"] = "off"
    """``off``: no limits, nothing to activate; ``enforced``: users log in as the activated licence allows."""
    licence_keys: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")], ...] = ()
    """Public keys of ``webviewer license keygen``: licences must be signed by one of them."""
    licence_file: Path | None = None
    """A licence that is activated when it is first seen there; looked at every minute."""

    # Single sign-on (OpenID Connect)
    oidc_issuer: str = ""
    """Address of the provider, as its tokens name it; empty = log-in by password only."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    """Null for a public client: PKCE is used in either case."""
    oidc_scopes: tuple[str, ...] = ("openid", "profile", "email")
    oidc_login_claim: str = "preferred_username"
    """The login of a new user is made of this claim."""
    oidc_group_claim: str = "groups"
    """Where the groups of a person are; dots lead into objects, as in realm_access.roles."""
    oidc_roles: dict[str, Literal["administrator", "user", "auditor"]] = {}
    """Role by group. Who is in none of these groups is refused; empty = everybody of the provider is a user."""
    oidc_name: str = ""
    """What the button on the log-in page calls the provider."""

    # Limits
    max_upload_bytes: Annotated[int, Field(ge=1)] = 8 * 1024 * MIB
    max_object_bytes: Annotated[int, Field(ge=1)] = 4 * 1024 * MIB
    max_pdu_bytes: Annotated[int, Field(ge=4096, le=16 * MIB)] = 256 * 1024
    max_associations: Annotated[int, Field(ge=1)] = 64
    min_free_bytes: Annotated[int, Field(ge=0)] = 256 * MIB
    """Nothing is accepted when the volume has less than this left."""
    max_image_pixels: int = 512 * 1000 * 1000

    # Rendering
    device: Annotated[int, Field(ge=0)] | None = None
    """Index into the device list logged at start; null = the fastest."""
    render_workers: Annotated[int, Field(ge=1, le=64)] = 1
    render_slots: Annotated[int, Field(ge=1)] = 32
    render_bandwidth: Annotated[int, Field(ge=0)] = 0
    """Bytes per second and rendering context; 0 = unlimited."""
    max_thread_pool_threads: Annotated[int, Field(ge=1, le=256)] = 4
    volume_budget_bytes: int = 4 * 1024 * MIB
    frame_cache_bytes: int = 256 * MIB
    no_image_cache: bool = False
    no_volume_cache: bool = False

    # Logs
    log: Path | None = None
    log_level: LogLevel = "info"
    no_log_to_console: bool = False
    no_log_flush: bool = False
    high_precision_log_time_labels: bool = False

    @field_validator("data", "html", "log", "licence_file", "tls_certificate", "tls_key", "tls_authority")
    @classmethod
    def _find_home(cls, value: Path | None) -> Path | None:
        """Take ``~`` for the home of whoever runs the program: a service has one, too."""
        try:
            return value.expanduser() if value else value
        except RuntimeError as error:
            text = "there is no such home folder: write the whole path"
            raise ValueError(text) from error

    @model_validator(mode="after")
    def _check_sign_on(self) -> Self:
        """Refuse a provider that nobody could log in by."""
        if not self.oidc_issuer:
            return self
        host = urlsplit(self.oidc_issuer).hostname or ""
        if not self.oidc_issuer.startswith("https://") and host not in {"localhost", "127.0.0.1", "::1"}:
            text = "oidc_issuer must begin with https://: whoever is in between could log in as anybody"
            raise ValueError(text)
        if not self.oidc_client_id:
            text = "oidc_issuer needs oidc_client_id, as the provider knows this server"
            raise ValueError(text)
        if "openid" not in self.oidc_scopes:
            text = "oidc_scopes must hold openid"
            raise ValueError(text)
        return self

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        """Refuse half of a certificate: the part would speak http where TLS is meant."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            text = "tls_certificate and tls_key belong together: give both or none"
            raise ValueError(text)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read flags and environment only: the file is merged below both by :func:`load`."""
        return init_settings, env_settings


def load(flags: dict[str, Any], file: Path | None = None) -> Settings:
    """Merge file, environment and flags. Raises InvalidRequestError with one line per wrong value."""
    content = _read(file) if file else {}
    prefix = "WEBVIEWER_"
    from_file = {key: value for key, value in content.items() if prefix + key.upper() not in os.environ}
    try:
        return Settings(**(from_file | flags))
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        raise InvalidRequestError("wrong settings:\n  " + "\n  ".join(lines)) from error
    except SettingsError as error:
        # Its message names the field and leaves out the value.
        text = f'wrong settings: {error}; lists are written as JSON, such as \'["a", "b"]\''
        raise InvalidRequestError(text) from error


def open_data_folder(settings: Settings) -> None:
    """Make the data folder if need be and try to write. Raises InvalidRequestError if it cannot be used."""
    probe = settings.data / f".probe-{secrets.token_hex(8)}"
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.touch()
        probe.unlink()
    except OSError as error:
        text = (
            f"the data folder {settings.data} cannot be used: {error.strerror}; "
            "choose another with --data, or let this user write there"
        )
        raise InvalidRequestError(text) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        text = f"cannot read settings from {file}: {error}"
        raise InvalidRequestError(text) from error
    if not isinstance(content or {}, dict) or not all(isinstance(key, str) for key in content or {}):
        text = f"{file} must hold a mapping of settings: a name, a colon and a value per line"
        raise InvalidRequestError(text)
    return content or {}
