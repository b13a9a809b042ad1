"""The report of a radar run as a table, as Markdown and as JSON. Pure, but for the two files."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from lifecycle.app.job_summary import escaped, markdown_table
from lifecycle.app.output import plural
from lifecycle.cache.cache import read_json
from lifecycle.errors import writing
from lifecycle.radar.model import Cause, KernelJudgement, ModulesJudgement, RadarResult, SymbolChanges, Verdict

FOLDER = Path("build/radar")
JSON, MARKDOWN = "radar.json", "radar.md"
COLUMNS = ("driver", "verdict", "first error", "patches")
_NONE = "–"
_LISTED = 5


def heading(kernel: KernelJudgement) -> str:
    """Return a kernel with the place where it was found, the release that may get it, and the time of its arrival."""
    return (
        f"{kernel.kernel} ({kernel.package}) from {kernel.suite}, "
        f"for {kernel.release}, now {kernel.current}; arrival: {kernel.arrival.words}"
    )


def rows(kernel: KernelJudgement) -> list[tuple[str, ...]]:
    """Return a row for the modules of each type of each driver on a kernel, in the order of COLUMNS."""
    return [
        (
            f"{modules.driver} {modules.module_type}",
            verdict_words(modules),
            error_words(modules) or _NONE,
            patch_words(modules) or _NONE,
        )
        for modules in kernel.modules
    ]


def symbol_lines(kernel: KernelJudgement) -> list[str]:
    """Return a line with the changes of symbols for all modules on a kernel whose symbols were compared."""
    return [
        f"{modules.driver} {modules.module_type}: {symbol_words(modules.symbols)}"
        for modules in kernel.modules
        if modules.symbols
    ]


def verdict_words(modules: ModulesJudgement) -> str:
    """Return the verdict for people, with the exclusion that foresees or contradicts it."""
    known = modules.verdict in (Verdict.BREAKS, Verdict.UNFIT)
    if modules.excluded and known:
        return f"{modules.verdict}, as an exclusion says"
    if modules.excluded and modules.verdict in (Verdict.FITS, Verdict.PATCHED):
        return f"{modules.verdict}, though an exclusion leaves it out"
    return str(modules.verdict)


def error_words(modules: ModulesJudgement) -> str:
    """Return the first error, or why there is no judgement; "" for neither."""
    return cause_words(modules.cause) if modules.cause else modules.reason


def cause_words(cause: Cause) -> str:
    """Return a cause as `missing member: nvidia/nv.c:12: 'struct vma' has no member named 'x'`."""
    return ": ".join(part for part in (str(cause.kind), cause.place, cause.words) if part)


def patch_words(modules: ModulesJudgement) -> str:
    """Return the patches that are in the modules, or those that may help."""
    if modules.patches:
        return ", ".join(modules.patches)
    return f"similar: {', '.join(modules.helps)}" if modules.helps else ""


def symbol_words(symbols: SymbolChanges) -> str:
    """Return the changes of symbols in one sentence."""
    changed = "CRCs not compared" if symbols.changed is None else f"{len(symbols.changed)} with another CRC"
    parts = [
        f"{plural(len(symbols.missing), 'symbol')} missing{_names(symbols.missing)}",
        changed,
        f"{len(symbols.gpl_only)} now GPL-only{_names(symbols.gpl_only)}",
    ]
    refused = f", not allowed for these modules: {', '.join(symbols.refused)}" if symbols.refused else ""
    return f"of {symbols.compared} that today's modules import: {', '.join(parts)}{refused}"


def _names(names: tuple[str, ...]) -> str:
    more = ", …" if len(names) > _LISTED else ""
    return f" ({', '.join(names[:_LISTED])}{more})" if names else ""


def markdown(result: RadarResult) -> str:
    """Return the report as Markdown."""
    return "\n".join(_markdown(result))


def _markdown(result: RadarResult) -> Iterator[str]:
    yield f"# Kernels to come, {result.at.strftime('%d %B %Y, %H:%M')} UTC"
    yield ""
    yield summary(result)
    yield ""
    for kernel in result.kernels:
        yield markdown_table(heading(kernel), COLUMNS, rows(kernel)).rstrip("\n")
        yield ""
        yield from (f"- {escaped(line)}" for line in symbol_lines(kernel))
        yield ""
    if result.warnings:
        lines = [(warning,) for warning in result.warnings]
        yield markdown_table("Not asked", ("archive",), lines).rstrip("\n")
        yield ""


def summary(result: RadarResult) -> str:
    """Return the result in one sentence."""
    if not result.kernels:
        return "No archive that answered has a kernel to come."
    modules = [m for k in result.kernels for m in k.modules]
    fitting = sum(m.verdict in (Verdict.FITS, Verdict.PATCHED) for m in modules)
    unknown = sum(m.verdict is Verdict.UNKNOWN for m in modules)
    parts = [f"{fitting} of {plural(len(modules), 'set')} of modules fit"]
    parts += [f"{unknown} not compiled yet"] if unknown else []
    breaks = f" New breaks: {', '.join(result.breaks)}." if result.breaks else ""
    return f"{plural(len(result.kernels), 'kernel')} to come: {', '.join(parts)}.{breaks}"


def write_result(folder: Path, result: RadarResult) -> list[Path]:
    """Write the report into a folder, and return the paths of both files."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {JSON: result.model_dump_json(indent=1, by_alias=True) + "\n", MARKDOWN: markdown(result)}
    for name, text in contents.items():
        with writing(folder / name):
            (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in contents]


def read_result(folder: Path) -> RadarResult | None:
    """Return the result that `write_result` has written; None for none, or one of another version."""
    try:
        return RadarResult.model_validate(read_json(folder / JSON) or {})
    except (ValidationError, OSError):
        return None
