"""Errors of the API as PostHog returns them: an HTTP status and ``{"type", "code", "detail", "attr"}``."""

from collections.abc import Mapping

from starlette.responses import JSONResponse

_TYPES = {
    400: "validation_error",
    401: "authentication_error",
    403: "authentication_error",
    404: "invalid_request",
    429: "throttled_error",
}


class ApiError(Exception):
    """A request that is answered with an error; ``detail`` is shown to the caller."""

    def __init__(
        self, status: int, code: str, detail: str, kind: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers
        self.kind = kind or _TYPES.get(status, "server_error")

    def response(self) -> JSONResponse:
        body = {"type": self.kind, "code": self.code, "detail": self.detail, "attr": None}
        return JSONResponse(body, self.status, self.headers)
