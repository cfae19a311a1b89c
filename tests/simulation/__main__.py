"""Plays one seed: `python -m tests.simulation <workflow> <script> <seed>`."""

from __future__ import annotations

import sys
from typing import cast

from tests.simulation.aws import STORM
from tests.simulation.story import ID, Script, Story


def main() -> None:
    workflow, script, seed = sys.argv[1:]
    world = Story(int(seed), workflow, cast(Script, script), STORM).play()
    header = world.header(workflow, ID)
    print("run:", header and (header.status, header.parked, header.output, header.error))  # noqa: T201  # its output
    print("counts:", dict(world.count))  # noqa: T201  # its output
    print("\n".join(["trouble:", *world.trouble]) if world.trouble else "no trouble")  # noqa: T201  # its output


if __name__ == "__main__":
    main()
