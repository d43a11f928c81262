"""A contract of import-linter: how long a chain of imports may be. A circle is broken at any length."""

from graphlib import CycleError, TopologicalSorter

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from typing_extensions import override


class LongestChain(Contract):
    """At most ``at_most`` modules import one another in a row."""

    at_most = fields.IntegerField()

    @override
    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        try:
            chain = _longest(imports)
        except CycleError as error:
            return ContractCheck(kept=False, metadata={"chain": error.args[1]})
        return ContractCheck(kept=len(chain) <= self.at_most, metadata={"chain": chain})

    @override
    def render_broken_contract(self, check: ContractCheck) -> None:
        chain = check.metadata["chain"]
        output.print_error(f"a chain of {len(chain)}:")
        for module in chain:
            output.print_error(f"  {module}", bold=False)


def _longest(imports: dict[str, set[str]]) -> list[str]:
    """The longest chain, from the module that imports all others of it; raises CycleError."""
    chains: dict[str, list[str]] = {}
    for module in TopologicalSorter(imports).static_order():
        chains[module] = [module, *max((chains[name] for name in imports[module]), key=len, default=[])]
    return max(chains.values(), key=len)
