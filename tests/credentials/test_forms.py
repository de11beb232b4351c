"""The forms of credentials: each is found wherever it stands in a text, ordinary text stays, and the time is linear."""

from __future__ import annotations

import base64
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrace._credentials import hint
from autotrace._credentials.forms import MARK
from autotrace._credentials.scrubbing import Scrubber

R = "q7Zk2Lw9Xc4Vb1Nm"
"""Sixteen characters of no word."""

PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{R * 4}\n{R * 4}\n{R}==\n-----END RSA PRIVATE KEY-----"
PEM_ENCRYPTED = PEM.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00FF\n\n", 1)
BASIC = base64.b64encode(f"user:{R}".encode()).decode()
SECRETS = {
    "form.sk-": [f"sk-{R}", f"sk-proj-{R}_{R}", f"sk-ant-api03-{R}-{R}AA", f"sk-or-v1-{R}", f"sk-lf-{R[:8]}-{R[:4]}"],
    "form.sk_": [f"gsk_{R * 3}", f"sk_live_{R}", f"rk_test_{R}"],
    "form.AKIA": ["AKIAIOSFODNN7EXAMPLE", "ASIAJEXAMPLEXEG2JICE"],
    "form.ABSK": [f"ABSK{R * 3}"],
    "form.AIza": [f"AIza{R}{R}abc"],
    "form.ya29": [f"ya29.{R}-{R}"],
    "form.xox": [f"xoxb-1234567890-{R}", f"xoxp-{R}"],
    "form.ghp_": [f"ghp_{R * 2}", f"gho_{R * 2}", f"ghs_{R * 2}"],
    "form.github_pat_": [f"github_pat_{R}_{R}"],
    "form.glpat-": [f"glpat-{R}abcd"],
    "form.hf_": [f"hf_{R * 2}"],
    "form.npm_": [f"npm_{R * 2}", f"r8_{R * 2}", f"tgp_v1_{R * 2}", f"lsv2_pt_{R * 2}"],
    "form.pplx-": [f"pplx-{R * 2}", f"nvapi-{R * 2}", f"xai-{R * 2}", f"pypi-{R * 2}"],
    "form.jwt": [f"eyJhbGciOiJIUzI1NiJ9.eyJ{R}.{R}-_{R}"],
    "form.bearer": [f"Bearer {R}", f"BEARER {R}.{R}", "Bearer SECRET-of-a-gateway"],
    "form.basic": [f"Basic {BASIC}"],
    "form.header": [f"Illegal header value b'{R}\\r\\nx'", f"Invalid leading whitespace in header value: '{R}\\n'"],
    "form.webhook": [f"https://hooks.slack.com/services/T1/B2/{R}", f"https://discord.com/api/webhooks/123/{R}"],
    "form.pem": [PEM, PEM.replace("\n", "\\n"), PEM.replace(" RSA", ""), PEM_ENCRYPTED],
    "url.userinfo": [
        f"https://user:{R}@host/path",
        f"postgres://{R}@db:5432/x",
        f"amqp://u:p@ss{R}@h",
        f"/somewhere/https:/u:{R}@h/x.json",
    ],
    "url.query": [
        f"https://h/x?api_key={R}",
        f"https://h/x?a=1&token={R}&b=2",
        f"https://s3/x?X-Amz-Credential={R}&X-Amz-Signature={R}&X-Amz-Date=20261130T000000Z",
        f"https://storage/x?X-Goog-Signature={R}",
        f"https://blob/x?sv=2024-01-01&se=2026&sig={R}%2F{R}%3D",
        f"https://cdn/x?Expires=1&Signature={R}&Key-Pair-Id=K1",
        f"/relative?access_token={R}",
        f"https://maps/x?key={R}",
    ],
    "name": [
        f'{{"api_key": "{R}"}}',
        f"{{'authorization': 'Token {R}'}}",
        f'{{\\"client_secret\\": \\"{R}\\"}}',
        f'{{"password":"{R} with \\" a quote"}}',
        f'{{\\"password\\":\\"a\\\\\\"b{R}\\"}}',
        f"Settings(api_key='{R}')",
        f'client(password="{R}")',
        f"HF_TOKEN={R}",
        f"token={R}",
        f'{{"api_key_2": "{R}"}}',
        f"server --api-key {R} --port 80",
        f"['npx', '--token', '{R}']",
        f"(b'authorization', b'{R}')",
        f"x-api-key: {R}",
        f"X-Amz-Security-Token:{R}",
        f"Authorization: Token {R}",
        f"Set-Cookie: session={R}; Path=/",
        f"OPENAI_API_KEY={R}",
        f"password={R}",
        f"AccountKey={R}{R}==",
        f"aws_secret_access_key = {R}/{R}",
    ],
}
CASES = [(rule, secret) for rule, secrets in SECRETS.items() for secret in secrets]
AROUND = ["{}", "My key is {} and no other.", "({})", "'{}'", "line\n{}\nline", "früh {} spät", 'say "{}".']


def scrubbed(text: str) -> tuple[str, list[str]]:
    scrubber = Scrubber()
    return scrubber.text(text, (None, "x")), scrubber.found.get("x", [])


@pytest.mark.parametrize(("rule", "secret"), CASES)
@pytest.mark.parametrize("around", AROUND)
def test_a_credential_of_each_form_is_removed_and_the_rest_stays(rule: str, secret: str, around: str) -> None:
    text, rules = scrubbed(around.format(secret))
    assert R[:12] not in text
    assert MARK in text
    assert rule in rules
    before, _, after = around.partition("{}")
    assert text.startswith(before)
    assert text.endswith(after) or "Cookie" in secret  # the value of a cookie's header is the rest of its line


def test_what_a_text_says_beside_the_credential_stays() -> None:
    text = f"GET https://user:{R}@host/path?a=1&key={R}&b=2 with Authorization: Bearer {R}, please"
    wanted = f"GET https://{MARK}@host/path?a=1&key={MARK}&b=2 with Authorization: Bearer {MARK}, please"
    assert scrubbed(text)[0] == wanted


def test_a_name_inside_a_value_is_found() -> None:
    text = f'{{\'got\': \'{{"a": {{"authorization_token": "{R}"}}}}\', \'b\': "x"}}'
    assert scrubbed(text)[0] == text.replace(R, MARK)


ORDINARY = [
    "Bearer authentication is explained in RFC 6750.",
    "A basic understanding of tokens: input tokens, output tokens and max_tokens=100.",
    "The password: must have at least eight characters.",
    "Use the Authorization header. Authorization: required. x-api-key: optional",
    'client = OpenAI(api_key=os.environ["OPENAI_API_KEY"])',
    "api_key = settings.api_key\npassword=get_password(user)",
    "api_key: str = None, token: Optional[str]",
    "curl -H 'Authorization: Bearer $TOKEN' -H \"x-api-key: ${KEY}\" https://api.example.com/v1/models?limit=10&page=2",
    '{"api_key": "<your key>", "password": "***", "token": "the", "secret": ""}',
    '{"properties": {"api_key": {"type": "string"}}, "required": ["api_key", "password"]}',
    "sk-learn-based pipelines, task-oriented, risk-averse, gsk_is_a_company, hf_hub_download_of_files",
    "scikit: sk-a, AKIA is a prefix, AIza too, eyJ.x.y, ghp_short",
    "git clone ssh://git@github.com/owner/name.git, mailto:someone@example.com, https://example.com/@user",
    "Order 4111-1111 of 2026-11-30, call +49 30 123456, write to a@b.de",
    "https://example.com/search?q=token&sort=asc#key=value",
    "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT req_011CSHoEeqs5C35K2UUqR7Fy toolu_01A09q90qw90lq917835lq9",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----; -----BEGIN PRIVATE KEY----- is how they start",
    "Next token: Transformer-XL, eos_token=EndOfText12345678 max_token=1234567890123456 token=first",
    "run --api-key OPENAI_API_KEY --token <token> --max-tokens 4096 --password-file /etc/passwd1 --no-secret",
    "Config(api_key='YOUR_API_KEY', token=tokenizer.eos_token_id, tokens=['a', 'b'])",
    "Invalid header values are refused. Illegal characters in a name: 'a b'. C:/a@b and http:/host/@user",
    "key: value, tokens: 5, secret: none, cookie: monster",
    "prompt_tokens=19, completion_tokens=10, token_count=29, max_tokens: 4096",
    "İstanbul: api_key=none; ẞ",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert scrubbed(text) == (text, [])


WORDS = st.sampled_from(
    "the key token tokens of a secret password bearer basic sk api authorization cookie is not - : = ? & / @".split()
)


@given(st.lists(WORDS | st.text(string.ascii_lowercase, max_size=12) | st.integers(0, 9999).map(str)).map(" ".join))
def test_words_and_numbers_stay_as_they_are(text: str) -> None:
    assert scrubbed(text) == (text, [])


TAILS = st.text(string.ascii_letters + string.digits, min_size=24, max_size=40)
PREFIXES = st.sampled_from("sk- sk-ant- gsk_ ghp_ hf_ AIza npm_ xoxb- glpat- pplx- github_pat_ ya29.".split())
PIECES = st.sampled_from(
    ["", " ", "\n", '"', "'", "(", ",", "=", ":", "\\n", "%20", "key ", "ä", "\u2028", "{}", "<", "://", "?x="]
)


@given(PIECES, PREFIXES, TAILS, PIECES)
def test_no_form_survives_in_any_surroundings(before: str, prefix: str, tail: str, after: str) -> None:
    text, _ = scrubbed(f"{before}{prefix}{tail}{after}")
    assert tail not in text


@given(st.lists(PIECES | PREFIXES | TAILS | WORDS | st.sampled_from([s for _, s in CASES]) | st.text(max_size=5)).map("".join))
def test_the_hint_finds_every_text_that_a_rule_changes(text: str) -> None:
    from autotrace._credentials.forms import Text

    changed = Text(text)
    changed.without_forms()
    assert hint.of_text(text) or changed.text == text


@given(st.lists(PIECES | PREFIXES | TAILS | WORDS | st.sampled_from([s for _, s in CASES])).map("".join))
def test_scrubbing_twice_removes_nothing_more(text: str) -> None:
    once, _ = scrubbed(text)
    assert scrubbed(once) == (once, [])


HOSTILE = [
    *("sk-", "eyJ", "eyJ-", "eyJa.", "://", "://a", "://@", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "Bearer ", "Basic a"),
    *('"', "'", "\\", '\\"', '"key":"', "'key':\"", '"a" :', "api_key=", "api_key", "cookie:", "authorization: ", "x-api-key"),
    *(
        "?a=",
        "&key=",
        "?",
        "=",
        ":",
        "@",
        " ",
        "\n",
        "a",
        "A",
        "0",
        "AKIA",
        "AKIA0a",
        "xox",
        "xoxb-",
        "_",
        "-",
        ".",
        "%2",
        "ghp_",
    ),
    *('"password": "\\', "secret=secret=", "token=\t", "[redacted]", "ſ", "İkey="),
]


OPENINGS = ['{"password": "', "{'password': '", '{\\"token\\":\\"', "-----BEGIN PRIVATE KEY-----\n", "--api-key ", "token="]
ENDLESS = ["\\a", "\\\\", '\\\\"', "\\'", "Abc: x ", "Abc: x\n", "Abc: x\\n", "a ", "\n", "--token ", "token"]


@pytest.mark.parametrize("opening", OPENINGS)
@pytest.mark.parametrize("piece", ENDLESS)
def test_what_opens_and_never_ends_takes_linear_time(opening: str, piece: str) -> None:
    for count in (26, 100_000 // len(piece)):  # exponential time shows itself in the first one
        began = time.process_time()
        scrubbed(opening + piece * count)
        assert time.process_time() - began < 0.5 + count / 5_000


@pytest.mark.parametrize("quote", ['"', "'", '\\"'])
@pytest.mark.parametrize("tail", ["", "…[900 characters cut]", "\\"])
def test_a_value_without_a_closing_quote_ends_with_the_text(quote: str, tail: str) -> None:
    text, _ = scrubbed(f"{{{quote}password{quote}: {quote}two words {R}{tail}")
    assert text == f"{{{quote}password{quote}: {quote}{MARK}"


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_text_takes_linear_time(piece: str) -> None:
    text = (piece * (200_000 // len(piece) + 1))[:200_000]
    began = time.process_time()
    scrubbed(text)
    scrubbed(text + f"sk-{R}")
    # Quadratic time would be minutes: this is far from what any machine needs for linear time.
    assert time.process_time() - began < 20
