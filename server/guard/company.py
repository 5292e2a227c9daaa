"""Whose state this is: a company's, whatever key opens its account at a service.

A key that was never used here is held against what is known of the company before its first write, and before what it
shows is kept: a few records on record must be visible with it. If none is, it is another company's key, and it writes
nothing until somebody says whose it is. The check costs a few reads, once for each key.

What cannot be told for good is taken for the same company: a RenovationFind token that names no subject, while no page
documents how a lead is read. Then the history goes on and no write is repeated; `doctor` says that it was not checked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from server.api.renovationfind import RenovationFind
from server.api.rooflink import RoofLink
from server.api.services import Services
from server.catalog import Catalog
from server.errors import AuthError, NotFound, PermissionDenied, Refused, ServiceError
from server.settings import Settings, is_loopback
from server.state import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOOKED_AT = 4
"""Known records that are asked for with a new key; one that is visible is enough."""
NEWEST = 20
DEFAULT = str(Settings.model_fields["company"].default)
ACCEPT = "`leadbridge company accept`, run with the same settings"


@dataclass(frozen=True, slots=True)
class _Key:
    """A configured key: what it is remembered by, the usual spelling of its address first, and whom it names."""

    identities: tuple[str, ...]
    subject: str


@dataclass(frozen=True, slots=True)
class _Record:
    """What the store knows before a key's first write."""

    owner: str
    """The account that the key is on record for; empty for a key that was never used."""
    anything: bool
    known: list[int]
    subjects: frozenset[str]
    subject: str
    earlier: dict[str, list[int]]
    """Accounts of earlier versions that are nobody's yet, with ids of their records."""


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """What is known of a configured key, in words, and whether somebody should look at that."""

    told: str = ""
    doubtful: bool = False


@dataclass(slots=True)
class Company:
    """The company that this server works for, and whether its keys are the company's own."""

    settings: Settings
    catalog: Catalog
    services: Services
    store: Store
    clock: Callable[[], float] = time.time
    _keys: Mapping[str, _Key] = field(init=False, repr=False)
    _confirmed: set[str] = field(default_factory=set[str], init=False)

    def __post_init__(self) -> None:
        self._keys = {} if self.settings.sandbox else dict(_keys_of(self.settings, self.services))
        self.store.at_open = self._claim

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.settings.company} (simulated)" if self.settings.sandbox else self.settings.company

    async def confirm(self, *services: str) -> None:
        """Make sure that the keys of these services are this company's, before a write or what is kept of a read.

        Raises:
            Refused: a key is another company's, or that cannot be found out now.
            ServiceError: the service refuses the key.
            StateError: the state store cannot be used.
        """
        for service in services:
            if service in self._keys and service not in self._confirmed:
                await self._confirm(service)
                self._confirmed.add(service)

    async def _confirm(self, service: str) -> None:
        found = await self.store.run(partial(self._look_up, service))
        try:
            known_by = "" if found.owner == self.services.account(service) else await self._judged(service, found)
            taken = [account for account in found.earlier if await self._takes(service, found, account)]
        except AuthError:
            raise
        except ServiceError as error:
            raise Refused(
                "company_not_checked",
                f"Nothing was sent: whether this {self._title(service)} key is company {self.name}'s could not be "
                f"checked now. {error.what}",
                "Try again later.",
            ) from None
        if known_by or taken:
            await self.store.run(partial(self._keep, service, taken, known_by))

    async def _judged(self, service: str, found: _Record) -> str:
        """By what a key that is not on record for this company is known to be its own."""
        if found.owner and not _is_nobodys(found.owner):
            raise self._on_record_elsewhere(service, found.owner)
        if not found.anything:
            return "first"
        if found.subject and found.subject in found.subjects:
            return "subject"
        visible = await self._visible(service, self.services.account(service), found.known)
        if visible:
            return "records"
        if visible is False:
            raise self._another_company(service, "none of the records known of that company is visible with it")
        if found.subject and found.subjects:
            raise self._another_company(service, "it was issued to another subject than that company's tokens before")
        return "nothing"

    async def _takes(self, service: str, found: _Record, earlier: str) -> bool:
        """Whether an earlier account is this company's. What cannot be told is the one company's of the store."""
        if earlier == found.owner:
            return True
        visible = await self._visible(service, earlier, found.earlier[earlier])
        return self._is_default if visible is None else visible

    async def _visible(self, service: str, account: str, known: list[int]) -> bool | None:
        """Whether the key shows a record that is known of an account; `None` where that cannot be told for good."""
        if not known:
            return None
        for record_id in known:
            if await self._shows(service, record_id):
                return True
        if service == "renovationfind":
            return None if self._may_be_no_path("renovationfind.get_lead") else False
        # The records may be gone, or their path may be another one: one that the list shows is as good.
        rooflink = RoofLink(self.services.clients[service], self.catalog)
        _, newest = await rooflink.list_prospects({"page": 1, "page_size": NEWEST})
        ids = [prospect.id for prospect in newest]
        return await self.store.run(lambda connection: _seen_among(connection, account, ids))

    async def _shows(self, service: str, record_id: int) -> bool:
        client = self.services.clients[service]
        try:
            if service == "rooflink":
                await RoofLink(client, self.catalog).get_prospect(record_id)
            else:
                await RenovationFind(client, self.catalog).get_lead(record_id)
        except (NotFound, PermissionDenied):
            return False
        return True

    def _may_be_no_path(self, operation_id: str) -> bool:
        """Whether a 404 may mean that the service has no such path at all."""
        operation = self.catalog[operation_id]
        worked = self.services.clients[operation.service].observed.worked
        return not operation.path_is_certain and operation_id not in worked

    def _look_up(self, service: str, connection: Connection) -> _Record:
        from server.state import service_keys as keys

        key, mine = self._keys[service], self.services.account(service)
        row = keys.account_of_key(connection, key.identities)
        earlier = keys.earlier_accounts(connection, service)
        owner = "" if row is None else row.account
        is_new = owner != mine
        subjects = keys.subjects_of(connection, mine) if is_new else frozenset[str]()
        return _Record(
            owner=owner,
            anything=is_new and keys.holds_anything(connection, mine),
            known=keys.known_records(connection, mine, LOOKED_AT) if is_new else [],
            subjects=subjects,
            subject=keys.fingerprint_of(connection, key.subject) if key.subject else "",
            earlier={account: keys.known_records(connection, account, LOOKED_AT) for account in earlier},
        )

    def _keep(self, service: str, taken: list[str], known_by: str, connection: Connection) -> None:
        from server.state import service_keys as keys

        key, mine = self._keys[service], self.services.account(service)
        for account in taken:
            keys.take_over(connection, account, mine)
        if known_by:
            keys.keep_key(
                connection,
                key.identities[0],
                service=service,
                account=mine,
                subject=keys.fingerprint_of(connection, key.subject) if key.subject else "",
                known_by=known_by,
                now=self.clock(),
            )

    def _claim(self, connection: Connection) -> None:
        """When the store is opened: take over what an earlier version kept, where no service need be asked for it.

        That is the account of the very key that is configured, and the only one there is for the only company.
        """
        from server.state import service_keys as keys

        if self.settings.sandbox:
            return
        for service in self.catalog.services:
            earlier, mine = keys.earlier_accounts(connection, service), self.services.account(service)
            if not earlier or keys.holds_anything(connection, mine):
                continue
            key = self._keys.get(service)
            row = keys.account_of_key(connection, key.identities) if key else None
            own = "" if row is None else row.account
            only = earlier[0] if len(earlier) == 1 and self._is_default else ""
            if own in earlier:
                keys.take_over(connection, own, mine)
            elif only and not own:
                keys.take_over(connection, only, mine)

    async def accept(self) -> list[str]:
        """A person says that the configured keys are this company's; the services whose keys they are.

        Raises:
            StateError: the state store cannot be used.
        """
        for service in self._keys:
            found = await self.store.run(partial(self._look_up, service))
            own = [found.owner] if found.owner and _is_nobodys(found.owner) else []
            await self.store.run(partial(self._keep, service, own, "person"))
        return [self._title(service) for service in self._keys]

    async def standing(self, service: str) -> KeyStanding:
        """What is known of the configured key of a service; nothing where there is none.

        Raises:
            StateError: the state store cannot be used.
        """
        key = self._keys.get(service)
        if key is None:
            return KeyStanding()

        def work(connection: Connection) -> Any:
            from server.state import service_keys as keys

            return keys.account_of_key(connection, key.identities)

        row = await self.store.run(work) if self.store.exists else None
        if row is None or _is_nobodys(row.account):
            return KeyStanding("not used for a write yet; it is checked before the first one")
        if row.account != self.services.account(service):
            other = _company_in(row.account)
            return KeyStanding(f"on record as the key of company {other}, so nothing is written with it", doubtful=True)
        told = f"company {self.name}'s"
        if row.at:
            told += f", used since {datetime.fromtimestamp(row.at, UTC):%Y-%m-%d}"
        if row.known_by == "person":
            told += ", as a person said"
        if row.known_by == "nothing":
            return KeyStanding(f"{told}, but that could not be checked: no known record can be read", doubtful=True)
        return KeyStanding(told)

    async def unclaimed(self) -> str:
        """Writes of earlier versions of which nobody knows yet whose they are, in words; empty where there are none.

        Raises:
            StateError: the state store cannot be used.
        """

        def work(connection: Connection) -> int:
            from server.state import service_keys as keys

            accounts = [one for service in self.catalog.services for one in keys.earlier_accounts(connection, service)]
            return keys.count_writes(connection, accounts)

        if self.settings.sandbox or not self.store.exists or not (count := await self.store.run(work)):
            return ""
        return (
            f"{count} more writes were made by an earlier LeadBridge with other keys. Before the next write LeadBridge "
            f"checks with the service which of them are company {self.name}'s, and shows those from then on."
        )

    @property
    def _is_default(self) -> bool:
        return self.settings.company.casefold() == DEFAULT

    def _title(self, service: str) -> str:
        return self.catalog.services[service].title

    def _another_company(self, service: str, why: str) -> Refused:
        return Refused(
            "another_company",
            f"Nothing was sent: this {self._title(service)} key was not used here before, and it seems to be another "
            f"company's than {self.name}: {why}.",
            "If it was given by mistake, put the right key back.",
            "If it is another company's, set LEADBRIDGE_COMPANY to that company's name.",
            f"If it is company {self.name}'s new key, say so with {ACCEPT}.",
        )

    def _on_record_elsewhere(self, service: str, account: str) -> Refused:
        other = _company_in(account)
        setting = "leave LEADBRIDGE_COMPANY out" if other == DEFAULT else f"set LEADBRIDGE_COMPANY={other}"
        return Refused(
            "another_company",
            f"Nothing was sent: this {self._title(service)} key is on record as the key of company {other}, and this "
            f"server works for company {self.name}.",
            f"To work for company {other}, {setting}.",
            f"If it is company {self.name}'s key, say so with {ACCEPT}.",
        )


def _is_nobodys(account: str) -> bool:
    """Whether it is an account of an earlier version that no company has taken over."""
    return "/" not in account


def _company_in(account: str) -> str:
    return account.partition("/")[2]


def _seen_among(connection: Connection, account: str, ids: list[int]) -> bool:
    from server.state.tables import seen_prospects, writes

    seen = (seen_prospects.c.account == account, seen_prospects.c.prospect_id.in_(ids))
    made = (writes.c.account == account, writes.c.record_id.in_(ids), writes.c.operation == "rooflink.create_lead")
    return any(
        connection.execute(table.select().where(*where).limit(1)).first() is not None
        for table, where in ((seen_prospects, seen), (writes, made))
    )


def _keys_of(settings: Settings, services: Services) -> Mapping[str, _Key]:
    keys: dict[str, _Key] = {}
    for service, client in services.clients.items():
        from server.state.service_keys import identity_of

        secret = settings.secret(service)
        text = "" if secret is None else secret.get_secret_value()
        addresses = dict.fromkeys((usual_address(client.base_url), client.base_url))
        named = client.key_claims.subject
        subject = f"{service}\n{named}" if named else ""
        keys[service] = _Key(tuple(identity_of(address, text) for address in addresses), subject)
    return keys


def usual_address(url: str) -> str:
    """An address in its usual spelling: `HTTP://LocalHost:80/api/` is `http://127.0.0.1/api`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    host = "127.0.0.1" if is_loopback(host) else f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, {"https": 443, "http": 80}.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
