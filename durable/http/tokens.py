"""Tokens of an OpenID Connect issuer, verified by the server of one machine, and by a Worker behind a REST API.

An HTTP API of API Gateway verifies them itself, by the same rules.
"""

from __future__ import annotations

import json
import logging
from typing import Any, Final
from urllib.request import urlopen

from durable.bindings.auth import JWT
from durable.http.auth import unauthorized
from durable.http.messages import Caller, Request
from durable.http.problems import Problem

_ALGORITHMS: Final = ("RS256", "RS384", "RS512")
"""Those that an HTTP API takes."""
_DISCOVERY: Final = "/.well-known/openid-configuration"
_FETCH_SECONDS: Final = 10

_log = logging.getLogger("durable.http")


class Tokens:
    """Verifies tokens with the keys of their issuer, which are kept for five minutes.

    A token that names a key which is not among them has them fetched anew: the issuer may have changed its keys. It may
    wait for the network, so it is called in a thread.
    """

    def __init__(self, auth: JWT) -> None:
        import jwt  # an extra: only a Worker with a JWT needs it

        self._jwt = jwt
        self._auth = auth
        self._keys: jwt.PyJWKClient | None = None

    def __call__(self, request: Request) -> Caller:
        """Return the caller whom a token names.

        Raises:
            Problem: 401, 403 if the token has none of the scopes, or 503 if the issuer cannot be asked for its keys.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized(self._auth, "Send a token: Authorization: Bearer …")
        claims = self._claims(token.strip())
        if not self._is_for_us(claims):
            raise unauthorized(self._auth, "The token is for another service.")
        given = claims.get("scope", claims.get("scp", ""))
        scopes = given.split() if isinstance(given, str) else given
        if self._auth.scopes and not set(self._auth.scopes).intersection(scopes):
            raise Problem(403, f"The token has none of the scopes {', '.join(self._auth.scopes)}.")
        return Caller(str(claims.get("sub", "")), claims)

    def _claims(self, token: str) -> dict[str, Any]:
        jwt = self._jwt
        try:
            key = self._signing_keys().get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                issuer=self._auth.issuer,
                # The audience is checked below: API Gateway takes `client_id` for it too, which PyJWT does not know.
                options={"require": ["exp", "iss"], "verify_aud": False},
            )
        except (jwt.PyJWKClientConnectionError, OSError, ValueError, KeyError) as error:
            _log.warning("the keys of %s cannot be had: %s", self._auth.issuer, type(error).__name__)
            raise Problem(503, "The issuer of the tokens cannot be asked for its keys.") from None
        except jwt.PyJWTError:
            refusal = unauthorized(self._auth, "The token is not valid: it is another issuer's, too old, or changed.")
        else:
            return claims
        raise refusal

    def _is_for_us(self, claims: dict[str, Any]) -> bool:
        """Return whether a token is for one of the audience: by `aud`, or by `client_id` where it has no `aud`."""
        named = claims.get("aud", claims.get("client_id", ()))
        return not set(self._auth.audience).isdisjoint([named] if isinstance(named, str) else named)

    def _signing_keys(self) -> Any:
        if self._keys is None:
            with urlopen(self._auth.issuer.rstrip("/") + _DISCOVERY, timeout=_FETCH_SECONDS) as answer:
                self._keys = self._jwt.PyJWKClient(json.load(answer)["jwks_uri"], timeout=_FETCH_SECONDS)
        return self._keys
