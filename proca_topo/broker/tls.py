"""TLS: who vouches for a broker's certificate, and what went wrong, as one sentence."""

import os
import re
import ssl
from typing import Final

from proca_topo.errors import UnreachableError, UsageError
from proca_topo.topology.names import one_line, shown

_VARIABLE: Final = "SSL_CERT_FILE"
# OpenSSL's X509_V_ERR_*, which Python does not name.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_OF_ANOTHER_HOST: Final = frozenset({62, 64})
_PLACE_IN_PYTHON: Final = re.compile(r" ?\(_ssl\.c:\d+\)")
_NO_CLIENT_CERTIFICATE: Final = (
    "a certificate of its clients, and proca-topo has none to show: use a listener of the broker that does without"
    " (fail_if_no_peer_cert = false)"
)


def tls_context() -> ssl.SSLContext:
    """What a connection needs: the system's certificates, or those of SSL_CERT_FILE. Raises UsageError.

    OpenSSL itself takes a file that it cannot read for one without certificates, and says nothing.
    """
    context = ssl.create_default_context()
    if path := os.environ.get(_VARIABLE):
        try:
            context.load_verify_locations(path)
        except OSError as error:
            reason = "no certificate is in it" if isinstance(error, ssl.SSLError) else error.strerror
            raise UsageError(
                f"{_VARIABLE} is {shown(path)}, which cannot be used ({reason}): name a PEM file of certificate"
                " authorities, or unset it"
            ) from error
    return context


def not_trusted(error: ssl.SSLCertVerificationError, where: str) -> UnreachableError:
    """The error for a certificate that does not hold."""
    reason = one_line(error.verify_message).rstrip(".")
    match error.verify_code:
        case code if code == _EXPIRED:
            remedy = "renew it on the broker, or set this machine's clock if that is wrong"
        case code if code == _NOT_YET_VALID:
            remedy = "set this machine's clock if that is wrong, or make the broker another certificate"
        case code if code in _OF_ANOTHER_HOST:
            remedy = "use a host name that is in it, or make the broker a certificate with this one"
        case _:
            remedy = f"if it is right, set {_VARIABLE} to the file of its certificate authority"
    return UnreachableError(f"the TLS certificate of {where} is not trusted ({reason}): {remedy}")


def client_certificate_wanted(text: str, where: str) -> UnreachableError | None:
    """The error if this text of OpenSSL or pika says, or may say, that a certificate of ours is demanded.

    TLS 1.3 tells just that, TLS 1.2 only that the handshake failed.
    """
    if "CERTIFICATE_REQUIRED" in text:
        return UnreachableError(f"{where} demands {_NO_CLIENT_CERTIFICATE}")
    if "HANDSHAKE_FAILURE" in text:
        return UnreachableError(
            f"{where} breaks off the TLS handshake. Either there is no TLS version or cipher that both sides have,"
            f" or it demands {_NO_CLIENT_CERTIFICATE}"
        )
    return None


def what_tls_says(error: ssl.SSLError) -> str:
    """OpenSSL's own words, without their place in Python's source."""
    return one_line(_PLACE_IN_PYTHON.sub("", str(error.reason or error)))
