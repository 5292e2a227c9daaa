"""The simulated RoofLink below `/roof_link_endpoints/api/`: its routes, and the prospects."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from leadbridge.server.sandbox import drf, public_jobs
from leadbridge.server.sandbox.customers import Customers
from leadbridge.server.sandbox.drf import Handler
from leadbridge.server.sandbox.events import Events
from leadbridge.server.sandbox.files import Files
from leadbridge.server.sandbox.limits import SlidingWindow
from leadbridge.server.sandbox.new_lead import create_lead
from leadbridge.server.sandbox.notes import Notes
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.prospect_filters import tests_for
from leadbridge.server.sandbox.prospect_rows import checklist, detail_row, list_row, stats
from leadbridge.server.sandbox.records import Prospect
from leadbridge.server.sandbox.reports import Reports
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import positive_int
from leadbridge.server.sandbox_keys import SANDBOX_ROOFLINK_KEY

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
PROSPECTS = "/light/jobs/prospect/"
"""The path of the prospect list."""


class RoofLink:
    """Routes and rules of RoofLink over one state."""

    def __init__(self, options: Options, state: State) -> None:
        self._options = options
        self._state = state
        self.limit = SlidingWindow(5, 1.0, options.clock)  # https://developers.rooflink.com/docs

    def app(self) -> Starlette:
        """The service below its root path."""
        app = Starlette(routes=self._routes(), exception_handlers={404: self._unknown_path})
        app.router.redirect_slashes = False
        return app

    def _routes(self) -> Sequence[BaseRoute]:
        return [
            self._route(PROSPECTS, GET=self._list),
            self._route(f"{PROSPECTS}stats/", GET=self._stats),
            self._route(f"{PROSPECTS}{{prospect_id}}/", GET=self._retrieve),
            self._route(f"{PROSPECTS}{{prospect_id}}/checklist/", GET=self._checklist),
            self._route(self._options.create_lead_path, POST=self._create_lead),
            *self._resource(Events(self._options, self._state).routes()),
            *self._resource(Reports(self._options, self._state).routes()),
            *self._resource(public_jobs.routes(self._options, self._state)),
            *self._resource(Notes(self._options, self._state).routes()),
            *self._resource(Files(self._options, self._state, "photo").routes()),
            *self._resource(Files(self._options, self._state, "document").routes()),
            *self._resource(Customers(self._options, self._state).routes()),
        ]

    def _resource(self, routes: drf.Routes) -> Sequence[BaseRoute]:
        return [self._route(path, **handlers) for path, handlers in routes.items()]

    def _route(self, path: str, **handlers: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            refused = self._refused(request)
            if refused is not None:
                return refused
            handler = handlers.get(request.method)
            if handler is None:
                text = f'Method "{request.method}" not allowed.'
                return drf.detail(405, text, {"Allow": ", ".join(handlers)})
            return await handler(request)

        return Route(path, endpoint, methods=_METHODS)

    def _refused(self, request: Request) -> Response | None:
        """The key comes first, then the limit: a wrong key has no limit of its own."""
        key = request.headers.get("x-api-key")
        if key != SANDBOX_ROOFLINK_KEY:
            text = "Authentication credentials were not provided." if key is None else "Invalid API key."
            return drf.detail(401, text, {"WWW-Authenticate": "X-API-KEY"})
        if self.limit.admit(key):
            return None
        wait = self._options.rooflink_retry_after
        headers = {} if wait is None else {"Retry-After": str(wait)}
        return drf.detail(429, "Request was throttled. Expected available in 1 second.", headers)

    async def _unknown_path(self, request: Request, _: Exception) -> Response:
        """Django adds the missing slash by a redirect, which turns a POST into a GET; else it knows no such page."""
        path = request.url.path
        if not path.endswith("/") and any(
            route.matches({**request.scope, "path": f"{path}/"})[0].value for route in self._routes()
        ):
            # assumption missing-slash
            return RedirectResponse(str(request.url.replace(path=f"{path}/")), 301)
        return drf.no_such_page()

    def _prospect(self, request: Request) -> Prospect | Response:
        # assumption id-400
        prospect_id = positive_int(str(request.path_params["prospect_id"]))
        if prospect_id is None:
            return drf.detail(400, "The id must be a positive integer.")
        return self._state.prospects.get(prospect_id) or drf.detail(404, "Not found.")

    async def _list(self, request: Request) -> Response:
        tests, errors = tests_for(request.query_params, self._options.honoured_filters)
        if errors:
            return JSONResponse(errors, 400)
        rows = list(self._state.prospects.values())
        for test in tests:
            rows = list(filter(test, rows))
        rows.sort(key=attrgetter(self._options.prospect_order, "id"), reverse=True)
        return drf.page(request, rows, list_row, self._options.max_page_size, self._options.next_origin)

    async def _stats(self, _: Request) -> Response:
        return JSONResponse(stats(self._state.prospects.values(), self._options.stats_shape))

    async def _retrieve(self, request: Request) -> Response:
        found = self._prospect(request)
        return found if isinstance(found, Response) else JSONResponse(detail_row(found))

    async def _checklist(self, request: Request) -> Response:
        found = self._prospect(request)
        if isinstance(found, Response):
            return found
        return JSONResponse(checklist(found, self._options.checklist_shape))

    async def _create_lead(self, request: Request) -> Response:
        body = await drf.read_object(request)
        if isinstance(body, Response):
            return body
        made = create_lead(self._options, self._state, body)
        if not isinstance(made, Prospect):
            return JSONResponse(made, 400)
        self._state.record_write("rooflink", f"POST {self._options.create_lead_path}", {}, body, made.id)
        # assumption created-body
        return JSONResponse(detail_row(made), 201)
