"""Notes on some of the simulated jobs: ordinary, long and hostile ones, replies, one that is archived."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from leadbridge.server.sandbox.people import HOSTILE_TEXTS
from leadbridge.server.sandbox.records import Note, User
from leadbridge.server.sandbox.state import State

ORDINARY_NOTES = (
    "Called, no answer. Left a voicemail.",
    "Homeowner prefers mornings; the dog is friendly.",
    "Adjuster comes on Tuesday at 9, please be there.\nBring the photos of the north slope.",
    "Materials are ordered, delivery next week.",
    "Sent the estimate, she wants to talk to her husband first.",
)
LONG_NOTE = "Measured the whole roof again, section by section. " * 60
_MOST_JOBS = 12


def seed_notes(state: State, random: Random, now: datetime, users: tuple[User, ...]) -> None:
    """Three notes on each of the first active jobs, the second one answered."""
    jobs = [job for job in state.prospects.values() if job.deleted is None][:_MOST_JOBS]
    for index, job in enumerate(jobs):
        texts = (
            ORDINARY_NOTES[index % len(ORDINARY_NOTES)],
            HOSTILE_TEXTS[index % len(HOSTILE_TEXTS)],
            LONG_NOTE if index == 0 else random.choice(ORDINARY_NOTES),
        )
        for number, text in enumerate(texts):
            sender = users[(index + number) % len(users)]
            note = Note(
                id=state.next_id("note"),
                job_id=job.id,
                sender=sender,
                message=text,
                created=now - timedelta(days=index + 1, hours=3 - number),
                tags=("Important", "Urgent") if number == 1 else ("Scheduling",) if index % 2 else (),
                recipients=(users[(index + 1) % len(users)].id,) if number else (),
                archived=number == 2 and index == 1,
                read=number == 0,
            )
            state.notes[note.id] = note
            if number == 1:
                reply = Note(
                    id=state.next_id("note"),
                    job_id=job.id,
                    sender=users[(index + 2) % len(users)],
                    message="Done, thank you.",
                    created=note.created + timedelta(minutes=20),
                    recipients=(sender.id,),
                    parent_id=note.id,
                )
                state.notes[reply.id] = reply
