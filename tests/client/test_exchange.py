from __future__ import annotations

from datetime import timedelta

import pytest

from trustspace.client.exchange import (
    RETRY_PAUSE,
    Request,
    Response,
    Wait,
    because,
    call,
    wait_query,
)
from trustspace.errors import ConnectError, DeadlineError, LocalProtocolError, NotFoundError


def test_call_returns_a_successful_answer(play):
    response = play(call(Request("GET", "participants")), Response(200, [1]))
    assert response.document == [1]


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "x"),
        Request("PUT", "x", body={}),
        Request("DELETE", "x"),
        Request("POST", "x", body={}, key="k"),
    ],
)
def test_a_repeatable_request_without_an_answer_is_sent_once_more(script, play, request_):
    response = play(call(request_), ConnectError("reset"), Response(200, "there"))
    assert response.document == "there"
    assert script.asked == [request_, request_]
    assert script.waits == [Wait(RETRY_PAUSE)]


def test_the_second_silence_is_the_callers(play):
    with pytest.raises(ConnectError, match="again"):
        play(call(Request("GET", "x")), ConnectError("reset"), ConnectError("again"))


def test_a_creating_request_without_a_key_is_never_repeated(script, play):
    with pytest.raises(ConnectError):
        play(call(Request("POST", "x")), ConnectError("reset"))
    assert len(script.asked) == 1


def test_a_late_answer_is_not_asked_for_again(script, play):
    with pytest.raises(DeadlineError):
        play(call(Request("GET", "x")), DeadlineError("late"))
    assert len(script.asked) == 1


def test_an_error_answer_is_raised(play, problem):
    with pytest.raises(NotFoundError, match="not_found!"):
        play(call(Request("GET", "x")), problem(404, "not_found"))


def test_a_driver_that_answers_nothing_is_at_fault(play):
    with pytest.raises(LocalProtocolError, match="GET x"):
        play(call(Request("GET", "x")), None)


def test_waiting_and_reasons_have_one_form():
    assert wait_query(timedelta(seconds=1.5)) == {"wait": "1.500"}
    assert because(None) == {}
    assert because("enough") == {"reason": "enough"}
