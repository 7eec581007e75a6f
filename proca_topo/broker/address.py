"""Where the broker is, and how to log in."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from proca_topo.errors import UsageError
from proca_topo.topology.names import is_utf8

DEFAULT_BROKER: Final = "http://127.0.0.1:15672"
_DEFAULT_USERNAME: Final = "guest"
_DEFAULT_PASSWORD: Final = "guest"  # noqa: S105 - RabbitMQ's own default, for localhost only
_AMQP_PORTS: Final = {"amqp": 5672, "amqps": 5671}
_AMQP: Final = (("amqp", "amqps"), "AMQP port")
_SET_BOTH: Final = "set PROCA_TOPO_USERNAME and PROCA_TOPO_PASSWORD"
_BROKER_URL: Final = "the broker's URL (--broker or PROCA_TOPO_BROKER)"
_AMQP_URL: Final = "the AMQP URL (--amqp or PROCA_TOPO_AMQP)"
_HOST_AND_PORT: Final = re.compile(r"([^@/]*@)?(localhost|[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:]+\]):\d{2,5}(/.*)?")


@dataclass(frozen=True, kw_only=True)
class BrokerAddress:
    """A management API and the AMQP port that belongs to it, or a definitions file (`file`, and no URLs).

    `management_url` has no credentials, no trailing slash and no `/api`. `amqp_url` has credentials, no path.
    """

    management_url: str | None
    file: Path | None
    username: str
    password: str = field(repr=False)
    amqp_url: str | None = field(repr=False)
    login_remedy: str = _SET_BOTH
    """What to do if the management API does not accept the login, which depends on where it was given."""
    amqp_login_remedy: str = _SET_BOTH
    cluster_name: str | None = None
    """What the management API has told of its cluster. AMQP has to lead to the same one."""

    @property
    def location(self) -> str:
        """The management URL or the file's path. Safe to print."""
        return self.management_url or str(self.file)

    @property
    def amqp_location(self) -> str:
        """The AMQP URL without credentials. Safe to print."""
        if self.amqp_url is None:
            return self.location
        parts = urlsplit(self.amqp_url)
        return f"{parts.scheme}://{_netloc(parts)}"

    @property
    def amqp_username(self) -> str:
        """Who logs in over AMQP, which the AMQP URL may say otherwise."""
        return unquote(urlsplit(self.amqp_url or "").username or "") or self.username

    @property
    def with_api_user(self) -> "BrokerAddress":
        """The same, with the user of the management API over AMQP too."""
        if self.amqp_url is None:
            return self
        return replace(self, amqp_url=_with_login(urlsplit(self.amqp_location), self.username, self.password))


def address(
    broker: str | None, *, amqp: str | None = None, username: str | None = None, password: str | None = None
) -> BrokerAddress:
    """The address in `broker`: an http or https URL of the management API, or the path of a definitions file.

    Credentials inside a URL win over `username` and `password`; without any it is guest/guest, RabbitMQ's own
    default. AMQP is by default on the same host, port 5672, or 5671 if the management API is https. A path in
    the AMQP URL (some put the vhost there) is not used.

    Raises UsageError if a URL is not one, or is of another kind, and for bytes that are no text.
    """
    text = broker or DEFAULT_BROKER
    is_file = "://" not in text
    for what, given in (
        (_BROKER_URL, None if is_file else text),  # a file may have any name
        (_AMQP_URL, amqp),
        ("PROCA_TOPO_USERNAME", username),
        ("PROCA_TOPO_PASSWORD", password),
    ):
        # Some of these are secret, and none is shown.
        if given is not None and not is_utf8(given):
            raise UsageError(f"{what} is not UTF-8")
    if is_file:
        return _file_address(text, amqp, username, password)
    url = _parsed(text, ("http", "https"), "management API")
    user, secret = _login(url, username, password)
    remedy = _login_remedy(url, _BROKER_URL) or _SET_BOTH
    amqp_url = _parsed(amqp or _default_amqp(url), *_AMQP)
    return BrokerAddress(
        management_url=f"{url.scheme}://{_netloc(url)}{_base_path(url)}",
        file=None,
        username=user,
        password=secret,
        amqp_url=_with_login(amqp_url, user, secret),
        login_remedy=remedy,
        amqp_login_remedy=_login_remedy(amqp_url, _AMQP_URL) or remedy,
    )


def _file_address(text: str, amqp: str | None, username: str | None, password: str | None) -> BrokerAddress:
    if _HOST_AND_PORT.fullmatch(text) and not Path(text).exists():
        raise UsageError(
            f"the broker {masked(text)!r} is neither a URL nor a file: for a management API write http://…"
        )
    user = username or _DEFAULT_USERNAME
    secret = password or _DEFAULT_PASSWORD
    amqp_url = _parsed(amqp, *_AMQP) if amqp else None
    return BrokerAddress(
        management_url=None,
        file=Path(text),
        username=user,
        password=secret,
        amqp_url=_with_login(amqp_url, user, secret) if amqp_url else None,
        amqp_login_remedy=(_login_remedy(amqp_url, _AMQP_URL) if amqp_url else None) or _SET_BOTH,
    )


def _default_amqp(url: SplitResult) -> str:
    return f"{'amqps' if url.scheme == 'https' else 'amqp'}://{_host(url)}"


def _with_login(url: SplitResult, username: str, password: str) -> str:
    user, secret = _login(url, username, password)
    port = url.port or _AMQP_PORTS[url.scheme]
    return f"{url.scheme}://{quote(user, safe='')}:{quote(secret, safe='')}@{_host(url)}:{port}"


def _login(url: SplitResult, username: str | None, password: str | None) -> tuple[str, str]:
    if url.username is None:
        user, secret = username or _DEFAULT_USERNAME, password
    else:
        user, secret = unquote(url.username), password if url.password is None else unquote(url.password)
    if secret is None and user != _DEFAULT_USERNAME:
        raise UsageError(f"there is no password for the user {user!r}: set PROCA_TOPO_PASSWORD")
    return user, _DEFAULT_PASSWORD if secret is None else secret


def _login_remedy(url: SplitResult, where: str) -> str | None:
    """What to do about a login that is not accepted, if this URL has any of it."""
    if url.username is None:
        return None
    if url.password is None:
        return f"set PROCA_TOPO_PASSWORD, or mend the user in {where}"
    return f"mend them in {where}"


def _parsed(text: str, schemes: tuple[str, ...], purpose: str) -> SplitResult:
    try:
        url = urlsplit(text)
        valid = bool(url.hostname)
    except ValueError:
        # Its text can quote the password, for instance one with an unescaped slash.
        raise UsageError(f"not a valid URL for the {purpose}: {masked(text)}{_ESCAPE_HINT}") from None
    if url.scheme not in schemes:
        hint = "give it as the AMQP URL" if url.scheme in _AMQP_PORTS else f"write {' or '.join(schemes)}"
        raise UsageError(f"{masked(text)} is not a URL for the {purpose}: {hint}")
    if not valid or any(char.isspace() for char in url.netloc):
        raise UsageError(f"not a valid URL for the {purpose}: {masked(text)}{_ESCAPE_HINT}")
    if not _is_host(url.hostname or ""):
        raise UsageError(f"not a valid URL for the {purpose}: {masked(text)}{_HOST_HINT}")
    if not _has_port(url):
        # With an @ behind what looks like the host, the port is rather a password's beginning.
        hint = _ESCAPE_HINT if "@" in f"{url.path}{url.query}{url.fragment}" else _PORT_HINT
        raise UsageError(f"not a valid URL for the {purpose}: {masked(text)}{hint}")
    return url


def _is_host(host: str) -> bool:
    """Whether that can be looked up. Its parts may be of any alphabet."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _has_port(url: SplitResult) -> bool:
    """Whether the port is one, or left to the default."""
    try:
        return url.port != 0
    except ValueError:
        return False


_HOST_HINT: Final = " (each part of a host's name has 1 to 63 characters)"
_PORT_HINT: Final = " (a port is a number from 1 to 65535)"
_ESCAPE_HINT: Final = " (characters like / # ? @ in a user name or password must be percent-encoded)"


def masked(text: str) -> str:
    """What was given as an address, without what could be a login in it."""
    scheme, separator, rest = text.rpartition("://")
    login, _, where = rest.rpartition("@")
    # Without a scheme it can be a file's name, in which an @ is nothing special.
    return f"{scheme}{separator}***@{where}" if login and (separator or ":" in login) else text


def _host(url: SplitResult) -> str:
    host = url.hostname or ""
    return f"[{host}]" if ":" in host else host


def _netloc(url: SplitResult) -> str:
    return _host(url) if url.port is None else f"{_host(url)}:{url.port}"


def _base_path(url: SplitResult) -> str:
    # People paste what their browser shows (…/#/queues) or what the API's documentation shows (…/api/).
    return url.path.rstrip("/").removesuffix("/api")
