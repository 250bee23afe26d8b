"""What proves to a registry who asks: user and password, or an identity token."""

from __future__ import annotations


class Credentials:
    """Empty strings mean "none"; an identity token replaces the password."""

    __slots__ = ("identity_token", "password", "username")

    def __init__(self, username: str = "", password: str = "", identity_token: str = "") -> None:
        self.username = username
        self.password = password
        self.identity_token = identity_token

    def __bool__(self) -> bool:
        return bool(self.username or self.password or self.identity_token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credentials) and (self.username, self.password, self.identity_token) == (
            other.username,
            other.password,
            other.identity_token,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        # never the secret: this text ends in logs
        return f"Credentials({self.username!r}{', identity token' if self.identity_token else ''})"

    def basic(self) -> str:
        """The value of an Authorization header."""
        import base64

        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")
