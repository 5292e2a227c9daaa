"""The operation catalog: every operation of both services as data, with its effect and its provenance."""

from leadbridge.server.catalog.loader import SERVICES, Catalog, load
from leadbridge.server.catalog.operation import Field, Operation, Provenance, Service

__all__ = ["SERVICES", "Catalog", "Field", "Operation", "Provenance", "Service", "load"]
