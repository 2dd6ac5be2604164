"""What every answer tells the browser to forbid."""

import pytest

from tests import factories

CSP = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


@pytest.mark.parametrize("address", ["/", "/accounts/login/", "/nowhere/", "/readyz"])
def test_every_page_forbids_what_it_does_not_need(admin, sign_in, address):
    """Nothing from elsewhere, nothing inline, in nobody's frame, no address of ours told to other sites."""
    reply = sign_in(admin).get(address)
    rules = set(reply["Content-Security-Policy"].split("; "))
    [form] = rules - CSP
    assert rules - {form} == CSP
    assert form.startswith(
        "form-action 'self' http://127.0.0.1:"
    )  # Google's sign-in, which is simulated here
    assert reply["X-Frame-Options"] == "DENY"
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["Referrer-Policy"] == "same-origin"


def test_no_script_reads_a_cookie_and_no_other_site_sends_one(admin, sign_in):
    factories.make_room("Berlin 3.14")
    cookies = sign_in(admin).get("/lookup/?q=Berlin 3.14").cookies  # writes to the session, and has a form
    assert set(cookies) == {"meetadmin-session", "meetadmin-csrf", "meetadmin-last"}
    for name, cookie in cookies.items():
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax"), name
