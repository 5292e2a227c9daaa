from __future__ import annotations

from datetime import date

import pytest

from leadbridge.server.services.rooflink.models import Prospect, Step
from leadbridge.server.services.rooflink.progress import ProspectProgress, days_since, moment_of, stage_of

TODAY = date(2026, 3, 10)


def steps(**complete: object) -> list[Step]:
    return [Step.model_validate({"key": key, "complete": value}) for key, value in complete.items()]


@pytest.mark.parametrize(
    ("given", "stage"),
    [
        ({"verify_lead": False, "schedule_adj_mtg": False, "submit": False}, "unverified"),
        ({"verify_lead": True, "schedule_adj_mtg": False, "submit": False}, "verified"),
        ({"verify_lead": True, "schedule_adj_mtg": True, "submit": False}, "inspected"),
        ({"verify_lead": True, "schedule_adj_mtg": True, "submit": True}, "submitted"),
        ({"verify_lead": False, "submit": True}, "submitted"),
        ({"verify_lead": True}, "verified"),
        ({"verify_lead": "true"}, "verified"),
        ({"verify_lead": None, "submit": False}, "unknown"),
        ({"submit": False}, "unknown"),
        ({"delete": True}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_stage_follows_from_the_farthest_complete_step(given, stage):
    assert stage_of(steps(**given)) == stage


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2026-03-09T13:24", "2026-03-09T13:24"),
        ("2026-03-09", "2026-03-09T00:00"),
        ("2026-03-09T22:24:24.121550-05:00", "2026-03-10T03:24"),
        ("2026-03-09T13:24:00Z", "2026-03-09T13:24"),
        (None, ""),
        ("", ""),
        ("yesterday", ""),
        ("13/45/2026", ""),
        ("0001-01-01T00:00:00+14:00", ""),
        ("0001-01-01", ""),
        ("1970-01-01T00:00:00", ""),
        ("9999-12-31T23:59:59-12:00", ""),
    ],
)
def test_a_date_is_kept_to_the_minute_and_a_placeholder_is_none(given, kept):
    assert moment_of(given) == kept


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        ("2026-03-10T23:59", 0),
        ("2026-03-09T23:59", 1),
        ("2025-03-10T00:00", 365),
        ("2026-03-11T09:00", 0),  # today where RoofLink is
        ("2026-03-12T00:00", None),
        ("9000-01-01T00:00", None),
        ("", None),
    ],
)
def test_days_are_counted_by_the_calendar_and_none_lie_ahead(moment, days):
    assert days_since(moment, TODAY) == days


def test_a_row_gives_the_progress_and_survives_the_table():
    row = {
        "id": 5,
        "customer": {"rep": {"id": "301", "full_name": "Alex\u0000 Romero\ud800" + "x" * 500}, "region": {"id": 11}},
        "date_created": "03/01/2026 9:05AM",
        "date_last_edited": "3/2/2026 12:00PM",
        "pipeline": {"verify_lead": {"complete": True}, "submit": {"complete": False}, "delete": {"complete": False}},
    }
    standing = ProspectProgress.of(Prospect.model_validate(row))
    assert standing.rep.startswith("Alex  Romero")
    assert len(standing.rep) <= 80
    assert (standing.rep_id, standing.region_id, standing.stage) == (301, 11, "verified")
    assert (standing.created, standing.edited, standing.next_step) == ("2026-03-01T09:05", "2026-03-02T12:00", "submit")
    assert ProspectProgress.from_json(standing.as_json()) == standing


@pytest.mark.parametrize("row", [{"id": 5}, {"id": 5, "customer": [], "pipeline": "x", "date_created": {"a": 1}}])
def test_of_a_bare_row_nothing_is_known_and_nothing_is_kept(row):
    standing = ProspectProgress.of(Prospect.model_validate(row))
    assert (standing, standing.as_json()) == (ProspectProgress(), {"stage": "unknown"})


def test_what_another_version_kept_besides_is_ignored():
    assert ProspectProgress.from_json({"stage": "verified", "mood": "good"}) == ProspectProgress(stage="verified")
    assert ProspectProgress.from_json({}) == ProspectProgress()
