"""Operations on the connections of devices."""

from pydantic import BaseModel, Field

from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.serve.connection import DeviceConnection
from emulator.spdm.versions import Version


class ConnectionInfo(BaseModel):
    """One open connection."""

    connection: int = Field(description="Its number on its device, from 1.")
    peer: str = Field(description="The peer's address.")
    state: str = Field(description="Where it stands.")
    version: str | None = Field(description="The SPDM version agreed.")
    algorithms: dict[str, str] = Field(description="The algorithms agreed, by their kinds.")
    requests: int = Field(description="How many requests were answered.")


class OfConnections(OfDevices):
    """Connections of devices."""

    connection: int | None = Field(
        default=None, ge=1, description="One connection's number; null: all."
    )


def about(connection: DeviceConnection) -> ConnectionInfo:
    """What there is to tell of a connection."""
    responder = connection.endpoint.responder
    agreed = responder.connection
    chosen = {
        "asym": agreed.algorithms.asym,
        "hash": agreed.algorithms.hash,
        "measurement_hash": agreed.algorithms.measurement_hash,
    }
    return ConnectionInfo(
        connection=connection.number,
        peer=connection.peer,
        state=agreed.state.name,
        version=Version(agreed.version).text if agreed.version else None,
        algorithms={kind: row.name for kind, row in chosen.items() if row is not None},
        requests=responder.ordinal,
    )


@operation("connections.list", OfDevices)
def list_connections(desk: Desk, arguments: OfDevices) -> dict[str, list[ConnectionInfo]]:
    """The connections that are open, of each device."""
    return {
        served.name: [about(one) for one in served.connections()]
        for served in desk.devices(arguments.devices)
    }


@operation("connections.drop", OfConnections, changes=True)
def drop_connections(desk: Desk, arguments: OfConnections) -> dict[str, int]:
    """End connections; how many, of each device."""
    dropped: dict[str, int] = {}
    for served in desk.devices(arguments.devices):
        wanted = [one for one in served.connections() if arguments.connection in {None, one.number}]
        for connection in wanted:
            connection.drop("dropped by control")
        dropped[served.name] = len(wanted)
    return dropped
