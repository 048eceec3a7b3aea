"""Asking processes how they are."""

import socket

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def grpc_health(address: str, timeout_s: float = 1.0) -> str:
    """Return `serving`, `not serving` or `unreachable` for a gRPC server at `host:port`."""
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
        except grpc.RpcError:
            return "unreachable"
    return "serving" if answer.status == health_pb2.HealthCheckResponse.SERVING else "not serving"


def listens(address: str, timeout_s: float = 1.0) -> bool:
    """Return whether anybody accepts connections at `host:port`."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=timeout_s):
            return True
    except OSError:
        return False
