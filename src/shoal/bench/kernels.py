# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Every native operation at the shapes of a network, beside the rate at which this machine multiplies matrices."""

from __future__ import annotations

from typing import Any

from shoal import bench, config, flags, native, store
from shoal.bench import gemm, operations
from shoal.errors import ConfigError, nearest
from shoal.policy import Policy

_OPTIONS = (
    flags.Option("env", "str", "breakout,squared", "environments whose networks give the shapes"),
    flags.Option("set", "str", None, "policy.key=value, several separated by spaces: another network"),
    flags.Option("threads", "str", "1,0", "several separated by commas; 0 stands for all cores"),
    flags.Option("rows", "int", gemm.ROWS, "of one call: at most those of a pass of the update stay in the cache"),
    flags.Option("steps", "int", 32, "of a segment; divides rows"),
    flags.Option("seconds", "float", 0.02, "of one measurement"),
    flags.Option("repeats", "int", 9, "measurements"),
    bench.RESULTS,
)


def run(wanted: list[str], arguments: list[str]) -> int:
    """Run `shoal bench kernels OPERATIONS ARGUMENTS` and return the exit code."""
    arguments, assignments = bench.take_assignments(arguments)
    options = flags.parse("shoal bench kernels", "The native operations one at a time.", arguments, _OPTIONS).options
    known = operations.names()
    for name in wanted:
        if name not in known:
            raise ConfigError(f"no operation is called `{name}`; expected of {', '.join(known)}", nearest(name, known))
    bench.check_timing(options)
    threads = bench.threads_of(options["threads"])
    rows, steps = options["rows"], options["steps"]
    if not 1 <= steps <= rows <= 1 << 20 or rows % steps:
        raise ConfigError(f"--rows {rows} --steps {steps}: expected whole segments of steps, at most {1 << 20} rows")
    networks = {name: _network(name, assignments) for name in options["env"].split(",")}
    print(bench.machine(), flush=True)
    found: list[dict[str, Any]] = []
    products: list[dict[str, Any]] = []
    for env, network in networks.items():
        shape = network.policy.settings.policy
        title = f"{shape.core} {shape.hidden} x {shape.layers}"
        timing = {"seconds": options["seconds"], "repeats": options["repeats"]}
        rates = {count: gemm.measure(network.products(), threads=count, **timing) for count in threads}
        products += [_show_products(f"{title} on {env}", rate) for rate in rates.values()]
        print(
            f"\n{'operation':<18}{'shape':<26}{'threads':>7}{'ns':>11}  {'per':<7}{'lowest':>11}{'highest':>11}"
            f"{'GFLOP/s':>9}{'share':>7}"
        )
        for number, name in enumerate(known):
            if wanted and name not in wanted:
                continue
            kind = native.library().bench_shapes(number)
            for matrix in network.shapes(kind):
                for count in threads:
                    flops, calls = operations.measure(
                        name, matrix, rows=rows, steps=steps, threads=count, policy=network.policy, **timing
                    )
                    unit = 1 if kind == operations.BLOCKS else rows
                    row: dict[str, Any] = {"operation": name, "network": title, "env": env, "shape": matrix}
                    row |= {"threads": count, "per": "matrix" if kind == operations.BLOCKS else "row"}
                    row |= {"ns": bench.spread([call / unit * 1e9 for call in calls])}
                    row["gflops"] = bench.spread([flops / call / 1e9 for call in calls])
                    row["share"] = round(row["gflops"][0] / rates[count].best()[2], 4)
                    found.append(row)
                    _show(row, kind)
    for row in found:
        mark = {"settings": f"{row['network']}, {row['env']}", "rows": rows, "steps": steps}
        bench.append(options["results"], "kernels", row | mark | bench.about())
    summary = {"machine": bench.machine(), "commit": bench.commit(), "products": products, "operations": found}
    print(store.to_json(summary))
    return 0


def _network(env: str, assignments: list[str]) -> operations.Network:
    overrides: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        for section, values in flags.from_assignment(env, assignment).items():
            overrides.setdefault(section, {}).update(values)
    settings = config.load(env, overrides=overrides)
    spec = settings.spec()
    return operations.Network(Policy(spec, config.resolve(settings, spec)))


def _show_products(title: str, rates: gemm.Rates) -> dict[str, Any]:
    """Print GFLOP/s of every library on every shape and return them."""
    print(f"\n{title}, {rates.threads} threads: matrix products, GFLOP/s (lowest to highest)")
    names = list(rates.gflops)
    print(f"{'product':<26}" + "".join(f"{name:>24}" for name in names))
    for index, matrix in enumerate(rates.matrices):
        cells = (rates.gflops[name][index] for name in names)
        print(f"{_name(matrix):<26}" + "".join(f"{f'{m:.4g} ({a:.4g} to {b:.4g})':>24}" for m, a, b in cells))
    for name, reason in rates.missing.items():
        print(f"{name}: {reason}")
    library, matrix, best = rates.best()
    print(f"best: {best:.4g} GFLOP/s, {library} on {_name(matrix)}", flush=True)
    table = {"network": title, "threads": rates.threads, "shapes": rates.matrices, "gflops": rates.gflops}
    return table | {"missing": rates.missing, "best": best, "best_library": library}


def _show(row: dict[str, Any], kind: int) -> None:
    shape = f"{row['shape'][2]} units" if kind in (operations.UNITS, operations.POLICY) else _name(row["shape"])
    median, low, high = row["ns"]
    print(
        f"{row['operation']:<18}{shape:<26}{row['threads']:>7}{median:>11.4g}  {row['per']:<7}{low:>11.4g}{high:>11.4g}"
        f"{row['gflops'][0]:>9.4g}{row['share']:>7.1%}",
        flush=True,
    )


def _name(matrix: operations.Matrix) -> str:
    return f"{matrix[0]} {matrix[1]} x {matrix[2]}"
