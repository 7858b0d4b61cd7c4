"""What a node does, and how busy a render node is."""

from __future__ import annotations

from typing import Literal

from webviewer.domain.image import Value

NodeRole = Literal["storage", "render"]


class NodeLoad(Value):
    """Sessions of one render node. ``draining``: it takes no new ones."""

    slots: int
    used: int
    draining: bool


class DeviceName(Value):
    """What a render node draws on: the name of its processor or GPU."""

    device: str


class VolumeUse(Value):
    """How full the volume of a storage node is, in bytes: nothing is taken that leaves less free than ``reserve``."""

    total: int
    free: int
    reserve: int


class HeldSeries(Value):
    """Opaque ids of the series whose pixels are in the memory of a render node."""

    series: tuple[str, ...]
