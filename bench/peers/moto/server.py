"""moto's server with its Step Functions interpreter on: python -m bench.peers.moto.server <port>.

Its Lambda wants Docker, so the one method that invokes is replaced by a call of the step in this process.
"""

from __future__ import annotations

import json
import sys

from moto import mock_aws
from moto.awslambda.models import LambdaFunction
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from bench.onboarding import STEPS, Body


def _invoke(function: LambdaFunction, event: Body) -> tuple[str, bool, str]:
    return json.dumps(STEPS[function.function_name](event)), False, ""


def main(port: int) -> None:
    LambdaFunction._invoke_lambda = _invoke  # type: ignore[assignment,method-assign]  # see above
    # Within mock_aws, what the interpreter calls is answered in this process.
    mock_aws(config={"stepfunctions": {"execute_state_machine": True}}).start()
    make_server("127.0.0.1", port, DomainDispatcherApplication(create_backend_app), threaded=True).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
