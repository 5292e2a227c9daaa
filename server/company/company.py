"""Whose state this is: a company's, whatever key opens its account at a service.

A key that was never used here is held against what is known of the company before its first write, and before what it
shows is kept: a few records on record must be visible with it. If none is, it is another company's key, and it writes
nothing until somebody says whose it is. The check costs a few reads, once for each key.

What cannot be decided is taken for the same company: a RenovationFind token that names no subject, while no page
documents how a lead is read. Then the history goes on and no write is repeated; `doctor` says that it was not checked.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from leadbridge.server import state
from leadbridge.server.catalog import Catalog
from leadbridge.server.company.configured_keys import ServiceKey, company_in, is_nobodys, keys_of
from leadbridge.server.config.settings import Settings
from leadbridge.server.errors import AuthError, KeyInDoubt, NotFound, PermissionDenied, Refused, ServiceError
from leadbridge.server.services.answers import KEY_SETTING, base_url_setting
from leadbridge.server.services.renovationfind.api import RenovationFind
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.services.services import Services
from leadbridge.server.state import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOOKED_AT = 4
"""Known records that are asked for with a new key; one that is visible is enough."""
NEWEST = 20
DEFAULT = str(Settings.model_fields["company"].default)
ACCEPT = "`leadbridge company accept`, run with the same settings"


@dataclass(frozen=True, slots=True)
class _Record:
    """What the store knows before a key's first write."""

    owner: str
    """The account that the key is on record for; empty for a key that was never used."""
    anything: bool
    known: list[int]
    subjects: frozenset[str]
    """Whom the company's tokens named so far, as fingerprints."""
    subject: str
    named_by: str
    """The account whose tokens named the same subject."""
    earlier: dict[str, list[int]]
    """Accounts of earlier versions that are nobody's yet, with ids of their records."""


@dataclass(slots=True)
class Company:
    """The company that this server works for, and whether its keys are the company's own."""

    settings: Settings
    catalog: Catalog
    services: Services
    store: Store
    clock: Callable[[], float] = time.time
    keys: Mapping[str, ServiceKey] = field(init=False, repr=False)
    """The configured ones by service, but for the sandbox's."""
    _confirmed: set[str] = field(default_factory=set[str], init=False)

    def __post_init__(self) -> None:
        self.keys = keys_of(self.settings, self.services)
        self.store.at_open = self._claim

    @property
    def name(self) -> str:
        """As it is shown."""
        services = self.services
        which = "" if services.all_simulated else f"{' and '.join(map(self.title, sorted(services.simulated)))} "
        return f"{self.settings.company} ({which}simulated)" if services.simulated else self.settings.company

    def refuse_mixture(self) -> None:
        """Keep invented people out of a live service, and real ones out of the sandbox.

        Raises:
            Refused: one service is the sandbox, and the other is live.
        """
        if not self.services.mixed:
            return
        (simulated,) = self.services.simulated
        (live,) = self.services.clients.keys() - self.services.simulated
        here = f": its address is on this machine, and {KEY_SETTING[live]} is not the sandbox's key"
        raise KeyInDoubt(
            "mixed_with_sandbox",
            f"{self.title(simulated)} is simulated here ({base_url_setting(simulated)} leads to the "
            f"sandbox), and {self.title(live)} is not{here if self.services.lacks_sandbox_key(live) else ''}. "
            "Invented people must not get among real ones.",
            f"To work on the real services, take {base_url_setting(simulated)} out and set {KEY_SETTING[simulated]} "
            f"to a key of {self.title(simulated)}.",
            f"To try something out, set {base_url_setting(live)} and {KEY_SETTING[live]} as `leadbridge sandbox` "
            "prints them.",
        )

    async def confirm(self, *services: str) -> None:
        """Make sure that the keys of these services are this company's, before a write or what is kept of a read.

        Raises:
            Refused: a key is another company's, or that cannot be found out now; or one service is the sandbox.
            ServiceError: the service refuses the key.
            StateError: the state store cannot be used.
        """
        if services and self.services.mixed:
            self.refuse_mixture()
        for service in services:
            if service in self._confirmed:
                continue
            if service in self.services.simulated and service in self.services.clients:
                await self.services.clients[service].meet_sandbox()
            elif service in self.keys:
                known_by, taken = await self.check(service)
                if known_by or taken:
                    await self.store.run(partial(self.keep, service, taken, known_by))
            self._confirmed.add(service)

    async def check(self, service: str) -> tuple[str, list[str]]:
        """By what a key that is not on record is known to be this company's, and which earlier accounts are.

        Nothing is kept. Raises what `confirm` raises.
        """
        found = await self.store.run(partial(self._look_up, service))
        try:
            known_by = "" if found.owner == self.services.accounts[service] else await self._judged(service, found)
            taken = [account for account in found.earlier if await self._takes(service, found, account)]
        except AuthError:
            raise
        except ServiceError as error:
            raise KeyInDoubt(
                "company_not_checked",
                f"whether this {self.title(service)} key is company {self.name}'s could not be "
                f"checked now. {error.what}",
                "Try again later.",
            ) from None
        return known_by, taken

    async def _judged(self, service: str, found: _Record) -> str:
        """By what a key that is not on record for this company is known to be its own."""
        if found.owner and not is_nobodys(found.owner):
            raise self._on_record_elsewhere(service, found.owner)
        if found.named_by:
            if found.named_by != self.services.accounts[service]:
                raise self._on_record_elsewhere(service, found.named_by)
            return "subject"
        if not found.anything:
            return "first"
        visible = await self._visible(service, self.services.accounts[service], found.known)
        if visible:
            return "records"
        if visible is False:
            raise self._another_company(service, "none of the records known of that company is visible with it")
        if found.subject and found.subjects:
            raise self._another_company(service, "it was issued to another subject than that company's tokens before")
        return "nothing"

    async def _takes(self, service: str, found: _Record, earlier: str) -> bool:
        """Whether an earlier account is this company's. What cannot be decided is the one company's of the store."""
        if earlier == found.owner:
            return True
        visible = await self._visible(service, earlier, found.earlier[earlier])
        return self._is_default if visible is None else visible

    async def _visible(self, service: str, account: str, known: list[int]) -> bool | None:
        """Whether the key shows a record that is known of an account; `None` where that is uncertain."""
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
        return await self.store.run(lambda connection: state.keys.any_seen(connection, account, ids))

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
        key, mine = self.keys[service], self.services.accounts[service]
        row = state.keys.account_of_key(connection, key.identities)
        earlier = state.keys.earlier_accounts(connection, service)
        owner = "" if row is None else row.account
        is_new = owner != mine
        subjects = state.keys.subjects_of(connection, service) if is_new else {}
        subject = state.keys.fingerprint_of(connection, key.subject) if key.subject else ""
        return _Record(
            owner=owner,
            anything=is_new and state.keys.holds_anything(connection, mine),
            known=state.keys.known_records(connection, mine, LOOKED_AT) if is_new else [],
            subjects=frozenset(one for one, account in subjects.items() if account == mine),
            subject=subject,
            named_by=subjects.get(subject, ""),
            earlier={account: state.keys.known_records(connection, account, LOOKED_AT) for account in earlier},
        )

    def keep(self, service: str, taken: Sequence[str], known_by: str, connection: Connection) -> None:
        """Take over accounts, and put a key on record for this company unless `known_by` is empty."""
        key, mine = self.keys[service], self.services.accounts[service]
        for account in taken:
            state.keys.take_over(connection, account, mine)
        if known_by:
            state.keys.keep_key(
                connection,
                key.identities[0],
                service=service,
                account=mine,
                subject=state.keys.fingerprint_of(connection, key.subject) if key.subject else "",
                known_by=known_by,
                now=self.clock(),
            )

    def _claim(self, connection: Connection) -> None:
        """When the store is opened: take over what an earlier version kept, where no service need be asked for it.

        That is the account of the very key that is configured, and the only one there is for the only company.
        """
        for service in self.catalog.services:
            if service in self.services.simulated:
                continue
            earlier, mine = state.keys.earlier_accounts(connection, service), self.services.accounts[service]
            if not earlier or state.keys.holds_anything(connection, mine):
                continue
            key = self.keys.get(service)
            row = state.keys.account_of_key(connection, key.identities) if key else None
            own = "" if row is None else row.account
            only = earlier[0] if len(earlier) == 1 and self._is_default else ""
            if own in earlier:
                state.keys.take_over(connection, own, mine)
            elif only and not own:
                state.keys.take_over(connection, only, mine)

    @property
    def _is_default(self) -> bool:
        return self.settings.company.casefold() == DEFAULT

    def title(self, service: str) -> str:
        """A service as a person calls it."""
        return self.catalog.services[service].title

    def _another_company(self, service: str, why: str) -> Refused:
        return KeyInDoubt(
            "another_company",
            f"this {self.title(service)} key was not used before at this address, and it seems to be "
            f"another company's than {self.name}: {why}.",
            "If it was given by mistake, put the right key back.",
            "If it is another company's, set LEADBRIDGE_COMPANY to that company's name.",
            f"If it is company {self.name}'s new key, say so with {ACCEPT}.",
        )

    def _on_record_elsewhere(self, service: str, account: str) -> Refused:
        other = company_in(account)
        setting = "leave LEADBRIDGE_COMPANY out" if other == DEFAULT else f"set LEADBRIDGE_COMPANY={other}"
        return KeyInDoubt(
            "another_company",
            f"this {self.title(service)} key is on record as the key of company {other}, and this "
            f"server works for company {self.name}.",
            f"To work for company {other}, {setting}.",
            f"If {self.name} is only a new name for it: `leadbridge company rename {shlex.quote(other)}`, "
            "run with the same settings.",
            f"If it is another company, and the key is {self.name}'s: {ACCEPT}.",
        )
