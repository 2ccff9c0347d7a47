"""entente token."""

from datetime import timedelta
from typing import Annotated

import typer

from entente_chassis.auth import Role
from entente_cli import output
from entente_cli.errors import CommandError
from entente_cli.output import Json
from entente_cli.paths import current_paths
from entente_cli.session import Issuer, Who


def token(
    role: Annotated[list[Role], typer.Option("--role", "-r", help="What the caller is; may be repeated.")],
    brand: Annotated[list[str] | None, typer.Option(help="Brand it speaks for, brands/{id}; may be repeated.")] = None,
    creator: Annotated[
        list[str] | None, typer.Option(help="Creator it speaks for, creators/{id}; may be repeated.")
    ] = None,
    subject: Annotated[str, typer.Option(help="Stable pseudonymous id of the account.")] = "accounts/local",
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 30, help="How long it is valid.")] = 1,
    as_json: Json = False,
) -> None:
    """Issue a token with the local stack's key, for ENTENTE_TOKEN or an "authorization: Bearer" header."""
    brands, creators = tuple(brand or ()), tuple(creator or ())
    for name, kind in [*((name, "brands") for name in brands), *((name, "creators") for name in creators)]:
        if not name.startswith(f"{kind}/"):
            raise CommandError(f"{name!r} is not a name: write {kind}/{name}.")
    if brands and not {Role.BRAND, Role.AGENCY} & set(role):
        raise CommandError("Only a BRAND or an AGENCY speaks for a brand: add --role BRAND.")
    if creators and Role.CREATOR not in role:
        raise CommandError("Only a CREATOR speaks for a creator: add --role CREATOR.")
    who = Who(subject, tuple(role), brands, creators)
    issued = Issuer(current_paths()).issue(who, lifetime=timedelta(hours=hours))
    if as_json:
        output.show_json({"token": issued, "subject": subject, "roles": role, "brands": brands, "creators": creators})
    else:
        print(issued)
