"""A stand-in for RoofLink on loopback that answers a fixed page of ten prospects, and one of them, as fast as it can.

It runs as a process of its own, so that answering takes no time from the program that measures, and it counts these
requests (`GET /counted`), so that a server that answered without asking is found out.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

BASE_PATH = "/roof_link_endpoints/api"
PAGE_PATH = f"{BASE_PATH}/light/jobs/prospect/"
PAGE_SIZE = 10
PROSPECT = 910200
PROSPECT_PATH = f"{PAGE_PATH}{PROSPECT}/"
PHOTO = "https://photos.example.com/a/3f9c2b71e6/front.jpg"
PEOPLE = (
    ("Amara Okonkwo", "214 Willow Bend Dr", "Plano", "TX", "75023"),
    ("Jörg Lindqvist", "9 Quarry Rd", "Frisco", "TX", "75034"),
    ("Marguerite Delacroix-Whitfield", "1180 Old Mill Ln", "Allen", "TX", "75013"),
    ("Tom Reyes", "77 Heron Ct", "McKinney", "TX", "75070"),
    ("Priya Raman", "4025 Sycamore Ave Apt 12", "Dallas", "TX", "75204"),
    ("Dale Hutchins", "560 County Road 134", "Celina", "TX", "75009"),
    ("Siobhan Kelleher", "31 Lantern Way", "Wylie", "TX", "75098"),
    ("Miguel Ángel Ortega", "2208 Fairview St", "Garland", "TX", "75040"),
    ("Hanna Nowak", "15 Birch Hollow", "Sachse", "TX", "75048"),
    ("Walter B. Pruitt", "903 Ranch Trail", "Prosper", "TX", "75078"),
)


def person(number: int, name: str) -> dict[str, Any]:
    """An employee as the service writes one."""
    email = f"{name.split(maxsplit=1)[0].lower()}@example.com"
    return {"id": number, "name": name, "email": email, "color": "#2e7d32", "phone": "2145550100"}


def prospect(index: int) -> dict[str, Any]:
    """One row of the page: all fields that the service's rows were seen to have."""
    name, street, city, state, zipcode = PEOPLE[index]
    rep = person(31, "Casey Morgan")
    done = index % 3
    by = {"date": "10/28/2026 9:05AM", "completed_by": rep}
    pipeline: dict[str, dict[str, Any]] = {
        "verify_lead": {"key": "verify_lead", "name": "Verify Lead", "complete": done > 0, **(by if done > 0 else {})},
        "schedule_adj_mtg": {"key": "schedule_adj_mtg", "complete": done > 1},
        "submit": {"key": "submit", "complete": False, "permissions": {}},
        "delete": {"key": "delete", "complete": False, "name": "Delete", "permissions": {"can_delete": True}},
    }
    customer = {
        "id": 5200 + index,
        "user_id": 8200 + index,
        "name": name,
        "cell": f"21455501{index:02}",
        "email": f"homeowner{index}@example.com",
        "lead_source": {"id": 4, "name": "Door Knocking"},
        "region": {"id": 2, "name": "North Texas", "color": "#1565c0"},
        "rep": rep,
        "rep_2": None,
        "marketing_rep": None,
        "project_manager": person(44, "Robin Vance") if index % 2 else None,
        "pre_insurance_reviewer": None,
        "post_insurance_reviewer": None,
    }
    return {
        "id": PROSPECT + index,
        "name": street,
        "job_number": f"P-{10200 + index}",
        "job_type": "r",
        "bid_type": "i",
        "color": "#c62828",
        "cover_photo": {"is_video": False, "name": "front.jpg", "id": 70100 + index, "url": PHOTO, "thumb_url": PHOTO},
        "customer": customer,
        "date_created": f"10/{10 + index}/2026 2:3{index}PM",
        "date_last_edited": f"11/{10 + index}/2026 10:1{index}AM",
        "full_address": f"{street}, {city}, {state} {zipcode}",
        "latitude": 33.0198 + index / 100,
        "longitude": -96.6989 - index / 100,
        "photo_count": index,
        "pipeline": pipeline,
    }


def page() -> dict[str, Any]:
    """The page of ten prospects, out of 148."""
    rows = [prospect(index) for index in range(PAGE_SIZE)]
    return {"count": 148, "from_index": 1, "to_index": PAGE_SIZE, "next_page": 2, "results": rows}


def body(answer: dict[str, Any]) -> bytes:
    """JSON as a service writes it."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


class Upstream(asyncio.Protocol):
    """HTTP/1.1 with connections kept open; requests have no bodies."""

    counted = 0
    page, prospect = body(page()), body(prospect(0))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what TCP gives; for the type checker
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head, self.received = self.received[:end], self.received[end + 4 :]
            self.transport.write(self.answer(head.split(b" ", 2)[1].decode("ascii")))

    def answer(self, target: str) -> bytes:
        """The page and the prospect at their addresses, the count for `/counted`, 404 for anything else."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        status, answer = b"200 OK", b"{}"
        if parts.path == "/counted":
            answer = str(self.counted).encode()
        elif parts.path == PROSPECT_PATH:
            answer = self.prospect
        elif parts.path == PAGE_PATH and query.get("page") == ["1"] and query.get("page_size") == [str(PAGE_SIZE)]:
            answer = self.page
        else:
            status = b"404 Not Found"
        type(self).counted += answer in {self.page, self.prospect}
        return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
            status,
            len(answer),
            answer,
        )


class Running:
    """An upstream that runs, by its address."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.base_url = origin + BASE_PATH
        self.page_url = f"{origin}{PAGE_PATH}?page=1&page_size={PAGE_SIZE}"

    def counted(self) -> int:
        """How often the page was asked for."""
        with urlopen(f"{self.origin}/counted", timeout=5) as answer:  # noqa: S310 - loopback
            return int(answer.read())


@contextmanager
def running() -> Generator[Running]:
    """Run the upstream as a process until the block ends."""
    process = subprocess.Popen([sys.executable, "-m", "bench.upstream"], stdout=subprocess.PIPE, encoding="ascii")
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        yield Running(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.terminate()
        process.wait(timeout=10)


async def serve() -> None:
    """Listen on a free port of the loopback interface, and print it."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
