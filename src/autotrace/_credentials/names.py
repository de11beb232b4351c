"""Names of fields: which of them hold a credential."""

from __future__ import annotations

import re
from functools import lru_cache

_SEPARATORS = re.compile(r"[-_. /\[\]]+")

_STRONG = frozenset(
    """
    authorization proxyauthorization authorizationtoken apikey xapikey apikeys password passwd passphrase pwd secret secrets
    cookie cookies setcookie setcookie2 credential credentials clientsecret privatekey secretkey accesskey secretaccesskey
    apiauth authconfig connectionstring jwt bearer xauth authheader dbpass userpass smtppass sshpass
    """.split()
)
_STRONG_ENDS = tuple(
    """
    authorization apikey apikeys password passwd passphrase secret secrets cookie setcookie credential credentials
    secretkey privatekey accesskey accountkey authkey signingkey encryptionkey subscriptionkey masterkey sharedkey
    sshkey hmackey functionskey clientassertion seedphrase
    """.split()
)
_WEAK = frozenset("token tokens auth pat".split())
"""Names that hold other things as well: a piece of text that a model has produced is a token, too."""

_NO_CREDENTIAL = frozenset(
    """
    next nextpage page pagination continuation cursor sync resume partialresult progress cancellation idempotency
    clientrequest request work eos bos pad stop unk sep cls mask start end begin first last special prefix suffix image
    audio video text input output prompt completion cached reasoning think thinking tool top chosen sampled decoded max min
    total per count
    """.split()
)
"""What a name that ends in ``token`` begins with if it holds no credential (``next_page_token``, ``eos_token``)."""

_QUERY = frozenset(
    """
    key sig signature auth code token jwt policy hdnea hdnts awsaccesskeyid googleaccessid xamzcredential xamzsignature
    xgoogcredential xgoogsignature pwd
    """.split()
)
"""Parameters of a URL that hold a credential or a signature, in addition to the names of fields."""

_HEADERS_OF_NO_INTEREST = frozenset(
    """
    accept acceptcharset acceptencoding acceptlanguage cachecontrol connection contentlength contenttype contentencoding
    contenttransferencoding date etag expect host keepalive origin pragma range referer retryafter server traceparent
    tracestate transferencoding upgrade useragent vary via
    """.split()
)
_HEADER_ENDS_OF_NO_INTEREST = ("version", "requestid", "timeout", "retrycount", "beta", "useragent", "contenttype")


@lru_cache(maxsize=4096)
def normalized(name: str) -> str:
    """`name` in lower case and without separators: ``X-Api-Key``, ``x_api_key`` and ``xApiKey`` are one name."""
    return _SEPARATORS.sub("", name[-200:]).lower()


@lru_cache(maxsize=4096)
def is_strong(name: str) -> bool:
    """Whether a field called `name` holds a credential, whatever its value looks like. One of several may have a number."""
    plain = normalized(name).rstrip("0123456789")
    return plain in _STRONG or plain.endswith(_STRONG_ENDS) or (plain.endswith("token") and len(plain) > 5 and _is_token(plain))


@lru_cache(maxsize=4096)
def is_weak(name: str) -> bool:
    """Whether a field called `name` holds a credential if its value looks like one."""
    return normalized(name) in _WEAK


def _is_token(plain: str) -> bool:
    before = plain[:-5]
    return not before.endswith(tuple(_NO_CREDENTIAL))


@lru_cache(maxsize=4096)
def is_of_query(name: str) -> bool:
    """Whether a parameter of a URL called `name` holds a credential or a signature."""
    plain = normalized(name)
    return plain in _QUERY or is_strong(name) or is_weak(name) or plain.startswith(("xamzs", "xamzc", "xgoogs", "xgoogc"))


@lru_cache(maxsize=4096)
def is_headers(name: str) -> bool:
    """Whether a field called `name` holds the headers of a request."""
    plain = normalized(name)
    return plain.endswith("headers") and not plain.endswith("responseheaders")


_OF_SECRETS = ("key", "token", "auth", "secret", "passw", "credential", "cookie", "signature", "jwt")


@lru_cache(maxsize=4096)
def is_of_header(name: str) -> bool:
    """Whether a header or a variable of the environment called `name` may hold a credential: ``X-Gateway-Auth``, ``FOO_KEY``.

    Their values are long and of no interest, so part of a name is enough.
    """
    plain = normalized(name)
    return any(word in plain for word in _OF_SECRETS) and "idempotency" not in plain and not is_harmless_header(name)


@lru_cache(maxsize=4096)
def is_environment(name: str) -> bool:
    """Whether a field called `name` holds variables of an environment."""
    return normalized(name) in ("env", "environ", "environment")


_SERVERS = frozenset("mcpservers mcpserver streamablehttptransport ssetransport transport servers connectors serverurl".split())


@lru_cache(maxsize=4096)
def is_of_server(name: str) -> bool:
    """Whether a field called `name` describes a server that is called with a URL of its own, as one of tools."""
    return normalized(name) in _SERVERS


@lru_cache(maxsize=4096)
def is_harmless_header(name: str) -> bool:
    """Whether the header `name` never holds a credential."""
    plain = normalized(name)
    return plain in _HEADERS_OF_NO_INTEREST or plain.endswith(_HEADER_ENDS_OF_NO_INTEREST)
