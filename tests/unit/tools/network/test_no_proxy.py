import pytest

from lifecycle.tools.network.no_proxy import is_direct, parse_no_proxy

# NO_PROXY, host, port, and whether Go and curl reach the host directly. Rows of field reports name them.
ROWS = [
    ("", "example.org", 443, False),
    ("", "localhost", 5000, True),
    ("", "LocalHost.", 5000, True),
    ("", "127.0.0.1", 5000, True),
    ("", "127.8.9.10", 5000, True),
    ("", "::1", 5000, True),
    ("", "[::1]", 5000, True),
    ("", "::ffff:127.0.0.1", 5000, True),
    ("", "localhost.example.org", 443, False),
    ("*", "example.org", 443, True),
    ("a.example, *", "example.org", 443, True),
    # pydantic/httpx2#1165
    ("10.0.0.0/8,127.0.0.0/8", "10.1.2.3", 443, True),
    ("10.0.0.0/8", "11.1.2.3", 443, False),
    ("10.9.9.9/8", "10.1.2.3", 443, True),
    ("10.0.0.0/8", "::ffff:10.1.2.3", 443, True),
    ("10.0.0.0/8", "10.example.org", 443, False),
    ("192.0.2.1", "192.0.2.1", 443, True),
    ("192.0.2.1", "192.0.2.10", 443, False),
    ("192.0.2.1:5000", "192.0.2.1", 5000, True),
    ("192.0.2.1:5000", "192.0.2.1", 443, False),
    # encode/httpx#3221
    ("localhost,[2001:db8::1]", "2001:db8::1", 443, True),
    ("2001:db8::1", "2001:db8::1", 443, True),
    ("2001:db8::1", "2001:0db8:0::0001", 443, True),
    ("[2001:db8::1]:5000", "2001:db8::1", 5000, True),
    ("[2001:db8::1]:5000", "2001:db8::1", 443, False),
    ("fd00::/8", "fd12::7", 443, True),
    ("[fd00::]/8", "fd12::7", 443, True),
    ("fd00::/8", "fe80::7", 443, False),
    ("example.org", "example.org", 443, True),
    ("example.org", "a.b.example.org", 443, True),
    ("example.org", "notexample.org", 443, False),
    ("Example.ORG.", "a.example.org", 443, True),
    ("example.org", "example.org.", 443, True),
    ("example.org:8443", "a.example.org", 8443, True),
    ("example.org:8443", "a.example.org", 443, False),
    (".example.org", "a.example.org", 443, True),
    (".example.org", "example.org", 443, False),
    ("*.example.org", "a.b.example.org", 443, True),
    ("*.example.org", "example.org", 443, False),
    ("*.example.org:8443", "a.example.org", 443, False),
    ("bücher.example", "xn--bcher-kva.example", 443, True),
    ("a.example example.org\tb.example", "example.org", 443, True),
    (" , a.example,, example.org ,", "example.org", 443, True),
    ("registry", "registry", 5000, True),
    ("registry", "registry.example.org", 5000, False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "host", "port", "direct"), ROWS)
def test_a_host_is_reached_directly_as_by_go_and_curl(text: str, host: str, port: int, direct: bool) -> None:
    assert is_direct(host, port, parse_no_proxy(text)[0]) is direct


@pytest.mark.parametrize(
    "word",
    [
        "https://example.org",
        "[::1",
        "a:b:c:d:",
        "example.org:http",
        ":5000",
        ".",
        "*.*.1",
        "10.0.0.0/33",
        "[]",
        "a.example;b.example",
        "<local>",
    ],
)
def test_a_word_that_is_no_entry_is_reported_and_harmless(word: str) -> None:
    entries, ignored = parse_no_proxy(f"a.example,{word}")

    assert ignored == (word,)
    assert is_direct("a.example", 443, entries)
    assert not is_direct("example.org", 443, entries)
