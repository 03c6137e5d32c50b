"""The token works once; without a session nothing of the project is told."""

import pytest

from labcut3d.app.access import Access


def test_the_token_works_once():
    access = Access()
    token = access.token
    session = access.exchange(token)
    assert access.allows(session)
    assert access.exchange(token) is None
    assert access.token is None


@pytest.mark.parametrize("wrong", ["", "x", "ü", "a" * 10_000])
def test_a_wrong_token_opens_nothing_and_spends_nothing(wrong):
    access = Access()
    assert access.exchange(wrong) is None
    assert not access.allows(wrong)
    assert access.exchange(access.token)


def test_logging_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(stranger, access):
    answer = stranger.get("/login", params={"token": access.token})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "url=/" in answer.text  # the page leaves the address with the token by itself
    assert stranger.get("/").status_code == 200


def test_a_used_token_is_refused_with_what_to_do(client, access):
    answer = client.get("/login", params={"token": "used before"})
    assert answer.status_code == 403
    assert "labcut3d app" in answer.text
