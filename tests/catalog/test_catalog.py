"""Every operation as data: effects, provenance, and what a contract file may and may not change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadbridge.server.catalog import Catalog, Operation, load
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.errors import CatalogError
from leadbridge.tools import ALL_TOOLS

CATALOG = load()
ROWS = list(CATALOG)
SENDABLE = [row for row in ROWS if row.path]

# What is to be there


WITHOUT_A_PATH = {
    "rooflink.reply_to_note",
    "rooflink.update_customer_email",
    "rooflink.search_jobs",
}

# What a documentation page says word for word: method and path. Everything else is somebody's code or our reading.
DOCUMENTED = {
    ("renovationfind", "", "POST", "/general-leads/{}/accept"),
    ("renovationfind", "", "POST", "/general-leads/{}/decline"),
    ("renovationfind", "", "PUT", "/general-leads/{}/status"),
    ("renovationfind", "", "POST", "/referral-requests"),
    ("renovationfind", "manager", "POST", "/vendors"),
    ("renovationfind", "manager", "POST", "/vendors/{}/subscription-details"),
    ("rooflink", "", "GET", "/light/events/cal/"),
    ("rooflink", "", "GET", "/light/events/next_five_days_events/"),
    ("rooflink", "", "POST", "/light/events/"),
    ("rooflink", "", "PUT", "/light/events/{}/"),
    ("rooflink", "", "PATCH", "/light/events/{}/"),
    ("rooflink", "", "POST", "/light/photos/"),
    ("rooflink", "", "PUT", "/light/photos/{}/uploaded/"),
    ("rooflink", "", "GET", "/light/user-notes/"),
    ("rooflink", "", "GET", "/light/jobs/"),
}

# What public code was seen to receive from the live service.
OBSERVED = {
    ("rooflink", "", "GET", "/light/jobs/prospect/"),
    ("rooflink", "", "GET", "/light/jobs/approved/"),
    ("rooflink", "", "GET", "/light/public/jobs/"),
    ("rooflink", "", "GET", "/light/customers/"),
}

# Names of parameters and fields that a page gives literally.
DOCUMENTED_NAMES = {
    "rooflink.list_prospects": {"date_deleted__isnull"},
    "rooflink.create_lead": {"state", "extra_info"},
    "rooflink.update_job": {"customer.first_name"},
    "rooflink.list_notes": {
        "page", "page_size", "deleted", "job", "tags", "search", "sent_to", "employee", "read",
    },
    "rooflink.add_note": {"tags", "recipients"},
    "rooflink.create_photo": {"name", "tags"},
    "rooflink.create_event": {"name", "start", "end", "job", "all_day", "any_time", "add_to_my_calendar"},
    "rooflink.update_event": {"name", "start", "end"},
    "rooflink.next_five_days_events": {"scope"},
    "rooflink.list_events": {"page", "page_size", "users"},
    "rooflink.calendar_view": {"users"},
    "renovationfind.decline_lead": {"reason"},
    "renovationfind.update_job_status": {
        "status", "reason", "meetingScheduledDate", "contactMethod", "estimateType", "lostReason",
    },
    "renovationfind.mark_won": {
        "status", "reason", "jobAmount", "estimatedProjectStartDate", "estimatedCompletionDate", "startDateTbd",
        "completionDateTbd",
    },
    "renovationfind.create_referral_request": {
        "firstName", "lastName", "emailTo", "phone", "sendGift", "renewal", "skipDuplicates",
    },
    "renovationfind.create_vendor": {
        "vendorName", "email", "password", "salesEmail", "cityId", "vendorType", "activated", "pqVendor",
        "contactAddress1", "contactAddress2", "contactCity", "contactProvince", "contactPostalCode",
        "realContactPhoneNumber", "description", "websiteUrl", "bbbUrl", "additionalKeyWordsForNameSearch",
        "additionalKeyWordsForCategorySearch", "dunsNumber",
    },
    "renovationfind.update_subscription": {"packageType", "subscriptionEndDate"},
}  # fmt: skip

IRREVERSIBLE = {
    "rooflink.reply_to_note",
    "renovationfind.accept_lead", "renovationfind.decline_lead", "renovationfind.mark_won",
    "renovationfind.create_referral_request", "renovationfind.create_vendor", "rooflink.create_event",
    "rooflink.update_event", "rooflink.delete_event",
}  # fmt: skip


def shape(row: Operation) -> tuple[str, str, str, str]:
    return (row.service, row.api, row.method, re.sub(r"{\w+}", "{}", row.path))


def test_what_the_pages_name_without_a_path_has_none() -> None:
    assert {row.id for row in ROWS if not row.path} == WITHOUT_A_PATH
    assert all(CATALOG[name].provenance.path == "unknown" for name in WITHOUT_A_PATH)


def test_each_tool_uses_rows_of_its_own_effect_toolset_and_name() -> None:
    for spec in ALL_TOOLS:
        for name in spec.operations:
            row = CATALOG[name]
            if spec.name.startswith(f"{row.service}_"):
                decided = any(field.decides_effect for field in {**row.query, **row.body}.values())
                assert (row.tool, row.toolset) == (spec.name, spec.toolset)
                assert spec.effect is row.effect or (decided and spec.effect is Effect.IRREVERSIBLE)
            else:  # a tool across both services
                assert spec.toolset == "pipeline"
                assert list(Effect).index(row.effect) <= list(Effect).index(spec.effect), (spec.name, name)


# Every row


def test_a_row_is_known_by_its_service_and_its_name() -> None:
    for key, row in CATALOG.operations.items():
        assert key == row.id == f"{row.service}.{row.name}"
        assert row.service in CATALOG.services
        assert row.title
        assert row.toolset
        assert row.source


def test_every_row_has_one_effect_and_gets_exactly_the_rows_with_effect_read() -> None:
    assert all(isinstance(row.effect, Effect) for row in ROWS)
    assert {row.id for row in SENDABLE if row.method == "GET"} == {row.id for row in SENDABLE if not row.effect.writes}


def test_a_write_and_only_a_write_says_when_it_is_a_repeat() -> None:
    assert {row.id for row in ROWS if row.repeat} == {row.id for row in ROWS if row.effect.writes}


def test_method_and_path_are_given_together_or_the_path_is_unknown() -> None:
    assert {row.id for row in ROWS if row.method} == {row.id for row in SENDABLE}
    assert {row.id for row in ROWS if row.provenance.path == "unknown"} == {row.id for row in ROWS if not row.path}


def test_what_cannot_be_undone_or_reaches_a_person_is_irreversible_and_nothing_else_is() -> None:
    assert {row.id for row in ROWS if row.effect is Effect.IRREVERSIBLE} == IRREVERSIBLE


@pytest.mark.parametrize(
    ("effect", "hints"),
    [
        (Effect.READ, (True, False, True)),
        (Effect.REVERSIBLE, (False, False, True)),
        (Effect.ADDITIVE, (False, False, False)),
        (Effect.IRREVERSIBLE, (False, True, False)),
    ],
)
def test_hints_gate_and_retry_rule_follow_from_the_effect(effect: Effect, hints: tuple[bool, ...]) -> None:
    found = effect.hints
    assert (found.read_only, found.destructive, found.idempotent) == hints
    assert effect.writes is not hints[0]
    assert effect.always_needs_approval is hints[1]
    assert ("approval" in effect.gate) is (effect in {Effect.ADDITIVE, Effect.IRREVERSIBLE})
    assert ("5xx" in effect.retry) is (effect is Effect.READ)


def test_a_path_is_one_of_the_service_and_its_variables_are_ids() -> None:
    for row in SENDABLE:
        assert re.fullmatch(r"(/([a-z0-9_-]+|{[a-z_]+_id}))+/?", row.path), row.id
        assert row.path.endswith("/") is (row.service == "rooflink")
        assert row.path.count("{") <= 1


def test_nothing_is_called_documented_that_no_page_says() -> None:
    documented = {row.id: shape(row) for row in ROWS if row.provenance.path == "documented"}
    observed = {row.id: shape(row) for row in ROWS if row.provenance.path == "observed"}
    assert {name for name, found in documented.items() if found not in DOCUMENTED} == set()
    assert {name for name, found in observed.items() if found not in OBSERVED} == set()


def test_what_a_page_says_is_called_documented() -> None:
    assert {row.id for row in SENDABLE if shape(row) in DOCUMENTED} == {
        row.id for row in ROWS if row.provenance.path == "documented"
    }
    found = {shape(row) for row in SENDABLE if row.service == "renovationfind" and row.provenance.path == "documented"}
    assert found == {row for row in DOCUMENTED if row[0] == "renovationfind"}


def test_the_path_of_create_lead_is_inferred_and_says_how_to_correct_it() -> None:
    row = CATALOG["rooflink.create_lead"]
    assert (row.provenance.operation, row.provenance.path) == ("documented", "inferred")
    assert "LEADBRIDGE_CONTRACT_FILE" in row.notes
    assert not row.path_is_certain


def test_no_name_on_the_wire_is_called_documented_that_no_page_gives() -> None:
    for row in ROWS:
        given_by_a_page = DOCUMENTED_NAMES.get(row.id, set())
        for argument, field in {**row.query, **row.body}.items():
            assert (field.provenance != "documented") or field.wire in given_by_a_page, (row.id, argument)


def test_the_names_of_renovationfind_and_the_filter_of_deleted_prospects_are_documented() -> None:
    assert CATALOG["rooflink.list_prospects"].query["deleted_is_null"].provenance == "documented"
    message = [row for row in ROWS if row.service == "renovationfind" and row.provenance.operation == "documented"]
    fields = [field for row in message for field in {**row.query, **row.body}.values()]
    assert {field.provenance for field in fields} == {"documented"}


def test_no_row_has_two_arguments_under_one_name_on_the_wire() -> None:
    for row in ROWS:
        for fields in (row.query, row.body):
            wires = [field.wire for field in fields.values()]
            assert len(wires) == len(set(wires)), row.id
            assert not any(other.startswith(f"{wire}.") for wire in wires for other in wires), row.id


def test_keys_go_to_tls_origins_in_headers_of_their_own() -> None:
    services = CATALOG.services
    assert (services["rooflink"].auth_header, services["rooflink"].auth_scheme) == ("X-API-KEY", "")
    assert (services["renovationfind"].auth_header, services["renovationfind"].auth_scheme) == (
        "Authorization",
        "Bearer",
    )
    assert services["rooflink"].base_url == "https://integrate.rooflink.com/roof_link_endpoints/api"
    assert services["renovationfind"].base_url == "https://www.renovationfind.com/rest-api-v1"
    assert services["rooflink"].unprocessed == {429, 503}
    assert services["renovationfind"].unprocessed == {429}


def test_a_catalog_cannot_be_changed_once_it_is_loaded() -> None:
    with pytest.raises(Exception, match="frozen"):
        CATALOG["rooflink.create_lead"].path = "/x/"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        CATALOG.operations = {}  # type: ignore[misc]


# Encoding


def test_a_body_is_nested_where_the_name_on_the_wire_has_dots_and_leaves_out_what_is_not_given() -> None:
    body = CATALOG["rooflink.update_job"].encode_body(
        {"name": "Roof", "customer_first_name": "Ada", "customer_email": None, "customer_phone": "1"}
    )
    assert body == {"name": "Roof", "customer": {"first_name": "Ada", "phone": "1"}}


def test_a_stage_goes_out_as_the_services_code() -> None:
    assert CATALOG["rooflink.list_prospects"].encode_query({"stage": "signed", "page": None}) == {"status": "si"}


def test_an_argument_that_the_row_does_not_know_is_not_a_silent_loss() -> None:
    with pytest.raises(KeyError):
        CATALOG["rooflink.create_lead"].encode_body({"adress": "1 Elm St"})
    with pytest.raises(KeyError):
        CATALOG["rooflink.list_prospects"].encode_query({"stages": "signed"})


def test_the_inferred_names_among_arguments_are_known() -> None:
    row = CATALOG["rooflink.create_lead"]
    assert row.inferred_names({"address": 1, "state": 2, "dry_run": 3}) == ["address"]


# What a contract file may change


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    return tmp_path / "contract.toml"


def overridden(contract: Path, text: str) -> Catalog:
    contract.write_text(text, "utf-8")
    return load(contract)


CREATE = '[operations."rooflink.create_lead"]\n'


def test_a_path_can_be_corrected_and_is_then_the_users_word(contract: Path) -> None:
    row = overridden(contract, CREATE + 'path = "/light/customers/create_customer_and_job/"')["rooflink.create_lead"]
    assert (row.method, row.path) == ("POST", "/light/customers/create_customer_and_job/")
    assert row.provenance.path == "override"
    assert row.effect is Effect.ADDITIVE
    assert row.body == CATALOG["rooflink.create_lead"].body


def test_a_method_can_be_corrected_in_any_case_of_letters(contract: Path) -> None:
    assert overridden(contract, CREATE + 'method = "put"')["rooflink.create_lead"].method == "PUT"


def test_names_on_the_wire_can_be_corrected_one_by_one(contract: Path) -> None:
    text = (
        '[operations."rooflink.list_prospects".query]\nrep_id = "customer__rep"\n'
        '[operations."rooflink.create_lead".body]\npostal_code = "zip"\n'
    )
    catalog = overridden(contract, text)
    rep, zipcode = (
        catalog["rooflink.list_prospects"].query["rep_id"],
        catalog["rooflink.create_lead"].body["postal_code"],
    )
    assert (rep.wire, rep.provenance, zipcode.wire) == ("customer__rep", "override", "zip")
    assert catalog["rooflink.create_lead"].provenance.path == "inferred"
    stage = overridden(contract, '[operations."rooflink.list_prospects".query]\nstage = "stage"')[
        "rooflink.list_prospects"
    ]
    assert stage.encode_query({"stage": "signed"}) == {"stage": "si"}


def test_an_operation_without_a_path_can_be_given_one(contract: Path) -> None:
    text = '[operations."rooflink.reply_to_note"]\nmethod = "POST"\npath = "/light/notes/{note_id}/reply/"'
    row = overridden(contract, text)["rooflink.reply_to_note"]
    assert (row.path, row.provenance.path) == ("/light/notes/{note_id}/reply/", "override")


def test_an_empty_contract_changes_nothing_and_no_override_outlives_its_catalog(contract: Path) -> None:
    assert overridden(contract, "").operations == CATALOG.operations
    overridden(contract, CREATE + 'path = "/x/"')
    assert load().operations == CATALOG.operations


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # Paths that leave the service
        (CREATE + 'path = "https://collector.example/x"', ["rooflink.create_lead", "path"]),
        (CREATE + 'path = "//collector.example/x"', ["rooflink.create_lead", "path"]),
        (CREATE + 'path = "light/x/"', ["rooflink.create_lead", "path"]),
        (CREATE + 'path = "/light/../../admin/"', ["rooflink.create_lead", "path"]),
        (CREATE + 'path = "/light\\\\..\\\\x"', ["rooflink.create_lead", "path"]),
        (CREATE + 'path = "@collector.example/x"', ["rooflink.create_lead", "path"]),
        (CREATE + 'path = "/light/x y\\n/"', ["rooflink.create_lead", "path"]),
        (CREATE + 'path = ""', ["rooflink.create_lead", "path"]),
        (CREATE + "path = 5", ["rooflink.create_lead", "path"]),
        # Variables that nobody fills in
        (CREATE + 'path = "/light/{lead_id}/"', ["rooflink.create_lead", "path", "lead_id"]),
        (CREATE + 'path = "/light/{/"', ["rooflink.create_lead", "path"]),
        (CREATE + 'path = "/light/{}/"', ["rooflink.create_lead", "path"]),
        ('[operations."renovationfind.mark_won"]\npath = "/status"', ["renovationfind.mark_won", "path", "lead_id"]),
        # Methods that are another effect, or none
        (CREATE + 'method = "GET"', ["rooflink.create_lead", "method"]),
        (CREATE + 'method = "FETCH"', ["rooflink.create_lead", "method"]),
        (CREATE + 'method = ""', ["rooflink.create_lead", "method"]),
        ('[operations."rooflink.get_prospect"]\nmethod = "DELETE"', ["rooflink.get_prospect", "method"]),
        # Unknown names
        ('[operations."rooflink.create_leads"]\npath = "/x/"', ["rooflink.create_leads", "unknown operation"]),
        (CREATE + 'pth = "/x/"', ["rooflink.create_lead", "pth", "allowed"]),
        (CREATE + 'effect = "read"', ["rooflink.create_lead", "effect", "allowed"]),
        (CREATE + 'provenance = {path = "documented"}', ["rooflink.create_lead", "provenance", "allowed"]),
        (CREATE + 'tool = "x"', ["rooflink.create_lead", "tool"]),
        ('[operation."rooflink.create_lead"]\npath = "/x/"', ["operation", "allowed"]),
        ('[services.rooflink]\nbase_url = "https://collector.example"', ["services", "allowed"]),
        ('[operations."rooflink.create_lead".body]\nadress = "a"', ["rooflink.create_lead", "body", "adress"]),
        ('[operations."rooflink.create_lead".query]\naddress = "a"', ["rooflink.create_lead", "query", "address"]),
        # Wrong types
        ('[operations."rooflink.create_lead".body]\naddress = ""', ["rooflink.create_lead", "body", "address"]),
        ('[operations."rooflink.create_lead".body]\naddress = ["a"]', ["rooflink.create_lead", "body", "address"]),
        (CREATE + 'body = "address"', ["rooflink.create_lead", "body"]),
        ('[operations]\n"rooflink.create_lead" = 5', ["rooflink.create_lead"]),
        ("operations = 5", ["operations"]),
        ('operations = "x"', ["operations"]),
        ("operations = [1]", ["operations"]),
        ("[[operations]]\npath = 1", ["operations"]),
        # Not TOML
        (CREATE + "path = ", []),
        ("{", []),
        ("a = " + "[" * 5_000, ["nested too deeply"]),
        ("a = " + "9" * 5_000, []),
    ],
)  # fmt: skip
def test_a_wrong_contract_is_one_error_that_names_the_file_the_operation_and_the_key(
    text: str, words: list[str], contract: Path
) -> None:
    with pytest.raises(CatalogError) as caught:
        overridden(contract, text)
    message = str(caught.value)
    for word in [str(contract), *words]:
        assert word in message
    assert "\n" not in message
    assert "Value error" not in message
    assert len(message) < 600


@pytest.mark.parametrize("text", [CREATE + 'path = "/a?x=1"', CREATE + 'path = "/a#x"'])
def test_a_path_with_a_query_or_a_fragment_is_refused(text: str, contract: Path) -> None:
    with pytest.raises(CatalogError):
        overridden(contract, text)


def test_a_contract_that_cannot_be_read_is_reported_by_its_name(tmp_path: Path) -> None:
    not_text = tmp_path / "noise.toml"
    not_text.write_bytes(b"[operations]\x80\x81")
    for path in (tmp_path / "missing.toml", tmp_path, not_text):
        with pytest.raises(CatalogError, match=re.escape(str(path))) as caught:
            load(path)
        assert "LEADBRIDGE_CONTRACT_FILE" in str(caught.value)


_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 5), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value if not 0xD800 <= ord(char) < 0xE000) + '"'
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, list) else str(value)


@given(
    st.sampled_from(sorted(CATALOG.operations)),
    st.sampled_from(["method", "path", "query", "body", "effect", "x"]),
    _VALUES,
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_of_any_key_is_a_crash_and_what_is_taken_keeps_effect_and_origin(
    contract: Path, name: str, key: str, value: Any
) -> None:
    try:
        row = overridden(contract, f'[operations."{name}"]\n{key} = {_toml(value)}')[name]
    except CatalogError:
        return
    assert row.effect is CATALOG[name].effect
    assert not row.path or (row.path.startswith("/") and not row.path.startswith("//"))
