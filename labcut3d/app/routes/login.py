"""The door: the one-time token of the address becomes a cookie."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from labcut3d.app.guard import cookie_name
from labcut3d.app.pages import show_page

__all__ = ["router"]

router = APIRouter()


@router.get("/login")
def login(request: Request, token: str = "") -> Response:
    """Exchange the token for a cookie, and leave its address by a page that goes on by itself.

    A redirect would still count as coming from where the address was clicked, and a strict cookie
    would not be sent with it.
    """
    session = request.app.state.access.exchange(token)
    if session is None:
        return show_page(request, "refused.html", project=None, here="", status_code=403)
    answer = show_page(request, "welcome.html", project=None, here="")
    name = cookie_name(request.headers["host"])
    answer.set_cookie(name, session, httponly=True, samesite="strict", path="/")
    return answer
