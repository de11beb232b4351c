"""Forms: what a credential looks like wherever it stands in a text. Functions from a text to the text without credentials.

Each takes time linear in the text: a form begins where no character stands before it that it could contain itself, so two
candidates never share the characters that they are read over; all other repetitions are bounded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from autotrace._credentials import names

MARK = "[redacted]"
"""What stands in place of a credential."""

_LONG_RUN = re.compile(r"[A-Za-z0-9]{20}")


def is_random(text: str) -> bool:
    """Whether `text` looks generated: it has a digit or a capital inside, or a long run of letters and digits."""
    return any(c.isdigit() or c.isupper() for c in text[1:]) or _LONG_RUN.search(text) is not None


class Form(NamedTuple):
    """One form: a text has it only if it contains one of `hints`, and then where `pattern` matches and `check` is true.

    The first group of the match, or else all of it, is the credential.
    """

    rule: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    check: Callable[[str], bool] = is_random


_BEGINNING = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"


def _prefixed(rule: str, prefix: str, rest: str, *hints: str, check: Callable[[str], bool] = is_random) -> Form:
    return Form(rule, hints, re.compile(rf"{_BEGINNING}(?:{prefix}){rest}"), check)


def _any(_text: str) -> bool:
    return True


def _is_basic(token: str) -> bool:
    """Whether `token` is the Base64 of ``user:password``."""
    try:
        return b":" in base64.b64decode(token + "=" * (-len(token) % 4), validate=True)
    except ValueError:
        return False


_RUN = r"[A-Za-z0-9_-]"
FORMS = (
    _prefixed("sk-", "sk-", _RUN + "{8,}", "sk-", check=lambda token: is_random(token[3:])),
    _prefixed("sk_", "(?:gsk|sk|rk)_", r"[A-Za-z0-9_]{16,}", "k_", check=lambda token: is_random(token[3:])),
    _prefixed("AKIA", "AKIA|ASIA|ABIA|ACCA", r"[A-Z0-9]{12,}(?![a-z])", "AKIA", "ASIA", "ABIA", "ACCA", check=_any),
    _prefixed("ABSK", "ABSK", r"[A-Za-z0-9+/]{40,}={0,2}", "ABSK", check=_any),
    _prefixed("AIza", "AIza", _RUN + "{20,}", "AIza", check=_any),
    _prefixed("ya29", r"ya29\.", _RUN + "{16,}", "ya29.", check=_any),
    _prefixed("xox", r"xox[a-z](?:\.xox[a-z])?-", r"[A-Za-z0-9-]{8,}", "xox", check=_any),
    _prefixed("ghp_", "gh[pousr]_", "[A-Za-z0-9]{16,}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", check=_any),
    _prefixed("github_pat_", "github_pat_", "[A-Za-z0-9_]{16,}", "github_pat_", check=_any),
    _prefixed("glpat-", "gl[a-z]{2,4}-", _RUN + "{16,}", "glpat-", "gldt-", "glrt-", check=_any),
    _prefixed("hf_", "hf_", "[A-Za-z0-9]{16,}", "hf_", check=lambda token: is_random(token[3:])),
    _prefixed("npm_", "npm_|r8_|tgp_v1_|dop_v1_|lsv2_[a-z]{2}_", _RUN + "{16,}", "npm_", "r8_", "tgp_", "dop_", "lsv2_"),
    _prefixed("pplx-", "pplx-|nvapi-|xai-|pypi-", _RUN + "{16,}", "pplx-", "nvapi-", "xai-", "pypi-"),
    _prefixed("jwt", "eyJ", _RUN + r"{5,}\." + _RUN + r"{5,}(?:\." + _RUN + "*){1,3}", "eyJ", check=_any),
    Form(
        "pem",
        ("-----BEGIN",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"((?:\s|\\+[rn])*(?:[A-Za-z-]{3,20}: [^\r\n\\]{1,200}(?:[\r\n]|\\+[rn])(?:\s|\\+[rn])*){0,8}"
            r"[A-Za-z0-9+/=]{16}[A-Za-z0-9+/=\s\\]*)"
        ),
        _any,
    ),
    Form(
        "webhook",
        ("://hooks.slack.com/", "://discord.com/api/", "://discordapp.com/api/"),
        re.compile(r"://(?:hooks\.slack\.com/[a-z]{5,20}|discord(?:app)?\.com/api/webhooks)/([\w/-]{16,})"),
    ),
    Form(  # how HTTP libraries refuse one, which quotes it as it is
        "header",
        ("Illegal ", "Invalid "),
        re.compile(r"\bI(?:llegal|nvalid) [^\r\n]{0,120}?header value:? b?[\"']([^\r\n]+)[\"']"),
        _any,
    ),
    Form("bearer", ("earer", "EARER"), re.compile(r"\bB(?:earer|EARER)[ \t]+([A-Za-z0-9._~+/=:-]{8,})")),
    Form("basic", ("asic", "ASIC"), re.compile(r"\bB(?:asic|ASIC)[ \t]+([A-Za-z0-9+/]{6,}={0,2})"), _is_basic),
)

_USERINFO = re.compile(r":(?:\\{0,4}/){2}([^\s/?#\"'<>\\]*)@|[a-z]:/([^\s/?#\"'<>\\:@]*:[^\s/?#\"'<>\\]*)@")
"""With one slash: a URL that was taken for a path."""

_PARAMETER = re.compile(r"[?&;]([A-Za-z][\w.\-\[\]%]{0,79})=([^&;\s\"'<>#\\)\]}]+)")
_QUOTED = re.compile(r"(\\{0,8}[\"'])([\w.\- ]{2,80})\1\s{0,9}([:=,])\s{0,9}[bru]?(\\{0,8}[\"'])")
"""A quoted name, and the quote that opens its value, as in JSON, in a Python mapping or in a list of pairs. Not the value: that
may be JSON itself, with further names."""

_LINE = re.compile(
    r"(?<![a-z0-9-])(authorization|x-api-key|api-key|x-goog-api-key|x-amz-security-token)"
    r"\"?'?[ \t]{0,9}[:=][ \t]{0,9}b?\"?'?((?:bearer|basic|token|apikey)[ \t]{1,9})?([^\s\"'\\,;)\]}]{4,})"
    r"|(?<![a-z0-9-])((?:set-)?cookie)\"?'?[ \t]{0,9}:[ \t]{0,9}b?\"?'?()([^\r\n\"'\\]{4,})"
)
"""A header and its value. For texts in lower case, as `_ASSIGNED` is."""

_ASSIGNED = re.compile(
    r"(?<![a-z0-9])(api[_-]?key|(?:secret[_-]|private[_-]|account[_-])?access[_-]key|secret[_-]?key|private[_-]?key|accountkey"
    r"|password|passwd|secret|(?:access|refresh|auth|id|session|bearer|security)[_-]token|token|signature)"
    r"[ \t]{0,9}[:=][ \t]{0,9}()(?:b?[\"'])?([a-z0-9_.+/=~%$!^*-]{8,})(?![\w(\[])"
)
_OPTION = re.compile(
    r"(?<![\w-])--([a-z][a-z0-9_-]{1,60})(?:[ \t]{1,9}|\\{0,8}[\"'],\s{0,9}\\{0,8})[\"']?()"
    r"([^\s\"'\\,;)\]}-][^\s\"'\\,;)\]}]{7,})"
)
"""An option of a command and its value, on a command line or in a list of arguments."""

_IDENTIFIER = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]+)*\Z")
_PLACEHOLDER = re.compile(
    r"\s*\Z|\[redacted\]?\Z|[*•x.…]+\Z|\$\{?\w+\}?\Z|<[^<>]*>\Z|\{\{?[^{}]*\}?\}\Z|%\w+%\Z"
    r"|(?:none|null|true|false|undefined|required|optional|str|string)\Z",
    re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    """Whether `value` stands for a credential and is none: empty, masked, a variable, ``None``."""
    return len(value) < 200 and _PLACEHOLDER.match(value) is not None


def is_likely(value: str) -> bool:
    """Whether `value`, in a field whose name does not tell, looks like a credential."""
    return len(value) >= 8 and not any(c.isspace() for c in value) and (is_random(value) or "-" in value or "_" in value)


_NAME_BEFORE = re.compile(r"[a-z0-9_.-]{0,60}\Z")


def _whole_token(lower: str, end: int) -> str:
    """The whole name that ends with ``token`` at `end`."""
    found = _NAME_BEFORE.search(lower, max(end - 60, 0), end)
    return lower[end - 5 : end] if found is None else found[0]


def _is_certain(name: str) -> bool:
    return names.is_strong(name) or name in ("signature", "x-amz-security-token")


def _is_assigned(name: str, scheme: str, value: str) -> bool:
    """Whether `value`, which a text assigns to `name`, is a credential and not a word or a piece of code."""
    if is_placeholder(value) or MARK in value:
        return False
    if "cookie" in name:
        return "=" in value
    if name.endswith("token") and not _is_certain(name):
        return names.is_weak(name) and len(value) >= 16 and any(map(str.isdigit, value)) and not _IDENTIFIER.match(value)
    if not _is_certain(name) and not names.is_weak(name):
        return False
    if is_random(value):
        return not _IDENTIFIER.match(value) or "_" not in value or not value.isupper()
    return (bool(scheme) or "-" in name or name == "authorization") and len(value) >= 12 and not value.isalpha()


class Text:
    """A text that is being scrubbed, and the rules that removed something from it."""

    __slots__ = ("rules", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.rules: list[str] = []

    def _note(self, rule: str) -> None:
        if rule not in self.rules:
            self.rules.append(rule)

    def _replace(self, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str | None], rule: str) -> None:
        def replaced(match: re.Match[str]) -> str:
            made = replace(match)
            if made is None:
                return match[0]
            self._note(rule)
            return made

        self.text = pattern.sub(replaced, self.text)

    def without(self, values: tuple[str, ...]) -> None:
        """Remove the `values`, each wherever it stands."""
        for value in values:
            if value in self.text:
                self.text = self.text.replace(value, MARK)
                self._note("value")

    def without_forms(self) -> None:
        """Remove credentials that their form or the text around them shows."""
        if ":/" in self.text or ":\\" in self.text:
            self._replace(_USERINFO, _without_userinfo, "url.userinfo")
        if "=" in self.text:
            self._replace(_PARAMETER, _without_parameter, "url.query")
        for form in FORMS:
            if any(hint in self.text for hint in form.hints):
                self._replace(form.pattern, lambda match, form=form: _cut(match, form.check), f"form.{form.rule}")  # type: ignore[misc]
        if '"' in self.text or "'" in self.text:
            self._without_quoted()
        if ":" in self.text or "=" in self.text or "--" in self.text:
            self._without_assigned()

    def _without_quoted(self) -> None:
        text, pieces, end = self.text, [], 0
        for match in _QUOTED.finditer(text):
            if match.start() >= end and (names.is_strong(match[2]) or names.is_weak(match[2])):
                stop = _end_of_quoted(text, match.end(), match[4])
                if _is_quoted(match[2], match[3], text[match.end() : stop]):
                    pieces += [text[end : match.end()], MARK]
                    end = stop
        if end:
            self._note("name")
            self.text = "".join(pieces) + text[end:]

    def _without_assigned(self) -> None:
        lower = _in_lower_case(self.text)
        for pattern, hints in ((_LINE, _OF_LINES), (_ASSIGNED, _OF_ASSIGNED), (_OPTION, _OF_OPTIONS)):
            pieces, end = [], 0
            if not any(hint in lower for hint in hints):
                continue
            for match in pattern.finditer(lower):
                name, scheme, value = range(1, 4) if match[1] is not None else range(4, 7)
                start, stop = match.span(value)
                named = _whole_token(lower, match.end(name)) if match[name] == "token" else match[name]
                if _is_assigned(named, match[scheme] or "", self.text[start:stop]):
                    pieces += [self.text[end:start], MARK]
                    end = stop
            if end:
                self._note("name")
                self.text = "".join(pieces) + self.text[end:]
                lower = _in_lower_case(self.text)

    def without_matches(
        self,
        rule: str,
        pattern: re.Pattern[str],
        check: Callable[[str], bool] | None,
        near: re.Pattern[str] | None = None,
    ) -> None:
        """Remove what `pattern` matches, where `check` is true and `near` finds something. Empty matches do not count."""
        text, pieces, end = self.text, [], 0
        places = [(0, len(text))] if near is None else [found.span() for found in near.finditer(text)]
        for start, stop in places:
            for match in pattern.finditer(text, start, min(stop + 1, len(text))):  # one more, for what may not follow
                if match[0] and match.start() >= end and (check is None or check(match[0])):
                    pieces += [text[end : match.start()], MARK]
                    end = match.end()
        if pieces:
            self._note(rule)
            self.text = "".join(pieces) + text[end:]


def _cut(match: re.Match[str], check: Callable[[str], bool]) -> str | None:
    at = 1 if match.re.groups else 0
    if not check(match[at]):
        return None
    whole, start = match[0], match.start()
    return whole[: match.start(at) - start] + MARK + whole[match.end(at) - start :]


def _without_userinfo(match: re.Match[str]) -> str | None:
    at = 2 if match[1] is None else 1
    if match[at] in ("", "git", MARK):
        return None
    return match[0][: match.start(at) - match.start()] + MARK + "@"


def _without_parameter(match: re.Match[str]) -> str | None:
    name, value = unquote(match[1]), match[2]
    short = len(value) < 8 and not names.is_strong(name)
    if short or value == MARK or not names.is_of_query(name) or is_placeholder(value):
        return None
    return f"{match[0][: match.start(2) - match.start()]}{MARK}"


def _end_of_quoted(text: str, start: int, quote: str) -> int:
    """Where the value ends that `quote` opens before `start`. A text that was cut has no closing quote: it ends there.

    In JSON inside of JSON, a quote has backslashes. One with more of them belongs to the value if they escape it.
    """
    mark, escapes = quote[-1], len(quote) - 1
    at = start
    while (at := text.find(mark, at)) >= 0:
        before = at
        while before > start and text[before - 1] == "\\":
            before -= 1
        more = at - before - escapes
        if more < 0:
            return before  # the text around the value ends
        if more // (escapes + 1) % 2 == 0:
            return at - escapes
        at += 1
    return len(text)


def _is_quoted(name: str, sign: str, value: str) -> bool:
    """Whether the quoted `value` belongs to a quoted `name` of a credential."""
    found = names.is_strong(name) or (names.is_weak(name) and is_likely(value))
    if sign == ",":  # a list of names is not a list of pairs
        found = found and is_likely(value) and is_random(value)
    return found and not is_placeholder(value) and MARK not in value


_OF_LINES = ("authorization", "api-key", "security-token", "cookie")
_OF_OPTIONS = ("--",)
_OF_ASSIGNED = ("api_key", "apikey", "api-key", "access", "secret", "private", "account", "passw", "token", "signature")
_ASCII = {ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _in_lower_case(text: str) -> str:
    """`text` in lower case, with every character at its place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.translate(_ASCII)


def strict_url(url: str) -> tuple[str, list[str]]:
    """A server's URL without the values of its query, its fragment, and parts of its path that look generated; and these."""
    before, mark, query = url.partition("?")
    parts = before.partition("#")[0].split("/")
    generated = [part for part in parts[3:] if len(part) >= 16 and any(map(str.isdigit, part)) and is_random(part)]
    parts[3:] = [MARK if part in generated else part for part in parts[3:]]
    given = [one.partition("=") for one in query.partition("#")[0].split("&")]
    kept = "&".join(f"{name}={MARK}" if equals else name for name, equals, _ in given)
    return "/".join(parts) + mark + kept, [*generated, *(value for _, _, value in given)]
