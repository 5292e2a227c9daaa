"""Log lines: all to stderr, never a key."""

from __future__ import annotations

import logging

from server.logs import set_up

KEY = "4f1c9e0a7d2b8c3f6e5a"


def test_a_record_is_one_line_with_its_time_level_and_name(capsys):
    set_up("INFO", [])
    logging.getLogger("leadbridge").info("ready for %s", "work")
    said = capsys.readouterr().err
    assert said.endswith(" INFO leadbridge: ready for work\n")
    assert said.count("\n") == 1


def test_what_is_below_the_level_is_not_said(capsys):
    set_up("WARNING", [])
    logging.getLogger("leadbridge").info("quiet")
    assert capsys.readouterr().err == ""


def test_a_key_is_struck_out_of_message_arguments_and_names(capsys):
    set_up("DEBUG", [KEY])
    logging.getLogger(f"x.{KEY}").debug("%s and %r in {%s}", KEY, {"X-API-KEY": KEY}, f"Bearer {KEY}")
    said = capsys.readouterr().err
    assert KEY not in said
    assert said.count("***") == 4


def refuse() -> None:
    try:
        int(KEY)
    except ValueError as error:
        raise RuntimeError(f"sent {KEY}") from error


def test_a_key_is_struck_out_of_tracebacks_causes_and_stacks(capsys):
    set_up("ERROR", [KEY])
    try:
        refuse()
    except RuntimeError:
        logging.getLogger("leadbridge").exception("failed with %s", KEY, stack_info=True)
    said = capsys.readouterr().err
    assert KEY not in said
    assert "ValueError: invalid literal for int() with base 10: '***'" in said
    assert "RuntimeError: sent ***" in said


def test_every_secret_is_struck_out_whole_though_one_begins_like_another(capsys):
    set_up("ERROR", ["4f1c9e0a", KEY, "another"])
    logging.getLogger("leadbridge").error("%s another", KEY)
    assert capsys.readouterr().err.endswith(": *** ***\n")


def test_an_empty_secret_strikes_out_nothing(capsys):
    set_up("ERROR", ["", KEY])
    logging.getLogger("leadbridge").error("plain")
    assert capsys.readouterr().err.endswith(": plain\n")


def test_setting_up_again_replaces_what_was_set_up_before(capsys):
    set_up("ERROR", [KEY])
    set_up("ERROR", ["other"])
    logging.getLogger("leadbridge").error("once")
    assert capsys.readouterr().err.count("once") == 1
