"""An attacker's requests: each is refused, whatever is right about it otherwise."""

import pytest

from labcut3d.app.guard import POLICY, cookie_name


def test_without_a_session_pages_lead_to_the_door_and_data_is_refused(stranger):
    answer = stranger.get("/", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    for path in ("/", "/jobs/events", "/browse", "/reports/calibration", "/nowhere"):
        assert stranger.get(path).status_code == 401


@pytest.mark.parametrize(
    "cookie", ["", "labcut3d-8000=", "labcut3d-8000=guess", "labcut3d", "=;;=", '"']
)
def test_a_guessed_cookie_opens_nothing(stranger, cookie):
    assert stranger.get("/", headers={"cookie": cookie}).status_code == 401


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example:8000",
        "127.0.0.1:8000@evil.example",
        "localhost.evil.example",
        "192.168.0.7:8000",
        "[::1",
        "",
    ],
)
def test_another_name_of_the_host_is_refused_before_all_else(client, host):
    """DNS rebinding: the attacker's name points here, and the browser sends that name."""
    assert client.get("/", headers={"host": host}).status_code == 421
    assert client.get("/login?token=x", headers={"host": host}).status_code == 421
    assert client.get("/static/app.css", headers={"host": host}).status_code == 421
    assert client.get("/jobs/events", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:9000", "[::1]:8000", "127.0.0.1:1234", "LOCALHOST"])
def test_through_a_tunnel_of_another_port_it_works(stranger, access, host):
    """The browser is at the tunnel's own port, and says so in all headers."""
    headers = {"host": host, "origin": f"http://{host}"}
    answer = stranger.get("/login", params={"token": access.token}, headers=headers)
    headers["cookie"] = answer.headers["set-cookie"].split(";")[0]
    assert stranger.get("/", headers=headers).status_code == 200


def test_apps_on_two_ports_do_not_take_each_others_sessions():
    """A browser sends the cookies of one port to all others of the host."""
    names = {cookie_name(f"127.0.0.1:{port}") for port in (8000, 8001)}
    assert len(names) == 2


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://127.0.0.1:9999",
        "https://127.0.0.1:8000",
        "http://localhost:8000",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_pages_of_other_sites_are_refused(client, origin, method):
    assert client.request(method, "/", headers={"origin": origin}).status_code == 403


def test_what_changes_something_must_say_where_it_comes_from(client):
    del client.headers["origin"]
    assert client.get("/").status_code == 200
    assert client.post("/").status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_tells_of_another_site_is_refused(client, site):
    del client.headers["origin"]
    for path in ("/", "/jobs/events"):
        assert client.get(path, headers={"sec-fetch-site": site}).status_code == 403


def test_every_answer_carries_the_policy(client, stranger):
    for path in ("/", "/static/app.css", "/login", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert "unsafe-inline" not in POLICY
    assert "default-src 'none'" in POLICY


def test_nothing_describes_the_interface_to_strangers(client):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/static/", "/static/../app.css", "/static/%2e%2e/server.py", "/static/..%2fserver.py"]
)
def test_static_files_are_those_of_the_package_only(client, path):
    assert client.get(path).status_code in (404, 405)


def test_websockets_are_refused(client):
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass
