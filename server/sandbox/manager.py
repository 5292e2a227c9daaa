"""The simulated Internal Manager API of RenovationFind: new vendors and their subscriptions, below its own root.

Sources: https://docs.renovationfind.com/internal-api/introduction, .../vendors/create-a-new-vendor and
.../vendor-subscription/update-subscription-details. Envelope, limit and `Retry-After` are documented, codes are not.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadbridge.server.sandbox.limits import SlidingWindow
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.records import Vendor
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import JsonObject, NotJson, as_object, is_json, positive_int, read_json
from leadbridge.server.sandbox_keys import SANDBOX_RENOVATIONFIND_TOKEN

MANAGER_ROOT = "/rest-manager-api-v1"

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_REQUIRED = ("vendorName", "email", "password", "salesEmail")
_TEXTS = (
    "contactAddress1", "contactAddress2", "contactCity", "contactProvince", "contactPostalCode",
    "realContactPhoneNumber", "description", "websiteUrl", "bbbUrl", "additionalKeyWordsForNameSearch",
    "additionalKeyWordsForCategorySearch", "dunsNumber",
)  # fmt: skip
_FLAGS = ("activated", "pqVendor")
_TYPES = ("COMPANY", "REALTOR")
_DESCRIPTION_LIMIT = 2048
_PACKAGES = range(5)
_FIRST_ID = 5_000


class _Refused(ValueError):
    """A body that the service does not take; the message is for its `error`."""


class Manager:
    """Routes and rules of the Manager API over one state."""

    def __init__(self, options: Options, state: State) -> None:
        self._state = state
        self.vendors = state.vendors
        self.limit = SlidingWindow(250, 300.0, options.clock)
        self.clear()

    def clear(self) -> None:
        """Back to one vendor, which was there before."""
        # assumption manager-vendors
        details: JsonObject = {"vendorName": "Prairie Roofing", "email": "office@prairieroofing.example"}
        self.vendors[_FIRST_ID] = Vendor(_FIRST_ID, details)
        self.limit.clear()

    def app(self) -> Starlette:
        """The API below its root path."""
        routes = [
            self._route("/vendors", self._create),
            self._route("/vendors/{vendor_id}/subscription-details", self._subscribe),
        ]
        app = Starlette(routes=routes, exception_handlers={404: self._unknown_path})
        app.router.redirect_slashes = False
        return app

    def _route(self, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            refused = self._not_let_in(request)
            if refused is not None:
                return refused
            if request.method != "POST":
                return _refusal(405, f"Method {request.method} is not supported")
            try:
                return await handler(request)
            except _Refused as error:
                return _refusal(400, str(error))

        return Route(path, endpoint, methods=_METHODS)

    def _not_let_in(self, request: Request) -> Response | None:
        # assumption manager-token
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token != SANDBOX_RENOVATIONFIND_TOKEN:
            return _refusal(401, "Invalid or missing token")
        if self.limit.admit(token):
            return None
        answer = _refusal(429, "Rate limit exceeded. Try again later.")
        answer.headers["Retry-After"] = "300"
        return answer

    async def _unknown_path(self, request: Request, _: Exception) -> Response:
        return self._not_let_in(request) or _refusal(404, "Not found")

    async def _create(self, request: Request) -> Response:
        body = await _body(request)
        given = {name: _text(body, name, required=True) for name in _REQUIRED}
        city = body.get("cityId")
        if not isinstance(city, int) or isinstance(city, bool) or city <= 0:
            raise _Refused("cityId must be a positive integer")
        for name in ("email", "salesEmail"):
            if not _EMAIL.fullmatch(given[name]):
                raise _Refused(f"{name} must be a well-formed email address")
        vendor_type = body.get("vendorType", "COMPANY")
        if vendor_type not in _TYPES:
            raise _Refused("vendorType must be one of COMPANY, REALTOR")
        for name in _FLAGS:
            if not isinstance(body.get(name), bool | None):
                raise _Refused(f"{name} must be a boolean")
        texts = {name: _text(body, name) for name in _TEXTS if name in body}
        if len(texts.get("description", "")) > _DESCRIPTION_LIMIT:
            raise _Refused(f"description must have at most {_DESCRIPTION_LIMIT} characters")
        given["email"] = given["email"].lower()
        if any(vendor.details["email"] == given["email"] for vendor in self.vendors.values()):
            return _refusal(409, f"A vendor with email {given['email']} already exists")
        password = given.pop("password")
        new_id = max(self.vendors) + 1
        flags = {name: bool(body.get(name)) for name in _FLAGS}
        details: JsonObject = {**given, "cityId": city, "vendorType": vendor_type, **texts, **flags}
        self.vendors[new_id] = Vendor(new_id, details, sha256(password.encode()).hexdigest())
        kept = {name: value for name, value in body.items() if name != "password"}
        self._state.record_write("renovationfind", "POST /vendors", {}, kept, new_id)
        # assumption manager-answers
        return JSONResponse({"success": True, "data": {"id": new_id, **details}}, 201)

    async def _subscribe(self, request: Request) -> Response:
        body = await _body(request)
        vendor_id = positive_int(str(request.path_params["vendor_id"]))
        vendor = self.vendors.get(vendor_id or 0)
        if vendor_id is None or vendor is None:
            return _refusal(404, "Vendor not found")
        package = body.get("packageType")
        if not isinstance(package, int) or isinstance(package, bool) or package not in _PACKAGES:
            raise _Refused("packageType must be one of 0, 1, 2, 3, 4")
        end = body.get("subscriptionEndDate")
        if end is not None and not (isinstance(end, str) and _is_day(end)):
            raise _Refused("subscriptionEndDate must be dd/MM/yyyy")
        # assumption manager-subscription
        vendor.package_type = package
        vendor.subscription_end = end or vendor.subscription_end
        operation = "POST /vendors/{vendor_id}/subscription-details"
        self._state.record_write("renovationfind", operation, {"vendor_id": vendor_id}, body, vendor_id)
        return JSONResponse({"success": True, "data": {}, "message": "Subscription updated."})


def _refusal(status: int, text: str) -> JSONResponse:
    # assumption manager-codes
    return JSONResponse({"success": False, "error": text}, status)


def _text(body: JsonObject, name: str, *, required: bool = False) -> str:
    value = body.get(name)
    if required and not (isinstance(value, str) and value.strip()):
        raise _Refused(f"{name} is required")
    if value is not None and not isinstance(value, str):
        raise _Refused(f"{name} must be a string")
    return value or ""


def _is_day(text: str) -> bool:
    try:
        day = datetime.strptime(text, "%d/%m/%Y")  # noqa: DTZ007  # a day without a time or a zone
    except ValueError:
        return False
    return day.strftime("%d/%m/%Y") == text


async def _body(request: Request) -> JsonObject:
    if not is_json(request):
        raise _Refused("Content-Type must be application/json")
    try:
        body = as_object(await read_json(request))
    except NotJson as error:
        raise _Refused(f"Malformed JSON: {error}") from None
    if body is None:
        raise _Refused("The request body must be a JSON object")
    return body
