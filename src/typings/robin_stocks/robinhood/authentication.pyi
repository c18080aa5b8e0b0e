# ruff: noqa: N803 - the argument names are the library's own
def login(
    username: str | None = None,
    password: str | None = None,
    expiresIn: int = 86400,
    scope: str = "internal",
    store_session: bool = True,
    mfa_code: str | None = None,
    pickle_path: str = "",
    pickle_name: str = "",
) -> dict[str, object] | None: ...
def logout() -> None: ...
