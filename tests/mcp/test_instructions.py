"""What a model reads of the server: short in every mode, and what is hidden and why."""

from __future__ import annotations

import itertools

import pytest

from leadbridge.server.app import build_app_context, build_server, tool_specs
from leadbridge.server.catalog import Catalog, load
from leadbridge.server.mcp.instructions import instructions
from leadbridge.server.mcp.toolsets import (
    DEFAULT,
    NO_FOLDER,
    NO_PATH,
    OPT_IN,
    READ_ONLY,
    SwitchedOff,
    hidden_tools,
    no_key,
)
from tests.support import make_settings

LIMIT = 2000
KEYS = {"rooflink_api_key": "4f1c9e0a7d2b8c3f6e5a", "renovationfind_token": "eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl"}
ACCOUNTS = [
    {"sandbox": True},
    *({"sandbox": False, **dict(keys)} for n in (1, 2) for keys in itertools.combinations(KEYS.items(), n)),
]


def wording(**settings) -> str:
    text = build_server(make_settings(**settings)).instructions
    assert text is not None
    return text


@pytest.mark.parametrize("account", ACCOUNTS, ids="+".join)
@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("toolsets", ["default", "all", "pipeline", "pipeline,calendar", "all,-leads", "-prospects"])
def test_they_stay_under_2000_characters_and_give_every_reason(account, read_only, toolsets):
    settings = {**account, "read_only": read_only, "toolsets": toolsets}
    text = wording(**settings)
    assert len(text) < LIMIT
    hidden = build_app_context(make_settings(**settings)).hidden
    for off in hidden.values():
        assert (off.toolset or off.how) in text
    assert ("Switched off" in text) is bool(hidden)
    assert ("LEADBRIDGE_READ_ONLY is set" in text) is read_only


def test_they_stay_under_2000_characters_when_all_reasons_come_together():
    reasons = [SwitchedOff("not chosen", "add it", toolset=name) for name in (*DEFAULT, *OPT_IN)]
    reasons += [NO_PATH, NO_FOLDER, READ_ONLY, no_key("rooflink"), no_key("renovationfind")]
    app = build_app_context(make_settings(sandbox=True))
    assert (
        len(instructions(app.settings, {f"rooflink_{number}": off for number, off in enumerate(reasons)}, app.services))
        < LIMIT
    )


def test_they_say_how_approval_is_asked_for_under_these_settings():
    assert "answer approval_required with a preview and a token" in wording(approvals="auto")
    assert "refused where the client has none" in wording(approvals="human")
    assert "ask nobody here: a call stands for the user's yes" in wording(approvals="off")
    for mode in ("human", "off"):
        assert "token" not in wording(approvals=mode)


def test_the_sandbox_is_said_to_be_one_and_a_real_account_is_not():
    assert "SANDBOX: the services are simulated" in wording(sandbox=True)
    assert "SANDBOX" not in wording(sandbox=False, **KEYS)


def test_only_services_with_a_key_are_named_as_the_pipeline_s():
    first = wording(sandbox=False, rooflink_api_key=KEYS["rooflink_api_key"]).splitlines()[0]
    assert "RoofLink" in first
    assert "RenovationFind" not in first


def test_nothing_is_said_of_hidden_tools_where_none_is_hidden():
    app = build_app_context(make_settings())
    assert "Switched off" not in instructions(app.settings, {}, app.services)


def test_what_the_pages_name_without_a_path_is_hidden_and_said_why():
    hidden = build_app_context(make_settings(toolsets="all")).hidden
    without = [spec.name for spec in tool_specs() if not all(load()[row].path for row in spec.operations)]
    assert without
    for name in without:
        assert hidden[name] == NO_PATH
    assert str(NO_PATH) in wording(toolsets="all")


def test_a_tool_without_a_path_is_hidden_with_the_setting_that_gives_one():
    catalog = load()
    nowhere = catalog["rooflink.create_lead"].model_copy(update={"path": ""})
    without = Catalog(catalog.services, {**catalog.operations, nowhere.id: nowhere})
    settings = make_settings(toolsets="prospects")
    hidden = hidden_tools(
        settings, without, tool_specs(), {"rooflink", "renovationfind"}, build_app_context(settings).lead_paths
    )
    assert hidden["rooflink_create_lead"] == NO_PATH
    assert f"rooflink_create_lead: {NO_PATH}" in instructions(settings, hidden, build_app_context(settings).services)


def test_they_name_only_tools_that_exist():
    names = {spec.name for spec in tool_specs()}
    words = {word.strip(".,;:'()") for word in wording(read_only=True).split()}
    assert {word for word in words if word.startswith(("rooflink_", "renovationfind_", "server_", "write_"))} <= names
