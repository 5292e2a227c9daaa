"""The simulated RenovationFind vendor API: leads and referral requests below `/rest-api-v1/`.

All refusals are `{"success": false, "error": "..."}`. The documentation shows this body for the manager's API and no
error of the vendor's at all, so each status code except 401 and 429 is LeadBridge's choice.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadbridge.server.sandbox.lead_rows import lead_detail, lead_list, lead_lite
from leadbridge.server.sandbox.limits import SlidingWindow
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.records import Lead, ReferralRequest
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.status_rules import REASON_LIMIT, Refused, flag_of, new_status, text_of
from leadbridge.server.sandbox.wire import JsonObject, NotJson, as_object, is_json, positive_int, read_json
from leadbridge.server.sandbox_keys import SANDBOX_RENOVATIONFIND_TOKEN

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_SKIPPED = "Duplicate request detected. Skipped."


def refusal(status: int, text: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The service's error envelope."""
    # assumption vendor-errors
    return JSONResponse({"success": False, "error": text}, status, headers)


class RenovationFind:
    """Routes and rules of RenovationFind over one state."""

    def __init__(self, options: Options, state: State) -> None:
        self._options = options
        self._state = state
        # assumption vendor-rate-limit
        self.limit = SlidingWindow(250, 300.0, options.clock)  # https://docs.renovationfind.com/internal-api

    def app(self) -> Starlette:
        """The service below its root path."""
        routes = [
            self._route("/general-leads/{lead_id}/accept", POST=self._accept),
            self._route("/general-leads/{lead_id}/decline", POST=self._decline),
            self._route("/general-leads/{lead_id}/status", PUT=self._update_status),
            self._route("/referral-requests", POST=self._refer),
        ]
        if self._options.lead_reads:
            # assumption lead-reads
            routes.append(self._route("/general-leads", GET=self._list))
            routes.append(self._route("/general-leads/{lead_id}", GET=self._get))
        app = Starlette(routes=routes, exception_handlers={404: self._unknown_path})
        app.router.redirect_slashes = False
        return app

    def _route(self, path: str, **handlers: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            refused = self._not_let_in(request)
            if refused is not None:
                return refused
            handler = handlers.get(request.method)
            if handler is None:
                return refusal(405, f"Method {request.method} is not supported", {"Allow": ", ".join(handlers)})
            try:
                return await handler(request)
            except Refused as error:
                return refusal(400, str(error))

        return Route(path, endpoint, methods=_METHODS)

    def _not_let_in(self, request: Request) -> Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token != SANDBOX_RENOVATIONFIND_TOKEN:
            return refusal(401, "Invalid or missing token", {"WWW-Authenticate": "Bearer"})
        if self.limit.admit(token):
            return None
        return refusal(429, "Rate limit exceeded. Try again later.", {"Retry-After": "300"})

    async def _unknown_path(self, request: Request, _: Exception) -> Response:
        return self._not_let_in(request) or refusal(404, "Not found")

    def _lead(self, request: Request) -> Lead | Response:
        lead_id = positive_int(str(request.path_params["lead_id"]))
        if lead_id is None:
            return refusal(400, "id must be a positive integer")
        return self._state.leads.get(lead_id) or refusal(404, f"Lead {lead_id} not found")

    async def _accept(self, request: Request) -> Response:
        lead = self._lead(request)
        if isinstance(lead, Response):
            return lead
        if lead.action != "NONE":
            # assumption accept-once
            return refusal(409, f"Lead has already been {lead.action.lower()}")
        lead.action, lead.viewed = "ACCEPTED", True
        lead.action_at = lead.modified = self._options.now()
        self._written(lead, "POST /general-leads/{lead_id}/accept", None)
        return self._detail(lead)

    async def _decline(self, request: Request) -> Response:
        body = await _body(request)
        lead = self._lead(request)
        if isinstance(lead, Response):
            return lead
        reason = text_of(body, "reason", REASON_LIMIT)
        if not (reason or "").strip():
            raise Refused("reason is required")
        if lead.action != "NONE":
            # assumption decline-once
            return refusal(409, f"Lead has already been {lead.action.lower()}")
        lead.action, lead.decline_reason = "DECLINED", reason
        lead.action_at = lead.modified = self._options.now()
        self._written(lead, "POST /general-leads/{lead_id}/decline", body)
        return JSONResponse({"success": True, "message": "Lead declined successfully."})

    async def _update_status(self, request: Request) -> Response:
        body = await _body(request)
        lead = self._lead(request)
        if isinstance(lead, Response):
            return lead
        status = new_status(body, self._options.now())
        # assumption state-conflicts
        if lead.action != "ACCEPTED":
            return refusal(409, "Lead must be accepted before its status can be updated")
        if lead.won:
            text = f"Status {lead.status.status} cannot be changed. Please contact support to update it."
            return refusal(409, text)
        # assumption status-replaces
        lead.status = status
        lead.modified = self._options.now()
        self._written(lead, "PUT /general-leads/{lead_id}/status", body)
        return self._detail(lead)

    async def _refer(self, request: Request) -> Response:
        skip = {"": True, "true": True, "false": False}.get(request.query_params.get("skipDuplicates", "").lower())
        if skip is None:
            raise Refused("skipDuplicates must be a boolean")
        body = await _body(request)
        first, last = text_of(body, "firstName"), text_of(body, "lastName")
        email, phone = text_of(body, "emailTo") or "", text_of(body, "phone") or ""
        send_gift, renewal = bool(flag_of(body, "sendGift")), bool(flag_of(body, "renewal"))
        for name, value in (("firstName", first), ("lastName", last)):
            if not (value or "").strip():
                raise Refused(f"{name} is required")
        if email and not _EMAIL.fullmatch(email):
            raise Refused("emailTo must be a well-formed email address")
        # assumption referral-without-contact
        if skip and any(_same_person(email, phone, earlier) for earlier in self._state.referrals.values()):
            return JSONResponse({"success": True, "message": _SKIPPED})
        new_id = self._state.next_id("referral")
        new = ReferralRequest(new_id, first or "", last or "", email, phone, send_gift, renewal)
        self._state.referrals[new_id] = new
        self._state.record_write("renovationfind", "POST /referral-requests", {}, body, new_id)
        # assumption referral-created
        return JSONResponse({"success": True, "message": "Referral request created.", "data": {"id": new_id}}, 201)

    async def _list(self, request: Request) -> Response:
        newest = sorted(self._state.leads.values(), key=lambda lead: (lead.created, lead.id), reverse=True)
        rows = [lead_lite(lead) for lead in newest]
        return JSONResponse(lead_list(rows, self._options.lead_list_shape, request.query_params))

    async def _get(self, request: Request) -> Response:
        lead = self._lead(request)
        return lead if isinstance(lead, Response) else self._detail(lead)

    def _written(self, lead: Lead, operation: str, body: JsonObject | None) -> None:
        self._state.record_write("renovationfind", operation, {"lead_id": lead.id}, body, lead.id)

    def _detail(self, lead: Lead) -> Response:
        return JSONResponse({"success": True, "data": lead_detail(lead)})


async def _body(request: Request) -> JsonObject:
    if not is_json(request):
        raise Refused("Content-Type must be application/json")
    try:
        body = as_object(await read_json(request))
    except NotJson as error:
        raise Refused(f"Malformed JSON: {error}") from None
    if body is None:
        raise Refused("The request body must be a JSON object")
    return body


def _same_person(email: str, phone: str, earlier: ReferralRequest) -> bool:
    # assumption referral-match
    same_email = bool(email) and email.casefold() == earlier.email.casefold()
    digits = _digits(phone)
    return same_email or (bool(digits) and digits == _digits(earlier.phone))


def _digits(phone: str) -> str:
    return "".join(char for char in phone if char.isdigit())
