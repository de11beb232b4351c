"""A page followed from its first block to its last, as a reader would: files are written, commands and programs are run.

The page becomes one shell script, so that a directory that was changed, or an environment that was activated, stays so.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .pages import Block, blocks


class Step(NamedTuple):
    """One block of the page."""

    block: Block
    printed: str
    """On stdout, and then on stderr: between the two there is no order."""
    shown: str | None
    """What the page says that it prints, in the ``text printed`` that follows; ``…`` stands for anything."""

    @property
    def as_shown(self) -> bool:
        """Whether it printed what the page says."""
        if self.shown is None:
            return True
        pattern = ".*".join(re.escape(part) for part in self.shown.strip().split("…"))
        return re.search(f"^{pattern}$", self.printed.strip(), re.DOTALL) is not None


def follow(page: Path, where: Path, environment: Mapping[str, str], timeout: float = 1800.0) -> list[Step]:
    """Do what `page` says, in the empty directory `where`, and return its steps. The first that fails is an AssertionError."""
    found = blocks(page)
    outputs = where.parent / "printed"
    outputs.mkdir()
    lines = ["set -e"]
    for block in found:
        if block.file or block.language in ("sh", "python"):
            output = shlex.quote(str(outputs / str(block.line)))
            lines += [f"{{ {_command(block)}", f"}} > {output} 2> {output}.err < /dev/null"]
    script = where.parent / "page.sh"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(["bash", str(script)], cwd=where, env=dict(environment), timeout=timeout, check=False)
    steps = [
        Step(block, _printed(outputs / str(block.line)), _shown(found[position + 1 :]))
        for position, block in enumerate(found)
        if (outputs / str(block.line)).exists()
    ]
    assert done.returncode == 0, f"{page.name}, line {steps[-1].block.line}:\n{steps[-1].printed}"
    return steps


def _printed(output: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in (output, output.with_name(f"{output.name}.err")))


def _command(block: Block) -> str:
    """The shell's command for a block; what it holds is quoted by a here-document."""
    document = f"<<'END OF BLOCK'\n{block.text}END OF BLOCK"
    if block.file is not None:
        path = shlex.quote(block.file)
        return f'mkdir -p "$(dirname {path})"; cat > {path} {document}'
    return f"python - {document}" if block.language == "python" else f"\n{block.text}"


def _shown(following: list[Block]) -> str | None:
    nearest = following[0] if following else None
    return nearest.text if nearest is not None and (nearest.language, nearest.mark) == ("text", "printed") else None
