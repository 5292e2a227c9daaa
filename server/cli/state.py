"""`leadbridge history` and `leadbridge company`: the commands on the state store, for which no key is needed."""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import typer

from leadbridge.server.cli.shared import EnvFile, failed, flag, one_of, settings_without_key, wrong_use
from leadbridge.server.errors import LeadBridgeError

if TYPE_CHECKING:
    from leadbridge.server.mcp.context import AppContext

NO_STORE = "No writes yet: there is no state store ({store})."
OUTCOMES = ("done", "unconfirmed", "refused", "unknown", "in_progress")
"""As `write_history` names them."""
SERVICES = ("rooflink", "renovationfind")


def _day(given: str) -> date | timedelta:
    """A day, or how long ago the office's today it was."""
    if (ago := {"today": 0, "yesterday": 1}.get(given.lower())) is not None:
        return timedelta(ago)
    try:
        return datetime.strptime(given, "%Y-%m-%d").date()  # noqa: DTZ007  # a day has no zone
    except ValueError:
        raise typer.BadParameter("must be a day such as 2026-05-06, or today or yesterday") from None


def _look_for_no_garbage() -> None:
    """These commands end soon, and nothing that they import is garbage: to look for it is a sixth of their time."""
    gc.disable()


history_app = typer.Typer(
    help="What was written, and the audit trail.", no_args_is_help=True, callback=_look_for_no_garbage
)


@history_app.command("list")
def history_list(
    *,
    outcome: Annotated[
        str | None,
        typer.Option(metavar="OUTCOME", help=f"Only these: {', '.join(OUTCOMES)}.", parser=one_of(*OUTCOMES)),
    ] = None,
    since: Annotated[
        Any, typer.Option(metavar="DAY", help="Only from this day on: 2026-05-06, today or yesterday.", parser=_day)
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(metavar="SERVICE", help="Only rooflink or renovationfind.", parser=one_of(*SERVICES)),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="NUMBER", help="The newest so many.")] = 50,
    env_file: EnvFile = None,
) -> None:
    """Show the newest writes of the company (LEADBRIDGE_COMPANY), the unresolved first."""
    from leadbridge.server.cli.history import show

    def work(app: AppContext) -> int:
        day = app.time.today() - since if isinstance(since, timedelta) else since
        return anyio.run(show, app, outcome or "", day, service or "", limit)

    raise typer.Exit(_on_store(env_file, work, none_yet=NO_STORE))


@history_app.command("verify")
def history_verify(*, env_file: EnvFile = None) -> None:
    """Check the audit trail; exit code 1, and the position, if it was changed."""
    from leadbridge.server.cli.history import verify

    raise typer.Exit(_on_store(env_file, verify, none_yet=NO_STORE))


@history_app.command("export")
def history_export(*, env_file: EnvFile = None) -> None:
    """Print the audit trail as JSON Lines."""
    from leadbridge.server.cli.history import export

    raise typer.Exit(_on_store(env_file, export, none_yet=""))


@history_app.command("forget")
def history_forget(*, yes: Annotated[bool, flag("--yes", "Do not ask.")] = False, env_file: EnvFile = None) -> None:
    """Forget the history and what is known of leads and prospects, safely while servers run."""
    from leadbridge.server.cli.history import forget

    raise typer.Exit(_on_store(env_file, lambda app: forget(app, yes=yes), none_yet=NO_STORE))


company_app = typer.Typer(
    help="Whose keys these are, and whose history.", no_args_is_help=True, callback=_look_for_no_garbage
)


@company_app.command("accept")
def company_accept(*, env_file: EnvFile = None) -> None:
    """Say that the configured keys belong to the configured company (LEADBRIDGE_COMPANY)."""

    def work(app: AppContext) -> int:
        from leadbridge.server.company.records import accept

        lines = anyio.run(accept, app.company)
        if not lines:
            wrong_use("no key is set, so there is none to accept")
        typer.echo("\n".join(lines))
        return 0

    raise typer.Exit(_on_store(env_file, work))


@company_app.command("rename")
def company_rename(
    old: Annotated[str, typer.Argument(help="Its name until now.")], *, env_file: EnvFile = None
) -> None:
    """Give a company the name in LEADBRIDGE_COMPANY; stop its servers first."""

    def work(app: AppContext) -> int:
        from leadbridge.server.company.records import rename

        anyio.run(rename, app.company, old)
        typer.echo(f"Company {old} is company {app.company.name} now. Set LEADBRIDGE_COMPANY in all its servers.")
        return 0

    raise typer.Exit(_on_store(env_file, work))


def _on_store(env_file: str | None, work: Callable[[AppContext], int], *, none_yet: str | None = None) -> int:
    """Run `work` on the configured store, for which no key is needed; one that cannot be used is exit code 1.

    `none_yet`: printed where there is no store, which is not made then.
    """
    try:
        from leadbridge.server.app import build_app_context

        app = build_app_context(settings_without_key(env_file), needs_key=False)
    except LeadBridgeError as error:
        wrong_use(str(error))
    try:
        if none_yet is not None:
            if not app.store.is_made():
                typer.echo(none_yet.format(store=app.store.description), nl=bool(none_yet))
                return 0
            app.store.check()
        return work(app)
    except LeadBridgeError as error:
        failed(str(error))
    finally:
        app.store.close()
