"""The bad results of tools, in the texts and shapes that were seen."""

import json


class ToolRefusalError(Exception):
    """A tool answers with a bad result: a text, and a category that says little."""

    def __init__(self, text: str, category: str | None = "invalid_request") -> None:
        super().__init__(text)
        self.text, self.category = text, category


class BadCallError(Exception):
    """The call does not fit the tool's schema: an error of JSON-RPC, before any tool ran."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


HTML_404 = (
    'API error 404: \n<!doctype html>\n<html lang="en">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n'
    "  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n</body>\n</html>\n"
)
RATE_LIMITED = ("RATE_LIMITED: too many requests, please try again shortly", "rate_limited")


def api_error(status: int, body: object) -> ToolRefusalError:
    """The broker's own refusal, as the tool passes it on; a body that is text is passed on as it is."""
    detail = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return ToolRefusalError(f"API error {status}: {detail}")


def detailed(status: int, sentence: str) -> ToolRefusalError:
    return api_error(status, {"detail": sentence})


def not_found() -> ToolRefusalError:
    return detailed(404, "Not found.")


def used_ref_id() -> ToolRefusalError:
    return detailed(409, "Reference ID must be unique.")


def cannot_be_cancelled() -> ToolRefusalError:
    """Said of an order that ended, and of one still unconfirmed, which lives."""
    return detailed(403, "Order cannot be cancelled at this time.")


def foreign_account() -> ToolRefusalError:
    return ToolRefusalError("FORBIDDEN: agent not authorized to access this account", "unauthorized")


def rate_limited() -> ToolRefusalError:
    return ToolRefusalError(*RATE_LIMITED)
