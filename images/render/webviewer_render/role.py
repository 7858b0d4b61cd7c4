"""The render role: decoding, drawing, streaming."""

from __future__ import annotations

from webviewer.roles import Role
from webviewer_render.app import create_app
from webviewer_render.services import RenderServices, build, move_sessions

ROLE: Role[RenderServices] = Role("render", 8092, build, create_app, before_stop=move_sessions)
