"""Settings of the user: language, theme, overlay, table columns and whatever else the pages keep."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from webviewer.errors import ForbiddenError, InvalidRequestError, NotAuthenticatedError, TooLargeError
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import CsrfError
from webviewer_control.routes.context import caller, context

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_CHANGE_ERRORS = (NotAuthenticatedError, CsrfError, ForbiddenError, InvalidRequestError)


class UserSettings(BaseModel):
    """All settings of a user."""

    values: dict[str, Any]


class SettingValue(BaseModel):
    """Body of a change: any JSON value."""

    model_config = ConfigDict(extra="forbid")

    value: Any


async def get_settings(request: Request) -> UserSettings:
    """Return all settings."""
    return UserSettings(values=await context(request).control.preferences.all(_user(request)))


async def put_setting(request: Request, body: SettingValue) -> None:
    """Set one setting."""
    await context(request).control.preferences.put(_user(request), _key(request), body.value)


async def delete_setting(request: Request) -> None:
    """Forget one setting."""
    await context(request).control.preferences.delete(_user(request), _key(request))


async def get_admin_settings(request: Request) -> UserSettings:
    """Return all settings of the administrator; a person of single sign-on has his own."""
    return UserSettings(values=await context(request).control.preferences.all(caller(request).user))


async def put_admin_setting(request: Request, body: SettingValue) -> None:
    """Set one setting of the administrator."""
    await context(request).control.preferences.put(caller(request).user, _key(request), body.value)


async def delete_admin_setting(request: Request) -> None:
    """Forget one setting of the administrator."""
    await context(request).control.preferences.delete(caller(request).user, _key(request))


def _key(request: Request) -> str:
    key: str = request.path_params["key"]
    if not _KEY.fullmatch(key):
        text = "key: a letter first; Latin letters, digits, '.', '_' and '-'; at most 64"
        raise InvalidRequestError(text)
    return key


def _user(request: Request) -> str:
    user = caller(request).user
    if user is None:
        text = "a link opening has no settings"
        raise ForbiddenError(text)
    return user


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/settings",
        get_settings,
        "Settings of the user",
        response=UserSettings,
        errors=(NotAuthenticatedError, ForbiddenError),
    ),
    Endpoint(
        "PUT",
        "/v2/settings/{key}",
        put_setting,
        "Set a setting",
        body=SettingValue,
        errors=(*_CHANGE_ERRORS, TooLargeError),
    ),
    Endpoint("DELETE", "/v2/settings/{key}", delete_setting, "Forget a setting", errors=_CHANGE_ERRORS),
    Endpoint(
        "GET",
        "/v2/admin/settings",
        get_admin_settings,
        "Settings of the administrator's pages",
        access="auditor",
        response=UserSettings,
        errors=(NotAuthenticatedError,),
    ),
    Endpoint(
        "PUT",
        "/v2/admin/settings/{key}",
        put_admin_setting,
        "Set a setting of the administrator's pages",
        access="auditor",
        body=SettingValue,
        errors=(*_CHANGE_ERRORS, TooLargeError),
    ),
    Endpoint(
        "DELETE",
        "/v2/admin/settings/{key}",
        delete_admin_setting,
        "Forget a setting of the administrator's pages",
        access="auditor",
        errors=_CHANGE_ERRORS,
    ),
)
