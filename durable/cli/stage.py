"""The operations API of a deployed stage: found by its stack's outputs, called with signed requests."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session

from durable.aws.resources import Resource, resources_of, worker_of
from durable.aws.session import region
from durable.cli.operations import Answer
from durable.cli.outcome import MISSING, UNAVAILABLE, WRONG, CommandError
from durable.cli.refusals import NO_CREDENTIALS, NO_REGION, sentence

_SERVICE: Final = "execute-api"


class StageTransport:
    """Calls the API of a stage, as whom the AWS configuration of this machine says."""

    pause_seconds = 1.0

    def __init__(self, stage: str) -> None:
        """Find the credentials; the stack is looked for when something of it is wanted.

        Raises:
            CommandError: there are none, or this is no project's folder.
        """
        self.stage = stage
        self.stack = _stack(stage)
        self.session = session()
        self._credentials = credentials(self.session)
        # botocore's own clients read this variable; the API is called without one, and is to trust the same.
        trusted: Any = os.environ.get("AWS_CA_BUNDLE") or True  # a path is taken too, which the stubs do not know
        self._http = URLLib3Session(verify=trusted)

    @cached_property
    def _url(self) -> str:
        # Asked for when a request is sent: `kv` needs the stack's resources alone.
        return _url(self.session, self.stack, self.stage)

    @cached_property
    def resources(self) -> list[Resource]:
        """All resources of the stage.

        Raises:
            CommandError: there is no stack, or AWS cannot be asked.
        """
        with _asking(self.session, self.stack, self.stage):
            return list(resources_of(self.session.client("cloudformation"), self.stack))

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        address, headers = _address(self._url, os.environ.get("AWS_ENDPOINT_URL"))
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = AWSRequest(method=method, url=address + path, data=body, headers=headers)
        try:
            # Credentials that have expired are fetched anew when they are read here, which may fail too.
            SigV4Auth(self._credentials, _SERVICE, self.session.region_name).add_auth(request)
            response = self._http.send(request.prepare())
        except BotoCoreError as error:
            raise CommandError(sentence(error, f"{self._url} does not answer"), UNAVAILABLE) from None
        return Answer(response.status_code, response.content)


def session() -> boto3.Session:
    """Return a session of the AWS configuration of this machine.

    Raises:
        CommandError: the configuration is not complete.
    """
    try:
        # As the CDK CLI, which reads both variables, this one first.
        return boto3.Session(region_name=region())
    except BotoCoreError as error:
        raise CommandError(sentence(error, "the AWS configuration cannot be used"), UNAVAILABLE) from None


def credentials(session: boto3.Session) -> Credentials:
    """Return the credentials of the AWS configuration of this machine, which also names a region.

    Raises:
        CommandError: there are none, or there is no region.
    """
    try:
        found = session.get_credentials()
    except BotoCoreError as error:
        raise CommandError(sentence(error, "the AWS configuration gives no credentials"), UNAVAILABLE) from None
    if found is None:
        raise CommandError(NO_CREDENTIALS, UNAVAILABLE)
    if session.region_name is None:
        raise CommandError(NO_REGION, UNAVAILABLE)
    return found


def _stack(stage: str) -> str:
    """Return the name of a stage's stack; the project's name stands in cdk.json."""
    try:
        name = json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        raise CommandError(
            "cdk.json, in which the project's name stands, cannot be read here; call this in the project's folder",
            WRONG,
        ) from None
    return f"{name}-{stage}"


@contextmanager
def _asking(session: boto3.Session, stack: str, stage: str) -> Iterator[None]:
    """Translate what AWS says to a question about a stack."""
    try:
        yield
    except ClientError as error:
        # CloudFormation has no code of its own for a stack that is not there.
        if error.response["Error"]["Code"] != "ValidationError":
            raise CommandError(sentence(error, f"AWS does not tell of the stack {stack}"), UNAVAILABLE) from None
        raise CommandError(
            f"there is no stack {stack} in {session.region_name}; deploy it with `durable deploy --stage {stage}`, or"
            " set AWS_PROFILE and AWS_REGION to where it is",
            MISSING,
        ) from None
    except BotoCoreError as error:
        raise CommandError(sentence(error, f"AWS cannot be asked for the stack {stack}"), UNAVAILABLE) from None


def _url(session: boto3.Session, stack: str, stage: str) -> str:
    with _asking(session, stack, stage):
        found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    urls: dict[str, str] = {worker: each["OutputValue"] for each in found if (worker := worker_of(each))}
    if not urls:
        raise CommandError(f"the stack {stack} has no API; give a Worker of app.py url=True and deploy again", MISSING)
    # Each API has the operators' routes. One is chosen by its name, so that it is the same each time.
    return urls[min(urls)].rstrip("/")


def _address(url: str, endpoint: str | None) -> tuple[str, dict[str, Any]]:
    """Return where an API is called and the headers for it: with AWS_ENDPOINT_URL, there, under its own name."""
    if not endpoint:
        return url, {}
    api, there = urlsplit(url), urlsplit(endpoint)
    name = (api.hostname or "").partition(".")[0]
    return f"{endpoint.rstrip('/')}{api.path}", {"Host": f"{name}.{_SERVICE}.{there.netloc}"}
