"""What is on record of a company and its keys, as a person sees it, and what a person says about it.

Whatever reads or changes it raises StateError where the state store cannot be used.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from leadbridge.server import state
from leadbridge.server.company.company import Company
from leadbridge.server.company.configured_keys import company_in, is_nobodys
from leadbridge.server.errors import Refused
from leadbridge.server.services.services import account_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """What is known of a configured key, in words, and whether somebody should look at that."""

    message: str = ""
    doubtful: bool = False


async def standing_of(company: Company, service: str) -> KeyStanding:
    """What is known of the configured key of a service; nothing where there is none."""
    key, row = company.keys.get(service), None
    if key is None:
        return KeyStanding()
    if company.store.exists:
        row = await company.store.run(lambda connection: state.keys.account_of_key(connection, key.identities))
    if row is None or is_nobodys(row.account):
        return KeyStanding("not used for a write yet; it is checked before the first one")
    if row.account != company.services.accounts[service]:
        other = company_in(row.account)
        message = f"on record as the key of company {other} and not of {company.name}, so nothing is written with it"
        return KeyStanding(message, doubtful=True)
    message = f"company {company.name}'s"
    if row.at:
        message += f", used since {datetime.fromtimestamp(row.at, UTC):%Y-%m-%d}"
    if row.known_by == "person":
        message += ", as a person said"
    if row.known_by == "nothing":
        return KeyStanding(f"{message}, but that could not be checked: no known record can be read", doubtful=True)
    return KeyStanding(message)


async def unclaimed(company: Company) -> str:
    """Writes of earlier versions of which nobody knows yet whose they are, in words; empty where there are none."""

    def work(connection: Connection) -> int:
        services = [one for one in company.catalog.services if one not in company.services.simulated]
        earlier = [one for service in services for one in state.keys.earlier_accounts(connection, service)]
        return state.keys.count_writes(connection, earlier)

    if company.services.all_simulated or not company.store.exists or not (count := await company.store.run(work)):
        return ""
    return (
        f"{count} more write{' was' if count == 1 else 's were'} made by an earlier LeadBridge with other keys. Before "
        f"the next write LeadBridge asks the service what is company {company.name}'s, and shows it from then on."
    )


async def other_companies(company: Company) -> str:
    """The writes in the store that the company's history does not show, in words; empty where there are none."""
    counted = await company.store.run(lambda connection: state.keys.writes_by_account(connection))  # noqa: PLW0108  # imports it in the worker
    shown = {*company.services.shown_accounts(company.catalog.services)}
    counts = Counter[tuple[str, str]]()
    for account, count in counted.items():
        if account not in shown and not is_nobodys(account):
            name = company_in(account).removeprefix("sandbox/")
            counts[name, "" if name == company_in(account) else "simulated "] += count
    if not counts:
        return ""
    others = ", ".join(
        f"{count} {kind}write{'' if count == 1 else 's'} of company {name}"
        for (name, kind), count in sorted(counts.items())
    )
    return f"Also in this store: {others}. LEADBRIDGE_COMPANY says whose writes are listed."


async def accept(company: Company) -> list[str]:
    """A person says that the configured keys are this company's; what became of each, in words.

    What was kept with a key comes along, unless another company has it and more keys, so that nobody knows whose
    it is.
    """
    said: list[str] = []
    for service in company.keys:
        stays = await company.store.run(partial(_accept, company, service))
        rest = f" What was kept for company {company_in(stays)} stays with that company." if stays else ""
        said.append(f"The {company.title(service)} key is company {company.name}'s from now on.{rest}")
    return said


def _accept(company: Company, service: str, connection: Connection) -> str:
    """Put a key on record for the company; the other account that keeps what it has, if there is one."""
    mine = company.services.accounts[service]
    row = state.keys.account_of_key(connection, company.keys[service].identities)
    owner = mine if row is None else row.account
    comes_along = owner != mine and state.keys.count_keys(connection, owner) == 1
    company.keep(service, [owner] if comes_along else [], "person", connection)
    state.audit.append(connection, company.clock(), {"key": service, "account": mine, "by": "person"})
    return "" if comes_along or owner == mine else owner


async def rename(company: Company, old: str) -> None:
    """Give a company of the store the configured name, with its keys and all that is kept for it.

    Raises:
        Refused: there is no such company, or one of the new name is there already.
    """

    def work(connection: Connection) -> None:
        ours = company.services
        accounts = {
            account_of(one, old.casefold(), ours.simulated): ours.accounts[one] for one in company.catalog.services
        }
        if not any(_is_there(connection, before) for before in accounts):
            raise Refused("no_such_company", f"nothing is on record for company {old}.")
        if any(_is_there(connection, after) for after in accounts.values()):
            raise Refused("company_exists", f"company {company.name} has records of its own.")
        for before, after in accounts.items():
            state.keys.take_over(connection, before, after)
            state.audit.append(connection, company.clock(), {"account": after, "was": before, "by": "person"})

    if not company.store.exists:
        raise Refused("no_such_company", "there is no state store yet.")
    await company.store.run(work)


def _is_there(connection: Connection, account: str) -> bool:
    return state.keys.count_keys(connection, account) > 0 or state.keys.holds_anything(connection, account)
