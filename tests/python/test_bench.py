# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""Benchmarks of speed: every measurement is a row, numbers agree with each other, nothing needs another library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from shoal import bench, cli, config, memory, native, registry
from shoal.bench import gemm, operations, sim, timing
from shoal.policy import Policy

SMALL = "--set vec.num_envs=64 train.horizon=16"


def run(capsys: pytest.CaptureFixture[str], line: str, folder: Path | str = "none") -> tuple[str, dict[str, Any]]:
    capsys.readouterr()
    assert cli.main(["bench", *line.split(), "--results", str(folder)]) == 0
    out = capsys.readouterr().out
    return out, json.loads(out.splitlines()[-1])


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    for row in found:
        assert {"commit", "machine", "date", "settings"} <= set(row)
    return found


def network(env: str, **policy: Any) -> operations.Network:
    spec = registry.get(env).spec()
    return operations.Network(
        Policy(spec, config.resolve(config.load(env, overrides={"policy": policy}, untuned=True), spec))
    )


@pytest.fixture
def no_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Act as if there were no other library."""
    monkeypatch.setattr(gemm.importlib.util, "find_spec", lambda name: None)


def test_a_mark_is_that_of_the_rows_that_were_kept() -> None:
    assert bench.mark("cartpole", 1, {"gravity": 9.8, "force": 10.0}) == "58e98329212a"
    assert bench.mark("cartpole", 1, {"force": 10.0, "gravity": 9.8}) == bench.mark(
        "cartpole", 1, {"gravity": 9.8, "force": 10.0}
    )
    assert bench.mark("cartpole", 2) != bench.mark("cartpole", 1)


# ---------------------------------------------------------------------------------------------------- drawing


def test_draw_measures_lists_pictures_and_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = "--width 64 --height 40 --seconds 0.002 --repeats 3"
    out, result = run(capsys, f"draw breakout masked {size}", tmp_path)
    assert "pictures of 64 x 40 a second" in out
    for row in result["rows"]:
        assert 0 < row["frames"][1] <= row["frames"][0] <= row["frames"][2]
        assert row["lists"][2] > row["frames"][1] and row["list_bytes"] > 0
        assert len(rows(tmp_path, f"draw-{row['env']}")) == 1
    assert [row["env"] for row in result["rows"]] == ["breakout", "masked"]


# ---------------------------------------------------------------------------------------------------- simulation


def test_sim_measures_every_combination_of_its_axes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    axes = "--copies 8,3e1 --threads 1,2 --orders blocks,steps"
    _, result = run(capsys, f"sim cartpole mixed {axes} --seconds 0.002 --repeats 3", tmp_path)
    found = [(row["env"], row["copies"], row["threads"], row["order"]) for row in result["rows"]]
    assert found == [
        (env, copies, threads, order)
        for env in ("cartpole", "mixed")
        for copies in (8, 30)
        for threads in (1, 2)
        for order in ("blocks", "steps")
    ]
    for row in result["rows"]:
        median, low, high = row["msteps"]
        assert 0 < low <= median <= high
    kept = rows(tmp_path, "sim-cartpole")
    assert [{key: row[key] for key in result["rows"][0]} for row in kept] == result["rows"][:8]


def test_sim_takes_all_environments_and_the_default_number_of_copies(capsys: pytest.CaptureFixture[str]) -> None:
    _, result = run(capsys, "sim --seconds 0.001 --repeats 1")
    assert {row["env"]: row["copies"] for row in result["rows"]} == {
        name: max(1, 2048 // registry.get(name).spec().agents) for name in registry.names()
    }


def test_the_measured_rate_counts_agent_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(clock)))  # every call takes a second
    rates = sim.measure(registry.get("crowd"), threads=1, num_envs=8, seconds=4.0, repeats=2)
    agents = registry.get("crowd").spec().agents
    assert agents > 1
    assert rates == [8 * 8 * agents / 1e6] * 2  # 2 steps took a second, so 8 ought to take 4


def test_bytes_per_copy_leave_out_the_callers_buffers() -> None:
    spec = registry.get("cartpole").spec()
    found = sim.bytes_per_copy(spec)
    accumulators = 4 + 4 + 1 + 4 + 4 + 4 * len(spec.env.metrics) + 2  # limit, reward, flags, return, length, metrics
    assert spec.state_bytes + accumulators <= found <= 96


# ---------------------------------------------------------------------------------------------------- operations


@pytest.mark.parametrize("name", operations.names())
@pytest.mark.parametrize("policy", [{"core": "mingru"}, {"core": "lstm"}, {"core": "mlp", "value_net": "own"}])
def test_an_operation_stays_within_its_memory(name: str, policy: dict[str, Any]) -> None:
    found = network("mixed", hidden=24, **policy)
    lib, number = native.library(), operations.names().index(name)
    for _, inputs, outputs in found.shapes(lib.bench_shapes(number)):
        shape = native.Bench(12, 4, inputs, outputs, found.policy.handle)
        size = lib.bench_bytes(number, shape)
        block = memory.allocate(2 * size + 4096)
        block[:] = np.resize(np.random.default_rng(0).standard_normal(1000, np.float32).view(np.uint8), len(block))
        guard = block[2 * size :].tobytes()
        assert lib.bench_run(number, shape, 2, 3, block.ctypes.data) > 0
        assert block[2 * size :].tobytes() == guard
        assert lib.bench_flops(number, shape) > 0


def test_floating_point_operations_of_a_network_are_those_of_its_products() -> None:
    spec = registry.get("breakout").spec()
    small = network("breakout", core="mingru", hidden=64, layers=2)
    encoder, core, heads = spec.features * 64, 2 * 64 * 192, 64 * (3 + 1)
    assert small.flops() == (2 * (encoder + core + heads), 2 * (encoder + 2 * core + 2 * heads))
    large = network("breakout", core="lstm", hidden=128)
    encoder, core, heads = spec.features * 128, 2 * 128 * 512, 128 * (3 + 1)
    assert large.flops() == (2 * (encoder + core + heads), 2 * (encoder + 2 * core + 2 * heads))
    own = network("breakout", core="mlp", hidden=32, layers=2, value_net="own")
    encoder, core, heads = 2 * spec.features * 32, 2 * 32 * 32, 32 * (3 + 1)
    assert own.flops() == (2 * (encoder + core + heads), 2 * (encoder + 2 * core + 2 * heads))
    whole = native.Bench(10, 1, 0, 64, small.policy.handle)
    for name, flops in (("forward", small.flops()[0]), ("forward_backward", sum(small.flops()))):
        assert native.library().bench_flops(operations.names().index(name), whole) == 10 * flops


def test_shapes_are_those_of_the_layers() -> None:
    small = network("breakout", core="mingru", hidden=64, layers=2)
    features = registry.get("breakout").spec().features
    assert small.layers() == [("encoder", features, 64), ("core.0", 64, 192), ("heads", 64, 4)]
    assert small.products() == [*small.layers(), ("core.0 back", 192, 64), ("heads back", 4, 64)]
    assert ("core.0", 64, 64) in small.blocks()


def test_kernels_say_time_rate_and_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "kernels gemm muon --env cartpole --set policy.hidden=32 policy.core=mingru"
    line += " --threads 1 --rows 64 --seconds 0.001 --repeats 2"
    out, result = run(capsys, line, tmp_path)
    (products,) = result["products"]
    assert list(products["gflops"])[:2] == ["shoal", "openblas"]
    assert "torch" in {**products["gflops"], **products["missing"]}
    assert products["best"] == max(median for table in products["gflops"].values() for median, *_ in table)
    assert {row["operation"] for row in result["operations"]} == {"gemm", "muon"}
    for row in result["operations"]:
        assert row["share"] == pytest.approx(row["gflops"][0] / products["best"], abs=1e-4)
        if row["operation"] == "gemm":
            _, inputs, outputs = row["shape"]
            assert row["ns"][1] * row["gflops"][2] == pytest.approx(2 * inputs * outputs, rel=1e-3)
    kept = rows(tmp_path, "kernels")
    assert [row["ns"] for row in kept] == [row["ns"] for row in result["operations"]]
    assert "mingru 32 x 2 on cartpole, 1 threads" in out


# ---------------------------------------------------------------------------------------------------- other libraries


def test_a_library_that_is_missing_or_fails_is_said_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = gemm.importlib.util.find_spec
    monkeypatch.setattr(gemm.importlib.util, "find_spec", lambda name: None if name == "torch" else known(name))
    monkeypatch.setattr(gemm.sys, "executable", "/bin/false")
    rates = gemm.measure([("layer", 8, 8)], threads=1, seconds=0.001, repeats=1)
    assert list(rates.gflops) == ["shoal"]
    assert rates.missing["torch"] == "not installed"
    assert rates.missing["openblas"] == "exit code 1"
    out, _ = run(capsys, "kernels gemm --env cartpole --threads 1 --seconds 0.001 --repeats 1")
    assert "torch: not installed" in out


def test_benchmarks_do_not_import_torch() -> None:
    code = (
        "import sys; from shoal import cli; "
        "code = cli.main('bench kernels gemm --env cartpole --threads 1 --seconds 0.001 --repeats 1 --results none'"
        ".split()); sys.exit(code or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


# ---------------------------------------------------------------------------------------------------- training


@pytest.mark.usefixtures("no_peers")
def test_train_says_speed_stages_share_and_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, row = run(capsys, f"train cartpole {SMALL} --threads 2 --seconds 0.4 --windows 2", tmp_path)
    assert rows(tmp_path, "train-cartpole") == [row]
    median, low, high = row["sps"]
    assert 0 < low <= median <= high
    plain = shoal.Trainer("cartpole", runs_dir=None, vec={"num_envs": 64}, train={"horizon": 16})
    assert row["settings"] == plain.config.settings_hash(plain.spec.version)  # as a run says it
    forward, backward = operations.Network(plain.policy).flops()
    ratio = plain.config.train.replay_ratio
    assert row["flops_per_step"] == (1 + ratio) * forward + ratio * backward
    assert row["share"] == pytest.approx(median * row["flops_per_step"] / 1e9 / row["best_gflops"], abs=1e-3)
    assert row["best_gflops"] == max(row["gemm"].values())
    assert set(row["stages"]) == set(native.STAGES)
    assert min(cost for stage, cost in row["stages"].items() if stage != "statistics") > 0
    # what the two threads did adds up to the time there was; windows differ, so medians do not add up exactly
    assert sum(row["stages"].values()) * median == pytest.approx(2e9, rel=0.3)
    assert row["scaling_share"] == pytest.approx(row["scaling"] / row["gemm_scaling"], abs=2e-3)
    assert row["bytes"] == plain.bytes() | {"learner": row["bytes"]["learner"]}
    assert row["bytes"]["learner"] > 64 * 16 * registry.get("cartpole").spec().row_bytes


@pytest.mark.usefixtures("no_peers")
def test_train_counts_the_replay_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    _, once = run(capsys, f"train cartpole {SMALL} train.replay_ratio=1 --threads 1 --seconds 0.02 --windows 1")
    _, thrice = run(capsys, f"train cartpole {SMALL} train.replay_ratio=3 --threads 1 --seconds 0.02 --windows 1")
    plain = operations.Network(shoal.Trainer("cartpole", runs_dir=None).policy).flops()
    assert once["flops_per_step"] == 2 * plain[0] + plain[1]
    assert thrice["flops_per_step"] == 4 * plain[0] + 3 * plain[1]
    assert once["scaling"] == 1.0  # one thread beside itself


def test_backends_are_measured_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    out, row = run(capsys, f"backends cartpole {SMALL} --threads 1 --seconds 0.2 --windows 2", tmp_path)
    stored = [json.loads(line) for line in (tmp_path / "backends-cartpole.jsonl").read_text().splitlines()]
    assert stored == [row] and {"commit", "machine", "date"} <= set(row)
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines()[3:5]}
    for backend in ("native", "torch"):
        median, low, high = row[backend]
        assert 0 < low <= median <= high
        settings = {"vec": {"num_envs": 64}, "train": {"horizon": 16, "backend": backend}}
        plain = shoal.Trainer("cartpole", runs_dir=None, **settings)
        assert row[f"{backend}_settings"] == plain.config.settings_hash(plain.spec.version)
        assert lines[backend][:3] == [f"{rate:,.0f}" for rate in row[backend]]
        assert float(lines[backend][3]) == pytest.approx(median / row["native"][0], abs=0.006)
    assert row["network"] == "mlp 16 x 2" and row["threads"] == 1


def test_stages_of_one_thread_are_its_whole_time() -> None:
    trainer = shoal.Trainer("recall", runs_dir=None, vec={"num_envs": 64, "threads": 1}, train={"horizon": 16})
    trainer.stages()
    seconds: list[float] = []

    def callback(log: shoal.Log) -> bool:
        seconds.append(log["seconds"])
        return len(seconds) == 20

    trainer.train(callback)
    found = trainer.stages()
    assert sum(found.values()) >= seconds[-1]
    busy = sum(cost for stage, cost in found.items() if stage != "wait")
    assert 0.5 * seconds[-1] < busy < 1.1 * seconds[-1]
    assert sum(trainer.stages().values()) < found["act"] + 0.1  # from zero again


# ---------------------------------------------------------------------------------------------------- gymnasium


def test_gymnasium_takes_turns_with_ours(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("gymnasium")
    out, found = run(capsys, "gymnasium --copies 1,64 --seconds 0.01 --repeats 3", tmp_path)
    assert [row["copies"] for row in found["rows"]] == [1, 64]
    for row, kept in zip(found["rows"], rows(tmp_path, "gymnasium-cartpole"), strict=True):
        assert row.items() <= kept.items()
        assert set(row["msteps"]) == {"ours", "same-step", "in place", "gymnasium"}
        for median, low, high in (*row["msteps"].values(), row["ratio"]):
            assert 0 < low <= median <= high
        assert row["ratio"][0] > 1.5  # far from what is reached, on a machine that does something else
        assert str(row["msteps"]["ours"][0])[:4] in out


def test_envpool_is_measured_by_its_own_python(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gymnasium")
    program = tmp_path / "python"
    said = {"version": "7", "rates": {"2": {"1": [0.5, 0.4, 0.6], "2": [0.9, 0.7, 0.8]}}}
    program.write_text(
        f"#!{sys.executable}\nimport sys\nassert sys.argv[1] == '-I', sys.argv\nprint({json.dumps(said)!r})\n"
    )
    program.chmod(0o755)
    out, found = run(capsys, f"gymnasium --copies 2 --seconds 0.001 --repeats 1 --envpool {program}")
    best = found["rows"][0]["envpool"]
    assert (best["version"], best["threads"], best["msteps"]) == ("7", 2, [0.8, 0.7, 0.9])
    assert best["ratio"] == pytest.approx(found["rows"][0]["msteps"]["ours"][0] / 0.8, rel=0.01)
    assert "EnvPool 7, 2 threads: 0.8; ours" in out
    for python, reason in (
        ("/nosuch/python", "No such file or directory; expected the path of a Python"),
        (sys.executable, "EnvPool cannot be measured: ModuleNotFoundError: No module named 'envpool'"),
    ):
        assert (
            cli.main(
                [
                    "bench",
                    "gymnasium",
                    "--copies",
                    "1",
                    "--seconds",
                    "1e-4",
                    "--repeats",
                    "1",
                    "--results",
                    "none",
                    "--envpool",
                    python,
                ]
            )
            == 2
        )
        assert f"--envpool {python}: {reason}" in capsys.readouterr().err
