"""PostHog's error bodies: ``{"type", "code", "detail", "attr"}`` with the status that goes with them."""

from starlette.responses import JSONResponse

_TYPES = {400: "validation_error", 401: "authentication_error", 403: "authentication_error", 404: "invalid_request"}


class ApiError(Exception):
    """A request that is answered with an error; ``detail`` is shown to the caller."""

    def __init__(self, status: int, code: str, detail: str, kind: str = "") -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.kind = kind or _TYPES.get(status, "server_error")

    def response(self) -> JSONResponse:
        body = {"type": self.kind, "code": self.code, "detail": self.detail, "attr": None}
        return JSONResponse(body, self.status)
