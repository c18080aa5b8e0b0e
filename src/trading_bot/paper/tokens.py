"""Logging in to the paper broker: passwords for tokens, refresh tokens for new ones."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trading_bot.clock import Seconds
from trading_bot.paper import refusals
from trading_bot.paper.chance import stable_token
from trading_bot.paper.state import ExchangeState, PaperToken

_LOGINS_KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssuer:
    """Issues, renews, checks and revokes tokens."""

    username: str
    password: str
    seed: int
    life_s: Seconds = 86_400

    def login(self, state: ExchangeState, *, username: str, password: str, now: datetime) -> PaperToken:
        """Issue tokens for the right name and password; `RefusalError` otherwise."""
        if (username, password) != (self.username, self.password):
            raise refusals.detail(401, "Unable to log in with provided credentials.")
        return self._issue(state, now)

    def renew(self, state: ExchangeState, *, refresh: str, now: datetime) -> PaperToken:
        """Exchange a refresh token for new tokens; it works once, and ends the access token it came with."""
        stale = next((token for token in state.tokens.values() if token.refresh == refresh), None)
        if stale is None:
            raise refusals.RefusalError(401, {"error": "invalid_grant"})
        del state.tokens[stale.access]
        return self._issue(state, now)

    def revoke(self, state: ExchangeState, text: str) -> None:
        """End the login that an access or refresh token belongs to; an unknown token is no error."""
        for token in tuple(state.tokens.values()):
            if text in (token.access, token.refresh):
                del state.tokens[token.access]

    def check(self, state: ExchangeState, bearer: str | None, now: datetime) -> None:
        """Let a current access token pass; `RefusalError` for anything else."""
        token = state.tokens.get(bearer or "")
        if token is None or token.expires_at <= now:
            raise refusals.not_authenticated()

    def _issue(self, state: ExchangeState, now: datetime) -> PaperToken:
        state.tokens_issued += 1
        names = (self.seed, state.account_number, state.opened_at.isoformat(), state.tokens_issued)
        token = PaperToken(
            access=stable_token("access", *names),
            refresh=stable_token("refresh", *names),
            expires_at=now + timedelta(seconds=self.life_s),
        )
        state.tokens[token.access] = token
        _forget_oldest(state, now)
        return token


def _forget_oldest(state: ExchangeState, now: datetime) -> None:
    """Keep the book of logins small; one that still opens the door, or is among the newest, stays."""
    for token in tuple(state.tokens.values())[:-_LOGINS_KEPT]:
        if token.expires_at <= now:
            del state.tokens[token.access]
