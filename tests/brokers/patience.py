"""Asking RabbitMQ once more where it answers that something in it went wrong."""

import logging
import time
from http import HTTPStatus
from typing import Final

import httpx

_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.25

_logger: Final = logging.getLogger(__name__)


class PatientTransport(httpx.HTTPTransport):
    """A busy node answers 500 for a moment when it, or another one of its cluster, has just started: seen for a
    new vhost on 3.10, and for most of what is asked on 4.x. An answer that stays is given as it is.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request, by which RabbitMQ can be asked twice, as by all of those in tests."""
        deadline = time.monotonic() + _SECONDS
        while True:
            response = super().handle_request(request)
            if response.status_code != HTTPStatus.INTERNAL_SERVER_ERROR:
                return response
            _logger.warning("%s %s: 500 %s", request.method, request.url, response.read().decode(errors="replace"))
            if time.monotonic() > deadline:
                return response
            time.sleep(_PAUSE_SECONDS)
