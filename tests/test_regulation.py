"""docs/regulation.md tells the truth about the clauses."""

from regulation import DOCUMENT, endpoints_by_clause, marked_tests, renewed, rows


def test_the_document_names_the_endpoints_and_tests_that_there_are() -> None:
    assert DOCUMENT.read_text("utf-8") == renewed(), "run `make regulation`"


def test_every_clause_that_an_endpoint_or_a_test_names_is_a_row() -> None:
    known = {row[0] for row in rows()}
    assert len(known) == len(list(rows()))
    assert set(marked_tests()) <= known
    assert set(endpoints_by_clause()) <= known


def test_what_is_said_to_be_served_has_a_test() -> None:
    for clause, status, words, _, tests in rows():
        assert bool(tests) == (status != "not yet"), clause
        assert words, clause
