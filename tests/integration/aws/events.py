"""What AWS's services send to a Lambda."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from durable.clock import timestamp

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"


def batch(messages: Sequence[Mapping[str, Any]], queue_arn: str) -> dict[str, Any]:
    """Return the event with which SQS's event source brings messages that were received."""
    return {
        "Records": [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": each["Attributes"],
                "messageAttributes": {},
                "md5OfBody": each["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": REGION,
            }
            for each in messages
        ]
    }


def status_change(execution: Mapping[str, Any], machine: str, now: int, **changes: Any) -> dict[str, Any]:
    """Return what EventBridge says when an execution's status changed."""
    given = {"included": True, "truncated": False}
    detail = {
        "executionArn": execution["executionArn"],
        "stateMachineArn": machine,
        "name": execution["name"],
        "status": execution["status"],
        "startDate": now,
        "stopDate": now,
        "input": execution["input"],
        "inputDetails": given,
        "output": execution.get("output"),
        "outputDetails": given if "output" in execution else None,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        "error": execution.get("error"),
        "cause": execution.get("cause"),
    }
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": ACCOUNT,
        "time": timestamp(now),
        "region": REGION,
        "resources": [execution["executionArn"]],
        "detail": detail | changes,
    }


def ended(execution: Mapping[str, Any], output: Any) -> dict[str, Any]:
    """Return an execution as it is described when it has succeeded."""
    return dict(execution) | {"status": "SUCCEEDED", "output": json.dumps(output)}
