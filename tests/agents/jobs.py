"""What an agent that follows the prompts does, step by step, each decided from what the tools and the user said."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from tests.agents.scripted import Call, Say

Steps = Generator[Call | Say, Any, str]
Answer = Generator[Call | Say, Any, Any]


def approved(tool: str, arguments: dict[str, Any]) -> Answer:
    """A write. Where the user could not be asked, the preview goes to them word for word, and the token back."""
    receipt = yield Call(tool, arguments)
    if isinstance(receipt, dict) and receipt["outcome"] == "approval_required":
        answer = yield Say("\n".join([*receipt["preview"], "Do you approve?"]))
        if answer != "yes":
            return {**receipt, "outcome": "not_approved"}
        receipt = yield Call(tool, {**arguments, "approval_token": receipt["approval_token"]})
    return receipt


def summary_of(receipt: Any) -> str:
    """A receipt in words."""
    if not isinstance(receipt, dict):
        return str(receipt)
    warnings = [f"Warning: {warning}" for warning in receipt.get("warnings", [])]
    return "\n".join([f"{receipt['outcome']}: {receipt['summary']}", *warnings])


def _in(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, f"{pattern} is not in the prompt"
    return found.group(1)


def triage(prompt: str) -> Steps:
    """`triage_new_lead`: is somebody like that in RoofLink already, and does the user want the lead?"""
    lead_id = int(_in(prompt, r"RenovationFind lead ([0-9]+)"))
    seen = dict(re.findall(r"(name|phone|email|address) ⟦([^⟧]*)⟧", prompt))
    known = seen or dict(zip(("name", "address"), _in(prompt, r"as data: ⟦([^⟧]*)⟧").split(", ", 1), strict=True))
    answer = yield Call("find_matching_prospects", known)
    matches = "; ".join(f"{row['id']} ({', '.join(row['evidence'])})" for row in answer["matches"]) or "none"
    covered = f"{answer['checked']} of {answer['total']} prospects were compared"
    choice = yield Say(
        f"Matches: {matches}; {covered}. It cannot be undone: into RoofLink, accept, decline, or leave it?"
    )
    if choice == "leave":
        return "Left as it is."
    arguments: dict[str, Any] = {"lead_id": lead_id}
    if choice == "into RoofLink":
        return (yield from _handed_off(arguments))
    if choice == "decline":
        arguments["reason"] = yield Say("What reason shall RenovationFind be told?")
    receipt = yield from approved(f"renovationfind_{choice}_lead", arguments)
    record = receipt.get("record", {}) if isinstance(receipt, dict) else {}
    lines = [f"{name}: {value}" for name, value in record.items()]
    return "\n".join([summary_of(receipt), *lines])


def hand_off(prompt: str) -> Steps:
    """`hand_off`: all of it under one approval, and what is missing from the user."""
    return (yield from _handed_off({"lead_id": int(_in(prompt, r"RenovationFind lead ([0-9]+)"))}))


def _handed_off(arguments: dict[str, Any]) -> Answer:
    receipt = yield from approved("hand_off_lead", arguments)
    while missing := re.findall(r"([a-z_]+): is needed", str(receipt)):
        given = yield Say(f"RenovationFind does not tell these: {', '.join(missing)}. What are they?")
        arguments |= dict(line.split(": ", 1) for line in given.splitlines())
        receipt = yield from approved("hand_off_lead", arguments)
    job = receipt.get("record_id") if isinstance(receipt, dict) else None
    return summary_of(receipt) if job is None else f"{summary_of(receipt)}\nProspect {job}."


def close(prompt: str) -> Steps:
    """`close_won_lead`: what is not given is asked for, everything is repeated, then it is set for good."""
    arguments: dict[str, Any] = {"lead_id": int(_in(prompt, r"RenovationFind lead ([0-9]+)"))}
    status, amount = _in(prompt, r"Status: (.+?)\. Contract"), _in(prompt, r"Contract amount: (.+?)\.?\n")
    if "(not given)" in {status, amount}:
        status, amount = (yield Say("JOB_WON or LEAD_WON, and for what amount?")).split()
    arguments |= {"status": status, "job_amount": float(amount)}
    sure = yield Say(f"Lead {arguments['lead_id']}: {status} for {float(amount):,.2f}. This is final. Right?")
    if sure != "yes":
        return "Nothing was changed."
    receipt = yield from approved("renovationfind_mark_won", arguments)
    if not isinstance(receipt, dict) or receipt["outcome"] != "done":
        return summary_of(receipt)
    if (yield Say(f"{summary_of(receipt)}\nShall it be noted in RoofLink?")) != "yes":
        return summary_of(receipt)
    record = receipt["record"]
    found = yield Call("find_matching_prospects", {"name": record["customer"], "phone": record["phone"]})
    listed = ", ".join(str(row["id"]) for row in found["matches"])
    chosen = yield Say(f"Which prospect? {listed or 'none found'}")
    if not chosen.isdigit():
        return summary_of(receipt)
    note = yield Call("rooflink_add_note", {"job_id": int(chosen), "message": f"{status} for {amount}."})
    return f"{summary_of(receipt)}\n{summary_of(note)}"


def _snapshot(arguments: dict[str, Any]) -> Answer:
    snapshot = yield Call("pipeline_snapshot", arguments)
    for _ in range(2):
        if not snapshot["complete"]:
            snapshot = yield Call("pipeline_snapshot", arguments)
    return snapshot


def follow_up(prompt: str) -> Steps:
    """`follow_up_stale_prospects`: the five oldest with their last note; what is written is the user's choice."""
    arguments: dict[str, Any] = {"stale_after_days": int(_in(prompt, r"Stale after days: ([0-9]+)\."))}
    stage = _in(prompt, r"Only stage: (\S+)")
    snapshot = yield from _snapshot(arguments if stage == "(not" else {**arguments, "stage": stage})
    lines: list[str] = []
    for row in snapshot["stale"][:5]:
        notes = (yield Call("rooflink_list_notes", {"job_id": row["id"], "page_size": 3}))["rows"]
        last = notes[0]["message"] if notes else "no note"
        lines.append(f"{row['id']}, {row.get('rep', 'nobody')}, {row['days']} days, {row['next_step']}, {last}")
    done: list[str] = []
    for choice in (yield Say("\n".join([*lines, "What is to be done with each?"]))).splitlines():
        job, message = choice.split(": ", 1)
        done.append(summary_of((yield from approved("rooflink_add_note", {"job_id": int(job), "message": message}))))
    return "\n".join(done)


def review(prompt: str) -> Steps:
    """`weekly_pipeline_review`: reads only, and reports what was answered and how much that covers."""
    days, first = _in(prompt, r"Stale after days: ([0-9]+)\."), _in(prompt, r"under review: (\S+)\.")
    snapshot = yield from _snapshot({"stale_after_days": int(days)})
    new, page = [], 1
    while page:
        rows = yield Call("rooflink_list_prospects", {"created_from": first, "page_size": 100, "page": page})
        new += [row for row in rows["rows"] if row["created"] >= first]
        page = rows.get("next_page")
        if not rows["rows"] or rows["rows"][-1]["created"] < first:
            break
    stuck = [
        f"- {row['id']}, {row.get('rep', 'nobody')}, {row['days']} days, next: {row['next_step']}"
        for row in snapshot["stale"][:5]
    ]
    open_ = yield Call("write_history", {"outcome": "unknown"})
    counts = ", ".join(f"{row['stage']} {row.get('rooflink')}" for row in snapshot["stages"])
    lines = [f"New: {len(new)}", f"Counts: {counts}", "Stuck:", *stuck, f"Unknown writes: {open_['total']}"]
    covered = f"Covered: {snapshot['read']} of {snapshot['total']}"
    return "\n".join([*lines, covered])
