"""`python -m cairn_runtime.probe`: exit code 0 if the service of this container is healthy."""

import os
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def main() -> int:
    """Ask the server that listens at CAIRN_GRPC_ADDRESS, on this machine, within two seconds."""
    port = os.environ.get("CAIRN_GRPC_ADDRESS", "").rpartition(":")[2]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2.0)
        except grpc.RpcError as error:
            print(f"The service does not answer at port {port} ({type(error).__name__}).", file=sys.stderr)
            return 1
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


if __name__ == "__main__":
    sys.exit(main())
