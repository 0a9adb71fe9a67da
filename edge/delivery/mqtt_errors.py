"""What can go wrong between a node and its broker, each as one line that says what to do."""

import socket
import ssl

from edge.domain.complaint import Complaint


class BrokerError(Complaint):
    """No connection, or none any more; the message says what, where and what to do."""


class ProtocolRefusedError(BrokerError):
    """The broker does not speak this version of MQTT, or left without a word."""


class PublishRefusedError(BrokerError):
    """The broker will not take this message; the connection is well."""


_CREDENTIALS = "user name or password refused; check delivery.publisher.username and password_file"
_CONNACK = {
    "Bad user name or password": _CREDENTIALS,
    "Not authorized": "not authorised; ask whoever runs the broker what this client may do",
    "Client identifier not valid": "client identifier refused; check node.city and node.id",
    "Server unavailable": "the broker says it is unavailable; it is tried again",
    "Server busy": "the broker says it is busy; it is tried again",
    "Banned": "the broker has banned this client; ask whoever runs it",
    "Retain not supported": "the broker retains nothing, but the node's state needs it; change its settings",
    "QoS not supported": "the broker offers no QoS 1, but deliveries need it; change its settings",
}


def connect_failed(where: str, error: Exception, timeout_s: float) -> BrokerError:
    """Return what an error of looking up, connecting or TLS means.

    Args:
        where: `host:port`.
        error: what was raised.
        timeout_s: how long a connection was tried.
    """
    match error:
        case OSError(filename=str() as file):
            detail = f"{file}: {error.strerror}; check the path and its permissions"
        case ssl.SSLCertVerificationError():
            detail = f"TLS: {error.verify_message}; check delivery.publisher.ca_file and host"
        case ssl.SSLError():
            reason = getattr(error, "reason", None) or error.strerror
            detail = f"TLS: {reason}; check delivery.publisher.tls, port and certificates"
        case socket.gaierror():
            detail = (
                f"the name is not known ({error.strerror}); check delivery.publisher.host and the network"
            )
        case TimeoutError():
            detail = f"no answer within {timeout_s:g} s; check the network, the firewall and the port"
        case ConnectionRefusedError():
            detail = "connection refused; is the broker running, and are host and port right?"
        case ConnectionError():
            detail = f"broken off ({error.strerror or error}); check the port and delivery.publisher.tls"
        case OSError():
            detail = f"{error.strerror or error}; check the network"
        case _:
            detail = f"{type(error).__name__}: {error}"
    return BrokerError(f"broker {where}: {' '.join(detail.split())}")


def lost(where: str, client_id: str, reason: str | None) -> BrokerError:
    """Return what the end of a connection means; `reason` is what the broker said, if it said something."""
    if reason == "Session taken over":
        return BrokerError(
            f"broker {where}: another client calls itself '{client_id}'; node.city and node.id must be unique"
        )
    return BrokerError(f"broker {where}: connection lost{f' ({reason})' if reason else ''}")


def unanswered(where: str, version: str) -> BrokerError:
    """Return what it means that something listens there but does not answer a greeting in MQTT."""
    return ProtocolRefusedError(
        f"broker {where}: no answer to a greeting in MQTT {version}; is it an MQTT broker, and is"
        " delivery.publisher.tls right?"
    )


def refused(where: str, reason: str) -> BrokerError:
    """Return what a refusal by the broker means; `reason` is the name of its reason code."""
    text = f"broker {where}: {_CONNACK.get(reason, f'connection refused: {reason}')}"
    return ProtocolRefusedError(text) if reason == "Unsupported protocol version" else BrokerError(text)
