from __future__ import annotations

import pytest

from leadbridge.server.sandbox import Sandbox


def test_a_sandbox_is_made_from_plain_data():
    sandbox = Sandbox.from_options(
        {
            "seed": 5,
            "prospects": 12,
            "honoured_filters": ["state", "rep"],
            "create_lead_names": {"postal_code": "zip"},
            "rooflink_retry_after": 3,
            "lead_reads": True,
            "faults": [{"kind": "slow", "seconds": 1}, {"kind": "unavailable"}],
        }
    )
    assert len(sandbox.prospects) == 12
    assert sandbox.options.honoured_filters == {"state", "rep"}
    assert sandbox.options.lead_name("postal_code") == "zip"
    assert [fault.kind for fault in sandbox.faults] == ["slow", "unavailable"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sead": 1}, "unknown option of the sandbox: 'sead'; did you mean seed"),
        ({"clock": 1}, "unknown option of the sandbox: 'clock'"),
        ({"seed": "1"}, "seed must be of the type int"),
        ({"lead_reads": 1}, "lead_reads must be of the type bool"),
        ({"honoured_filters": "state"}, "honoured_filters must be of the type frozenset"),
        ({"honoured_filters": ["colour"]}, "honoured_filters: unknown 'colour'; known: city"),
        ({"create_lead_names": {"zip": "zip"}}, "create_lead_names: unknown 'zip'"),
        ({"stats_shape": "tree"}, "stats_shape: unknown 'tree'; known: array, nested, object"),
        ({"checklist_shape": "nested"}, "checklist_shape: unknown 'nested'"),
        ({"faults": {}}, "faults must be a list"),
        ({"faults": [{}]}, "a fault is an object with a kind"),
    ],
)
def test_senseless_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Sandbox.from_options(options)
