"""The command that opens the app in the browser."""

import getpass
import socket
from pathlib import Path
from typing import Annotated

import typer

from labcut3d.cli.common import console

__all__ = ["app"]


def app(
    project: Annotated[
        Path | None,
        typer.Argument(help="The project's folder; by default chosen in the browser."),
    ] = None,
    *,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder with videos and projects that the browser may see, by default your home "
            "folder; may be given again.",
            metavar="FOLDER",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(help="By default one for each project.", min=0, max=65535)
    ] = 0,
    host: Annotated[
        str, typer.Option(help="The address to listen to; others than this reach more machines.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open the app in the browser: from videos to results without a line of code."""
    from labcut3d.app.launch import prepare
    from labcut3d.app.workspace import AppSettings

    folders = [*(data or [Path.home()]), *([] if project is None else [project])]
    settings = AppSettings(folders=tuple(folder.resolve() for folder in folders), host=host)
    launch = prepare(settings, project, port)
    if settings.public:
        console.print(
            f"[bold yellow]Warning:[/] listening to {host}: everybody in this network can reach "
            "the app, and read along, as it is not encrypted. An ssh tunnel is safer."
        )
    console.print("The app runs. Open this address in one browser; it works once:\n")
    console.print(f"  {launch.address}\n", highlight=False, soft_wrap=True)
    if not settings.public:
        console.print(
            "On another computer? Run there first, and keep it open: "
            f"ssh -N -L {launch.port}:127.0.0.1:{launch.port} "
            f"{getpass.getuser()}@{socket.gethostname()}",
            highlight=False,
            soft_wrap=True,
        )
    console.print("To stop: Ctrl and C.")
    launch.serve(browser=browser)
