"""Where the clients under test keep their data: SQLite on this machine, or moto's AWS."""

from __future__ import annotations

import re
import threading
import uuid
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends
from mypy_boto3_dynamodb.literals import ScalarAttributeTypeType
from mypy_boto3_dynamodb.type_defs import KeySchemaElementTypeDef

from durable import Bucket, KVNamespace, Secret, SendEmail
from durable.aws.bucket import S3Bucket
from durable.aws.email import SESEmail
from durable.aws.kv import DynamoDBKVNamespace
from durable.aws.queue import SQSQueue
from durable.aws.secret import ParameterSecret
from durable.aws.table import DynamoDBTable
from durable.bindings import Queue
from durable.clock import VirtualClock
from durable.local.bindings.bucket import FolderBucket
from durable.local.bindings.kv import SQLiteKVNamespace
from durable.local.bindings.outbox import OutboxEmail
from durable.local.bindings.queue import Messages, SQLiteQueue
from durable.local.bindings.secret import EnvironmentSecret
from durable.local.storage.journal import Journal
from durable.local.storage.table import SQLiteTable
from durable.store.table import Table

REGION = "us-east-1"
SENDER = "hello@example.com"


class World(ABC):
    """Makes clients on one clock; what they share, they share by name."""

    def __init__(self) -> None:
        self.clock = VirtualClock()

    @abstractmethod
    def table(self) -> Table:
        """Return an empty table."""

    @abstractmethod
    def namespace(self, value_type: Any = Any, *, name: str | None = None) -> KVNamespace[Any]:
        """Return a client of a namespace: an empty one, unless one of that name was asked for before."""

    @abstractmethod
    def bucket(self, *, name: str | None = None) -> Bucket:
        """Return a client of a bucket: an empty one, unless one of that name was asked for before."""

    @abstractmethod
    def secret(self, text: str | None) -> Secret:
        """Return a client of a new secret, which has this text or none."""

    @abstractmethod
    def queue(self, message_type: Any = Any) -> Queue[Any]:
        """Return a client of a new queue."""

    @abstractmethod
    def received(self, queue: Queue[Any]) -> list[str]:
        """Take the bodies of the messages that can be had now."""

    @abstractmethod
    def mailbox(self) -> SendEmail:
        """Return a client that sends from SENDER."""

    @abstractmethod
    def sent(self) -> list[str]:
        """Return the messages that were sent, as of RFC 5322, in no promised order."""


class OneMachine(World):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.journal = Journal(folder / "data", linger=0)
        self.messages = Messages(self.journal, self.clock)
        self.folder = folder
        self.outbox = folder / "outbox"

    def close(self) -> None:
        self.journal.close()

    def table(self) -> Table:
        return SQLiteTable(self.journal, self.clock)

    def namespace(self, value_type: Any = Any, *, name: str | None = None) -> KVNamespace[Any]:
        return SQLiteKVNamespace(name or _name(), value_type, self.journal, self.clock)

    def bucket(self, *, name: str | None = None) -> Bucket:
        return FolderBucket("files", self.folder / "buckets" / (name or _name()))

    def secret(self, text: str | None) -> Secret:
        file = self.folder / _name()
        file.write_text("" if text is None else f"API_KEY='{text}'\n")
        return EnvironmentSecret("api-key", file)

    def queue(self, message_type: Any = Any) -> Queue[Any]:
        return SQLiteQueue(_name(), message_type, self.messages)

    def received(self, queue: Queue[Any]) -> list[str]:
        return [message.body for message in self.messages.take(queue.name, self.clock.now(), 1_000)]

    def mailbox(self) -> SendEmail:
        return OutboxEmail("mail", sender=SENDER, folder=self.outbox, clock=self.clock)

    def sent(self) -> list[str]:
        return [path.read_bytes().decode() for path in self.outbox.glob("*.eml")]


class Moto(World):
    """Within `mock_aws`, whose clients are made once."""

    def __init__(self, aws: AWS) -> None:
        super().__init__()
        self._aws = aws
        self._tables: dict[str, str] = {}
        self._urls: dict[str, str] = {}
        self._buckets: dict[str, str] = {}
        ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages.clear()

    def table(self) -> Table:
        return DynamoDBTable(self._aws.rows(), self.clock, dynamodb=self._aws.dynamodb)

    def namespace(self, value_type: Any = Any, *, name: str | None = None) -> KVNamespace[Any]:
        name = name or _name()
        if name not in self._tables:
            self._tables[name] = self._aws.rows()
        return DynamoDBKVNamespace(name, value_type, self._tables[name], self.clock, dynamodb=self._aws.dynamodb)

    def bucket(self, *, name: str | None = None) -> Bucket:
        name = name or _name()
        if name not in self._buckets:
            self._buckets[name] = _name()
            self._aws.s3.create_bucket(Bucket=self._buckets[name])
        return S3Bucket("files", self._buckets[name], s3=self._aws.s3)

    def secret(self, text: str | None) -> Secret:
        parameter = f"/stack/{_name()}"
        if text is not None:
            self._aws.ssm.put_parameter(Name=parameter, Value=text, Type="SecureString")
        return ParameterSecret("api-key", parameter, self.clock, ssm=self._aws.ssm)

    def queue(self, message_type: Any = Any) -> Queue[Any]:
        name = _name()
        self._urls[name] = self._aws.sqs.create_queue(QueueName=name)["QueueUrl"]
        return SQSQueue(name, message_type, self._urls[name], sqs=self._aws.sqs)

    def received(self, queue: Queue[Any]) -> list[str]:
        bodies: list[str] = []
        url = self._urls[queue.name]
        while messages := self._aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [message["Body"] for message in messages]
        return bodies

    def mailbox(self) -> SendEmail:
        return SESEmail("mail", sender=SENDER, clock=self.clock, ses=self._aws.sesv2)

    def sent(self) -> list[str]:
        return [message.raw_data for message in ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages]


class AWS:
    """moto's AWS and its clients."""

    def __init__(self) -> None:
        self._mock = mock_aws()
        self._mock.start()
        self._patches = _one_request_at_a_time()
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.dynamodb.meta.events.register("provide-client-params.dynamodb.Query", _start_within)
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.s3 = boto3.client("s3", region_name=REGION)
        self.ssm = boto3.client("ssm", region_name=REGION)
        self.sesv2 = boto3.client("sesv2", region_name=REGION)
        self.sesv2.create_email_identity(EmailIdentity=SENDER)

    def stop(self) -> None:
        self._patches.undo()
        self._mock.stop()

    def rows(self) -> str:
        """Make a table of rows as `infra` does, and return its name."""
        name = _name()
        attributes: dict[str, ScalarAttributeTypeType] = {"pk": "S", "sk": "S", "listed": "S", "updated": "N"}
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": kind} for each, kind in attributes.items()],
            KeySchema=_schema("pk", "sk"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-status",
                    "KeySchema": _schema("listed", "updated"),
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        return name


def _one_request_at_a_time() -> pytest.MonkeyPatch:
    """Make moto's writes of a row atomic, as DynamoDB's are: it reads and writes without a lock."""
    patches, lock, handle = pytest.MonkeyPatch(), threading.Lock(), BotocoreStubber.process_request

    def locked(self: BotocoreStubber, request: Any) -> Any:
        with lock:
            return handle(self, request)

    patches.setattr(BotocoreStubber, "process_request", locked)
    return patches


def _start_within(params: dict[str, Any], **_: Any) -> None:
    """Refuse a start outside of the keys that are asked for, as DynamoDB does and moto does not."""
    asked = re.search(r"(#\w+) BETWEEN (:\w+) AND (:\w+)", params["KeyConditionExpression"])
    if asked and "ExclusiveStartKey" in params:
        key, values = params["ExpressionAttributeNames"][asked[1]], params["ExpressionAttributeValues"]
        low, start, high = (
            int(each["N"]) for each in (values[asked[2]], params["ExclusiveStartKey"][key], values[asked[3]])
        )
        if not low <= start <= high:
            problem = "The provided starting key does not match the range key predicate"
            raise ClientError({"Error": {"Code": "ValidationException", "Message": problem}}, "Query")


def _schema(partition: str, sort: str) -> list[KeySchemaElementTypeDef]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _name() -> str:
    return f"t{uuid.uuid4().hex}"
