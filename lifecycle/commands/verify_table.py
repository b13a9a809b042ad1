"""`invoke verify`: print the proofs as a table per set of modules, or as plain data."""

from collections.abc import Sequence

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.checks.fit import ModuleReport
from lifecycle.checks.signature import Signature
from lifecycle.commands.verify import Proof, ProofFailedError, prove, sentences

_COLUMNS = (
    "module",
    "kernel",
    "vermagic",
    "arch",
    "symbols",
    "of siblings",
    "namespaces",
    "licence",
    "signature",
    "size",
)


def show_proof(session: Session, only: str, *, as_json: bool) -> None:
    """Print the proofs of the selected combinations. Raises ProofFailedError, with one sentence per problem."""
    proofs = prove(session, only)
    if as_json:
        output.print_json([plain(proof) for proof in proofs])
    else:
        print_proofs([proof for proof in proofs if proof.source])
    problems = sentences(proofs)
    if problems:
        raise ProofFailedError(problems)


def print_proofs(proofs: Sequence[Proof]) -> None:
    """Print a table for each combination and module type, one line per module."""
    for index, proof in enumerate(proofs):
        output.print_lines([""] if index else [])
        verdict = "all correct" if not proof.problems else f"{len(proof.problems)} WRONG"
        title = f"{proof.combination} {proof.module_type}, from the {proof.source}: {verdict}"
        output.print_table(title, _COLUMNS, [_row(examined) for examined in proof.modules], in_summary=True)


def _row(examined: ModuleReport) -> tuple[str, ...]:
    module = examined.module
    return (
        module.path.name,
        module.kernel_release,
        module.vermagic.partition(" ")[2],
        module.architecture,
        f"{examined.matching} of {examined.kernel_symbols}",
        str(examined.sibling_symbols or "–"),
        ", ".join(module.namespaces) or "–",
        module.license,
        _signature(examined.signature),
        f"{module.size / 1e6:.2f} MB",
    )


def _signature(signature: Signature | None) -> str:
    if signature is None:
        return "–"
    return f"{signature.state}: {signature.signer or 'unknown signer'}, {signature.hash or 'no hash'}"


def plain(proof: Proof) -> dict[str, object]:
    """Return a proof as plain data. docs/reference/tasks.md documents the keys."""
    return {
        "combination": proof.combination,
        "module_type": proof.module_type,
        "source": proof.source,
        "modules": [_plain(examined) for examined in proof.modules],
        "problems": list(proof.problems),
    }


def _plain(examined: ModuleReport) -> dict[str, object]:
    module, signature = examined.module, examined.signature
    return {
        "file": module.path.name,
        "kernel_release": module.kernel_release,
        "vermagic": module.vermagic,
        "architecture": module.architecture,
        "version": module.version,
        "license": module.license,
        "namespaces": list(module.namespaces),
        "size": module.size,
        "kernel_symbols": examined.kernel_symbols,
        "agreeing_symbols": examined.matching,
        "sibling_symbols": examined.sibling_symbols,
        "signature": signature and {"state": signature.state, "signer": signature.signer, "hash": signature.hash},
    }
