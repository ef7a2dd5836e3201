from __future__ import annotations

import re
import socket
import subprocess
import sys

import httpx
import pytest
from nicegui import __version__

from dashboard.limits import LONGEST_ADDRESS, LONGEST_BODY
from tests.store.messages import window

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def get(served):
    """Ask the dashboard."""
    address, writer = served
    writer.write([window(model="churn"), window(model=HOSTILE)])
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client.get


def test_pages_are_there(get):
    """With the policy that nothing is loaded from elsewhere; what is not there says so."""
    page = get("/")
    assert page.status_code == 200
    assert "churn" in page.text
    assert "store.db" in page.text
    assert "sqlite" not in page.text  # where it lies is nobody's business
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert get("/model", params={"name": "churn"}).status_code == 200
    missing = get("/model", params={"name": "nope"})
    assert (missing.status_code, "there is no model" in missing.text) == (404, True)
    assert get("/nowhere").status_code == 404


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/episode?id=abc", "there is no episode &#39;abc&#39; in the store"),
        ("/episode", "there is no episode &#39;&#39; in the store"),
        ("/episode?id=../../etc/passwd", "there is no episode &#39;../../etc/passwd&#39; in the store"),
        ("/signal?model=churn&version=3&signal=nope", "that tells of a signal &#39;nope&#39;"),
        ("/signal", "that tells of a signal &#39;&#39;"),
    ],
)
def test_what_is_not_there_is_said(get, address, said):
    """With a sentence, and status 404."""
    page = get(address)
    assert page.status_code == 404
    assert said in re.sub(r"&amp;", "&", page.text)


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/?search={}",
        "/model?name={}",
        "/{}",
        "/episodes?search={}",
        "/episode?id={}",
        "/signal?model={0}&signal={0}",
        "/dead-letters?source={}",
    ],
)
def test_hostile_names_stay_text(get, address):
    """Names from records and from addresses, wherever they are shown."""
    text = get(address.format(str(httpx.QueryParams({"": HOSTILE}))[1:])).text
    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_who_asks_is_shown(get):
    """As a reverse proxy says; it is text, too."""
    page = get("/", headers={"X-Forwarded-User": "ada<b>"})
    assert "ada&amp;lt;b" in page.text or "ada&lt;b" in page.text
    assert "ada<b>" not in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        f"/_nicegui/{__version__}/static/../../../etc/passwd",
        f"/_nicegui/{__version__}/static/%2e%2e/%2e%2e/%2e%2e/app.py",
        f"/_nicegui/{__version__}/esm/nicegui-plotly/..%2f..%2fplotly.py",
    ],
)
def test_files_are_not_given_out(served, path):
    """No path leads out of what pages need."""
    host, _, port = served[0].removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as raw:  # httpx would tidy the path up
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split()[1] in (b"403", b"404")
    assert b"root:" not in answer
    assert b"import" not in answer.partition(b"\r\n\r\n")[2] or b"importmap" in answer


def test_what_is_too_large_is_refused(served, get):
    """Addresses and bodies; a body of a length that is not said, once it is too long."""
    assert get("/", params={"search": "x" * LONGEST_ADDRESS}).status_code == 414
    assert httpx.post(served[0], content=b"x" * (LONGEST_BODY + 1)).status_code == 413
    assert httpx.post(
        f"{served[0]}/_nicegui_ws/socket.io/?EIO=4&transport=polling", content=iter([b"x" * 70000])
    ).is_error


def test_other_sites_are_refused(served, get):
    """A page of another site cannot act with the rights of who looks at it."""
    assert get("/", headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert get("/", headers={"Origin": served[0]}).status_code == 200
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==", "Origin": "https://elsewhere.example"}  # fmt: skip
    assert get("/_nicegui_ws/socket.io/?EIO=4&transport=websocket", headers=upgrade).status_code == 403


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "there is nothing to show; give a CONFIG with a `store`, or --store, or --events and --summaries"),
        (["--store", "mysql://x"], "--store: is not the address of a database; give 'sqlite:///FILE'"),
        (["--store", "sqlite:///s.db", "--events", "e"], "is in a store or in files; keep one"),
        (["--events", "nowhere/e.jsonl"], "nowhere/e.jsonl: there is no folder 'nowhere'"),
        (["topics.yaml"], "add 'store: sqlite:///tidemark.db' and run 'tidemark listen topics.yaml'"),
        (["--events", "e.jsonl", "--port", "{taken}"], "port is taken; say another with --port"),
    ],
)
def test_what_cannot_be_shown_is_told(tmp_path, monkeypatch, capsys, options, said):
    """With what to do instead, and status 2."""
    from tidemark.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDEMARK_STORE", raising=False)
    (tmp_path / "topics.yaml").write_text(
        "kafka: {bootstrap: 'localhost:1'}\nsources: {predictions: {topic: p}}\nsinks: {events: {topic: e}}\n"
        "models: {churn: {features: {age: numeric}}}\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = [option.format(taken=taken.getsockname()[1]) for option in options]
        assert main(["dashboard", *given]) == 2
    assert said in capsys.readouterr().err


def test_without_its_extra_it_says_what_to_install():
    """The base install has no NiceGUI in it."""
    code = (
        "import sys; sys.modules['nicegui'] = None\n"
        "from tidemark.cli import main\n"
        "sys.exit(main(['dashboard', '--events', 'e']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, "tidemark[dashboard]" in done.stderr) == (1, True), done.stderr
