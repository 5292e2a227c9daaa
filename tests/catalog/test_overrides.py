"""What a contract file may correct, and how LeadBridge reports what it may not: file, line, and what is allowed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadbridge.server.catalog import Catalog, load
from leadbridge.server.catalog.overrides import LARGEST, line_of
from leadbridge.server.errors import CatalogError

CATALOG = load()
HEAD = "# what our account answers\n\n"
CREATE = HEAD + '[operations."rooflink.create_lead"]\n'
LIST = HEAD + '[operations."rooflink.list_prospects"]\n'
NOTE = HEAD + '[operations."rooflink.add_note".body]\n'


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    return tmp_path / "contract.toml"


def overridden(contract: Path, text: str) -> Catalog:
    contract.write_text(text, "utf-8")
    return load(contract)


def refusal(contract: Path, text: str) -> str:
    with pytest.raises(CatalogError) as caught:
        overridden(contract, text)
    return str(caught.value)


# What is taken


def test_what_was_corrected_keeps_what_it_was_for_display(contract: Path):
    catalog = overridden(
        contract, CREATE + 'path = "/light/leads/"\n[operations."rooflink.create_lead".body]\ncity="town"'
    )
    row, before = catalog["rooflink.create_lead"], catalog.before["rooflink.create_lead"]
    assert (row.path, row.provenance.path) == ("/light/leads/", "override")
    assert (before.path, before.provenance.path) == ("/light/jobs/create_customer_and_job/", "inferred")
    assert (row.body["city"].wire, row.body["city"].provenance) == ("town", "override")
    assert (before.body["city"].wire, before.body["city"].provenance) == ("city", "inferred")
    assert set(catalog.before) == {"rooflink.create_lead"}
    assert CATALOG.before == {}


def test_what_is_confirmed_as_it_is_stays_what_it_was(contract: Path):
    same = CATALOG["rooflink.create_lead"]
    text = CREATE + f'method = "POST"\npath = "{same.path}"\nbody = {{ city = "city" }}'
    assert overridden(contract, text)["rooflink.create_lead"] == same


def test_values_go_out_as_they_were_corrected(contract: Path):
    row = overridden(contract, HEAD + '[operations."rooflink.list_prospects".values.stage]\nsigned = "signed_only"')
    operation = row["rooflink.list_prospects"]
    assert operation.encode_query({"stage": "signed"}) == {"status": "signed_only"}
    assert operation.encode_query({"stage": "verified"}) == {"status": "v"}


def test_a_page_is_never_asked_to_be_larger_than_the_limit(contract: Path):
    row = overridden(contract, LIST + "max_page_size = 10")["rooflink.list_prospects"]
    assert row.encode_query({"page": 2, "page_size": 50}) == {"page": 2, "page_size": 10}
    assert row.encode_query({"page_size": 5}) == {"page_size": 5}
    assert CATALOG["rooflink.list_prospects"].encode_query({"page_size": 100}) == {"page_size": 100}


@pytest.mark.parametrize(
    "path", ["/light/customers/{customer_id}/email/", "/light/jobs/{job_id}/email/", "/light/customers/email/"]
)
def test_an_operation_without_a_path_takes_one_with_variables_that_are_known(contract: Path, path: str):
    text = HEAD + '[operations."rooflink.update_customer_email"]\nmethod = "PATCH"\npath = "{}"\n'
    row = overridden(contract, text.replace("{}", path))["rooflink.update_customer_email"]
    assert (row.path, row.provenance.path) == (path, "override")


def test_names_that_change_places_are_taken(contract: Path):
    text = CREATE + 'body = { cell_phone = "phone", home_phone = "home" }'
    assert overridden(contract, text)["rooflink.create_lead"].body["cell_phone"].wire == "phone"


# What is refused


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (CREATE + 'path = "https://collector.example/x"', 4, "names another origin; allowed: a path below"),
        (CREATE + 'path = "//collector.example/x"', 4, "names another origin"),
        (CREATE + 'path = "/a@collector.example/x"', 4, "names another origin"),
        (CREATE + 'path = "/light/../admin/"', 4, "segment of dots only"),
        (CREATE + 'path = "/light/./admin/"', 4, "segment of dots only"),
        (CREATE + 'path = "/light/%2e%2e/admin/"', 4, "plain segments"),
        (CREATE + 'path = "/light/x/?a=1"', 4, "holds a query"),
        (CREATE + 'path = "light/x/"', 4, "must begin with one /"),
        (CREATE + 'path = "/light/{job_id}/"', 4, "path must have no variables, not {job_id}"),
        (CREATE + 'method = "GET"', 4, "does not fit effect additive; allowed: POST, PUT, PATCH"),
        (CREATE + 'method = "DELETE"', 4, "does not fit effect additive; allowed: POST, PUT, PATCH"),
        (LIST + 'method = "POST"', 4, "does not fit effect read; allowed: GET"),
        (LIST + "max_page_size = 0", 4, "from 1 to 100"),
        (LIST + "max_page_size = 500", 4, "from 1 to 100"),
        (LIST + "max_page_size = true", 4, "from 1 to 100"),
        (CREATE + "max_page_size = 10", 4, "has no page_size"),
        (CREATE + '\n\n\nbody.city = ""', 7, "city must be the name on the wire"),
        (CREATE + 'body.city = "a b"', 4, "visible ASCII characters"),
        (CREATE + 'body.city = "a\\u0007"', 4, "visible ASCII characters"),
        (CREATE + 'body.city = "a..b"', 4, "visible ASCII characters"),
        (CREATE + 'body.city = ".b"', 4, "visible ASCII characters"),
        (CREATE + "body.city = 5", 4, "must be the name on the wire"),
        (CREATE + 'body.city = "county"', 4, "have the same name 'county'; allowed: one name for each"),
        (CREATE + 'body.city = "address.city"', 4, "must be an object, because city lies in it"),
        (CREATE + 'body.town = "city"', 4, "unknown argument 'town'; allowed: address, state"),
        (NOTE + 'notify_rep = "notify_customer"\nnotify_customer = "tell"', 4, "which decides what the operation does"),
        (CREATE + "values.lead_status.u = 'x'", 4, "'lead_status' has no values to correct; allowed: none"),
        (LIST + "values.stage.won = 'x'", 4, "'won' is no value of stage; allowed: unverified, verified"),
        (LIST + "values.stage.signed = 'v'", 4, "two values of stage would be the same"),
        (LIST + "values.stage.signed = ''", 4, "must be the service's value, a text"),
        (LIST + "values.stage = 'v'", 4, "must be a table"),
        (LIST + "values = 'v'", 4, "must be a table of tables"),
        (LIST + "query = [1]", 4, "must be a table"),
        (
            HEAD + '[operations."rooflink.reply_to_note"]\npath = "/light/notes/{note_id}/reply/"',
            3,
            "method is missing",
        ),
        (HEAD + '[operations."rooflink.reply_to_note"]\nmethod = "POST"', 3, "path is missing"),
        (
            HEAD + '[operations."rooflink.reply_to_note"]\nmethod="POST"\npath="/light/{lead_id}/"',
            5,
            "path must have {note_id}, not {lead_id}",
        ),
        (CREATE + 'path = "/light/events/"', 4, "is that of rooflink.create_event (irreversible)"),
        (CREATE + '\n[operations."rooflink.crate_lead"]\npath = "/x/"', 5, "unknown operation"),
        ("\n\n[services.rooflink]\nbase_url = 'https://collector.example'", 3, "unknown key 'services'"),
        ('operations."rooflink.create_lead" = """\nx\n"""', 1, "must be a table"),
    ],
)
def test_a_wrong_correction_is_reported_with_file_line_and_what_is_allowed(
    contract: Path, text: str, line: int, words: str
):
    message = refusal(contract, text)
    assert message.startswith(f"{contract}, line {line}: ")
    assert words in message
    assert "\n" not in message


def test_broken_toml_is_reported_with_its_line(contract: Path):
    assert "line 4" in refusal(contract, CREATE + "path = ")


def test_a_file_that_is_not_a_contract_is_not_read_for_hours(contract: Path):
    assert "larger than" in refusal(contract, "#" * (LARGEST + 1))


def test_a_status_cannot_go_out_as_another_argument(contract: Path):
    text = HEAD + '[operations."renovationfind.update_job_status".body]\nreason = "status"\nstatus = "reason"'
    assert "which decides what the operation does" in refusal(contract, text)


def test_operations_that_share_a_path_may_move_together(contract: Path):
    text = "".join(
        f'[operations."renovationfind.{name}"]\npath = "/leads/{{lead_id}}/status"\n'
        for name in ("update_job_status", "mark_won")
    )
    catalog = overridden(contract, text)
    assert catalog["renovationfind.mark_won"].path == catalog["renovationfind.update_job_status"].path
    assert "is that of rooflink.add_note" in refusal(contract, CREATE + 'path = "/light/notes/"')


def test_two_operations_of_different_effect_cannot_be_given_one_path(contract: Path):
    text = (
        HEAD + '[operations."rooflink.create_lead"]\npath = "/light/x/"\n\n'
        '[operations."rooflink.create_event"]\npath = "/light/x/"'
    )
    assert re.search(
        r"line 7: operation rooflink.create_event: path: .* is that of rooflink.create_lead", refusal(contract, text)
    )


# Lines


@given(st.lists(st.sampled_from(["", "# x", "a{} = 1", "b{} = '''\n[c]\nx\n'''", "d{} = [\n1,\n2]", "[t{}]\nk = 1"])))
@settings(deadline=None)
def test_the_line_of_a_key_is_that_on_which_its_statement_begins(pieces: list[str]):
    lines: list[str] = []
    where: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, piece in enumerate(pieces):
        begin, text = len(lines) + 1, piece.format(number)
        if text.startswith("["):
            table = (text[1 : text.index("]")],)
            where[table] = begin
            where[*table, "k"] = begin + 1
        elif "=" in text:
            where[*table, text.partition(" ")[0]] = begin
        lines += text.split("\n")
    text = "\n".join(lines)
    tomllib.loads(text)
    for keys, line in where.items():
        assert line_of(text, keys) == line
    assert line_of(text, ["nowhere"]) == 0
