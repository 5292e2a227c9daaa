"""RoofLink's notes on jobs: threads, tags, recipients, and who is mailed.

From https://developers.rooflink.com/reference/notes-list and https://developers.rooflink.com/reference/createnote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from leadbridge.server.sandbox import drf
from leadbridge.server.sandbox.events import KEY_USER
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.prospect_rows import display_date
from leadbridge.server.sandbox.records import Mail, Note, Prospect, User
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import JsonObject, positive_int

PATH = "/light/notes/"
# assumption note-tags
TAGS = ("Important", "Urgent", "Insurance", "Scheduling", "Customer")
"""The company's setting `job_note_tags`."""
LARGEST_PAGE = 10
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}

Errors: TypeAlias = dict[str, object]


class Notes:
    """The operations on notes over one state."""

    def __init__(self, options: Options, state: State) -> None:
        self._options = options
        self._state = state

    def routes(self) -> drf.Routes:
        """What is answered."""
        routes: dict[str, Mapping[str, drf.Handler]] = {PATH: {"GET": self.list, "POST": self.create}}
        if self._options.reply_to_note_path:
            # assumption unknown-paths
            routes[self._options.reply_to_note_path] = {"POST": self.reply}
        return routes

    async def list(self, request: Request) -> Response:
        """Notes, replies among them, the newest first; archived ones only if asked for, and then no others."""
        query = request.query_params
        size = positive_int(query.get("page_size", "10"))
        if size is None or size > LARGEST_PAGE:
            # assumption note-page-size
            return JSONResponse({"page_size": [f"Ensure this value is between 1 and {LARGEST_PAGE}."]}, 400)
        rows, errors = self._filtered(query)
        if errors:
            return JSONResponse(errors, 400)
        rows.sort(key=lambda note: (note.created, note.id), reverse=True)
        return drf.page(request, rows, self.row, LARGEST_PAGE, self._options.next_origin)

    async def create(self, request: Request) -> Response:
        """A new note. Those to be notified are notified afterwards."""
        body = await drf.read_object(request)
        if isinstance(body, Response):
            return body
        made = self._checked(body)
        if not isinstance(made, Note):
            return JSONResponse(made, 400)
        self._keep(made)
        customer = self._state.prospects[made.job_id].customer
        if body.get(self._options.note_name("notify_customer")) is True and customer.email:
            # assumption note-mail
            self._state.mails.append(Mail(made.id, "customer", customer.email, made.message))
        self._state.record_write("rooflink", f"POST {PATH}", {}, body, made.id)
        return JSONResponse(self.row(made), 201)

    async def reply(self, request: Request) -> Response:
        """A reply to a note, which notifies those of the thread."""
        body = await drf.read_object(request)
        if isinstance(body, Response):
            return body
        variables = dict(request.path_params)
        given = positive_int(str(variables.get("note_id", body.get("note", ""))))
        parent = self._state.notes.get(given or 0)
        if parent is None:
            return drf.detail(404, "Not found.")
        fields = drf.Fields(body)
        message = fields.text("message", required=True)
        if fields.errors:
            return JSONResponse(fields.errors, 400)
        notified = dict.fromkeys((parent.sender.id, *parent.recipients))
        reply = Note(
            id=self._state.next_id("note"),
            job_id=parent.job_id,
            sender=KEY_USER,
            message=message,
            created=self._options.now(),
            tags=parent.tags,
            recipients=tuple(user for user in notified if user != KEY_USER.id),
            parent_id=parent.id,
        )
        self._keep(reply)
        path = f"POST {self._options.reply_to_note_path}"
        self._state.record_write("rooflink", path, {"note_id": parent.id}, body, reply.id)
        return JSONResponse(self.row(reply), 201)

    def _keep(self, note: Note) -> None:
        self._state.notes[note.id] = note
        for user_id in note.recipients:
            self._state.mails.append(Mail(note.id, "employee", self._state.users[user_id].email, note.message))

    def _checked(self, body: JsonObject) -> Note | Errors:
        fields = drf.Fields(body)
        name = self._options.note_name
        # assumption note-names
        job_id = fields.integer(name("job"), required=True)
        job = self._state.prospects.get(job_id or 0)
        if job_id is not None and job is None:
            fields.refuse(name("job"), f'Invalid pk "{job_id}" - object does not exist.')
        message = fields.text(name("message"), required=True)
        notify_rep, _ = fields.flag(name("notify_rep")), fields.flag(name("notify_customer"))
        tags, wrong_tags = _tags(fields.items("tags"))
        people, wrong_people = self._people(fields.items("recipients"))
        if self._options.note_tags_required and not body.get("tags"):
            fields.refuse("tags", drf.REQUIRED)
        if self._options.note_recipients_required and not body.get("recipients"):
            fields.refuse("recipients", drf.REQUIRED)
        errors: Errors = {**fields.errors}
        errors |= {"tags": wrong_tags} if wrong_tags else {}
        errors |= {"recipients": wrong_people} if wrong_people else {}
        if errors or job is None:
            return errors
        if notify_rep and job.customer.rep and job.customer.rep.id not in people:
            people.append(job.customer.rep.id)
        return Note(
            id=self._state.next_id("note"),
            job_id=job.id,
            sender=KEY_USER,
            message=message,
            created=self._options.now(),
            tags=tuple(tags),
            recipients=tuple(people),
        )

    def _people(self, items: list[object]) -> tuple[list[int], Errors]:
        people: list[int] = []
        wrong: Errors = {}
        for index, item in enumerate(items):
            if not isinstance(item, int) or isinstance(item, bool):
                wrong[str(index)] = [drf.NOT_INTEGER]
            elif item not in self._state.users:
                wrong[str(index)] = [f'Invalid pk "{item}" - object does not exist.']
            else:
                people.append(item)
        return people, wrong

    def _filtered(self, query: Mapping[str, str]) -> tuple[list[Note], Errors]:
        rows, errors = list(self._state.notes.values()), cast("Errors", {})
        for name in ("deleted", "read"):
            value = query.get(name, "false" if name == "deleted" else "")
            if value and value.lower() not in _TRUTHS:
                errors[name] = ["Must be a valid boolean."]
            elif value:
                wanted = _TRUTHS[value.lower()]
                rows = [note for note in rows if (note.archived if name == "deleted" else note.read) == wanted]
        for name in ("job", "employee", "sent_to"):
            value = query.get(name, "")
            number = positive_int(value)
            if value and number is None:
                errors[name] = ["Enter a number."]
            elif number is not None:
                rows = [note for note in rows if self._concerns(note, name, number)]
        if tags := {tag.strip() for tag in query.get("tags", "").split(",") if tag.strip()}:
            # assumption note-filters
            rows = [note for note in rows if tags & set(note.tags)]
        if words := query.get("search", "").casefold():
            rows = [note for note in rows if words in f"{note.message}\n{self._job(note).customer.name}".casefold()]
        return rows, errors

    def _concerns(self, note: Note, name: str, number: int) -> bool:
        customer = self._job(note).customer
        assigned = {user.id for user in (customer.rep, customer.rep_2) if user}
        if name == "job":
            return note.job_id == number
        people = assigned | set(note.recipients)
        return number in (people if name == "sent_to" else people | {note.sender.id})

    def _job(self, note: Note) -> Prospect:
        return self._state.prospects[note.job_id]

    def row(self, note: Note) -> JsonObject:
        """A note as it is shown."""
        # assumption note-body
        return {
            "id": note.id,
            "job": {"id": note.job_id, "name": self._job(note).address},
            "parent": note.parent_id,
            "message": note.message,
            "sender": _person(note.sender),
            "recipients": [_person(self._state.users[user_id]) for user_id in note.recipients],
            "tags": list(note.tags),
            "date_created": display_date(note.created),
            "is_read": note.read,
            "is_archived": note.archived,
            "replies_count": sum(other.parent_id == note.id for other in self._state.notes.values()),
        }


def _tags(items: list[object]) -> tuple[list[str], Errors]:
    tags: list[str] = []
    wrong: Errors = {}
    for index, item in enumerate(items):
        if not isinstance(item, str):
            wrong[str(index)] = [drf.NOT_TEXT]
        elif item not in TAGS:
            wrong[str(index)] = [f'"{item}" is not a valid choice.']
        else:
            tags.append(item)
    return tags, wrong


def _person(user: User) -> JsonObject:
    return {"id": user.id, "name": user.name, "email": user.email, "color": user.color}
