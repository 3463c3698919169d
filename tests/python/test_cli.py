# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The commands as a user types them: exit codes, one sentence for a mistake, JSON on the last line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from shoal import checkpoint, cli, memory, registry
from shoal.errors import installs
from shoal.settings import SECTIONS, names_of

BENCHES = "solve, suite, train, backends, sim, vec, draw, kernels or gymnasium"
SMALL = ["--vec.num-envs", "32", "--train.horizon", "16", "--steps", "3072"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def _somewhere_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# ---------------------------------------------------------------------------------------------------- train and eval


def test_train_ends_with_the_result_the_run_and_what_to_type_next(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "train", "cartpole", *SMALL, "--seed", "4", "--json")
    assert (code, err) == (0, "")
    result = json.loads(out.splitlines()[-1])
    assert " ".join(result).startswith("env seed steps seconds sps perf score episodes solved run checkpoint ")
    assert (result["env"], result["seed"], result["steps"], result["episodes"]) == ("cartpole", 4, 3072, 1000)
    assert result["solved"] is False
    assert result["first_ratio_error"] < 1e-4
    assert Path(result["checkpoint"]).is_file()
    assert re.search(r"not solved: score [\d.]+ ± [\d.]+ over 1000 lives \(solved: 475\), after 3.07k steps", out)
    assert f"run {result['run']}" in out
    assert out.splitlines()[-3:-1] == [
        "  python -m shoal eval cartpole",
        "  python -m shoal train cartpole --seed 5",
    ]


def test_eval_finds_the_newest_run_and_shows_the_baselines(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "train", "cartpole", *SMALL)
    saved = next(Path("runs").glob("cartpole/*/checkpoints/*3072.safetensors"))
    name = saved.parents[1].name
    results = []
    for words in (["cartpole"], ["cartpole", name], [name], [str(saved)], [str(saved.parents[1])], []):
        code, out, err = run(capsys, "eval", *words, "--json")
        assert (code, err) == (0, ""), words
        results.append(json.loads(out.splitlines()[-1]))
        assert [line.split()[0] for line in out.splitlines()[3:7]] == ["sampled", "greedy", "scripted", "random"]
    assert all(result == results[0] for result in results)
    assert results[0]["scripted_score"] > results[0]["random_score"]
    other = json.loads(run(capsys, "eval", "cartpole", "--seed", "1", "--json")[1].splitlines()[-1])
    assert other["score"] != results[0]["score"]


def test_a_stored_config_trains_the_same_again(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "train", "cartpole", *SMALL, "--seed", "9", "--train.gamma", "0.9", "--env.gravity", "5")
    stored = next(Path("runs").glob("cartpole/*/config.toml"))
    first = stored.read_text()
    assert "gravity = 5.0" in first
    run(capsys, "train", "cartpole", "--config", str(stored), "--runs-dir", "again")
    assert next(Path("again").glob("cartpole/*/config.toml")).read_text() == first
    weights = [next(Path(folder).glob("cartpole/*/checkpoints/*3072.safetensors")) for folder in ("runs", "again")]
    first_weights, again = (checkpoint.load(path).tensors for path in weights)
    assert all(np.array_equal(first_weights[name], again[name]) for name in again)


# ---------------------------------------------------------------------------------------------------- help and list


def test_help_is_instant_and_imports_nothing_heavy() -> None:
    heavy = "print(sorted({'numpy', 'torch', 'tyro'} & set(sys.modules)))"
    code = f"import sys, shoal.cli; shoal.cli.main(['--help']); {heavy}"
    before = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    took = time.perf_counter() - before
    assert done.stdout.splitlines()[-1] == "[]"
    assert "train ENV" in done.stdout
    assert took < 1.0  # 0.05 s when the machine is idle


def test_hints_install_extras_with_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOAL_COMMAND", raising=False)
    assert installs("window") == "pip install 'shoal[window]'"
    monkeypatch.setenv("SHOAL_COMMAND", "../shoal/run")
    assert installs("window") == "../shoal/run install window"


def test_hints_can_be_typed_as_the_program_was_called(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for argv, script, typed in (
        ("/usr/bin/shoal", None, "shoal"),
        ("shoal/__main__.py", None, "python -m shoal"),
        ("shoal/__main__.py", "../shoal/run", "../shoal/run"),
    ):
        monkeypatch.setattr(sys, "argv", [argv])
        monkeypatch.delenv("SHOAL_COMMAND", raising=False)
        if script:
            monkeypatch.setenv("SHOAL_COMMAND", script)
        assert run(capsys, "train", "nosuch")[2].endswith(f"hint: `{typed} list` names them all\n")
        assert run(capsys, "train")[2].endswith(f"hint: {typed} train breakout\n")


def test_bench_help_names_every_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "bench", "--help")
    assert code == 0
    assert [line.split()[1] for line in out.splitlines()[2:]] == list(cli.BENCHMARKS)


def test_train_help_shows_every_setting_with_the_environments_own_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "cartpole", "--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for section, fields in SECTIONS.items():
        for key in names_of(fields):
            assert f"--{section}.{key.replace('_', '-')}" in text
    for param in registry.get("cartpole").params:
        assert f"--env.{param.name.replace('_', '-')}" in text
    assert "pull downwards; 0 to 100 m/s2 (default: 9.8)" in text
    assert "agent steps to train for (default: 10000000)" in text  # cartpole.toml's
    assert "derived: the largest that divides, at most 16384 and N T / 8 (default: 1024)" in text


def test_train_help_says_which_parameters_are_fixed_at_creation(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["train", "connect4", "--help"])
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "show where a stone would complete four: true or false; fixed at creation" in text
    assert "how far the script looks ahead; 0: not at all; 0 to 12 stones (default" in text


def test_list_names_every_environment(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list", "--json")
    assert code == 0
    rows = json.loads(out.splitlines()[-1])["environments"]
    assert [row["env"] for row in rows] == registry.names()
    breakout = next(row for row in rows if row["env"] == "breakout")
    assert (breakout["features"], breakout["metric"], breakout["solved"]) == (118, "score", 850.0)


def test_the_package_lists_what_it_offers() -> None:
    import shoal

    assert set(shoal.__all__) == {name for name in shoal.__all__ if getattr(shoal, name)}
    with pytest.raises(AttributeError, match="module `shoal` has no attribute `trian`"):
        _ = shoal.trian


# ---------------------------------------------------------------------------------------------------- mistakes

MISTAKES = [
    ("trian", "no command is called `trian`\nhint: did you mean `train`?"),
    ("train", "which environment; expected its name first\nhint: python -m shoal train "),
    ("train cartpol", "no environment is called `cartpol`\nhint: did you mean `cartpole`"),
    ("train cartpole --train.gama 1", "unknown flag `--train.gama`\nhint: did you mean `--train.gamma`"),
    ("train cartpole --learning-rate 1", "unknown flag `--learning-rate`\nhint: did you mean `--train.learning-rate`?"),
    ("train cartpole --env.gravty 1", "unknown flag `--env.gravty`\nhint: did you mean `--env.gravity`"),
    ("train cartpole --env.gravity heavy", "wrong type: gravity='heavy'; expected a number (at env.gravity)"),
    ("train cartpole --steps many", "wrong type: --steps many; expected a whole number"),
    ("train cartpole --steps", "the flag `--steps` needs a value\nhint: `shoal train cartpole --help` shows which"),
    ("train cartpole 5", "unexpected argument `5`\nhint: `shoal train cartpole --help` shows what is expected"),
    ("train cartpole --seed -1", "out of range: seed=-1; expected 0 to 4294967295 (at seed)"),
    ("train cartpole --train.minibatch 3000", "minibatch=3000 does not divide the rollout: expected whole segments"),
    ("train cartpole --vec.num-envs 0", "num_envs=0: expected at least 1; one needs "),
    ("train cartpole --vec.num-envs 1000000000", "num_envs=1000000000 needs "),
    ("train cartpole --runs-dir file", "the run cannot be written: file/cartpole/"),
    ("train cartpole --config nowhere.toml", "the settings file cannot be read: nowhere.toml: No such file"),
    ("train cartpole --preset few", "no preset is called `few`\nhint: "),
    ("eval cartpol", "no such checkpoint or run: cartpol; expected a file, a folder, or a name in runs\nhint: did you"),
    ("eval file", "the checkpoint is damaged or is no safetensors file: file: "),
    ("eval cartpole a b", "unexpected argument `b`"),
    (
        "bench solv cartpole",
        f"no benchmark is called `solv`; expected `shoal bench` {BENCHES}",
    ),
    (
        "bench",
        f"which benchmark; expected `shoal bench` {BENCHES}",
    ),
    ("bench solve cartpole --seeds none", "no seeds: --seeds none; expected such as 0-4 or 0,3,7"),
    ("bench solve cartpole --set gamma=1", "--set gamma=1: expected section.key=value"),
    ("bench solve cartpole --set train.gama=1", "unknown key `gama` (at train.gama)\nhint: did you mean `gamma`"),
    ("bench solve forever", "`forever` does not say when it is solved (at solved.threshold in forever.toml)"),
    ("bench sim cartpole --copies 0", "--copies 0: expected whole numbers of at least 1, such as 1 or 1,2"),
    ("bench sim cartpole --copies 1,x", "--copies 1,x: expected whole numbers of at least 1"),
    ("bench sim cartpole --copies 1e12", "num_envs=1000000000000 needs "),
    ("bench sim cartpole --threads 2000", "--threads 2000: expected at most 1024; this machine has "),
    ("bench sim cartpole --orders step", "--orders step: expected blocks or steps, or both with a comma"),
    ("bench sim cartpole --seconds 0", "nothing to measure: expected --seconds above 0"),
    ("bench kernels gem", "no operation is called `gem`; expected of gemm, "),
    ("bench kernels gemm --rows 10 --steps 4", "--rows 10 --steps 4: expected whole segments of steps"),
    ("bench kernels gemm --env pingpong", "no environment is called `pingpong`"),
    ("bench kernels gemm --set policy.core=big", "core="),
    ("bench train", "which environment; expected its name first\nhint: python -m shoal bench train"),
    ("bench train cartpole --windows 0", "--windows 0: expected at least 1"),
    ("bench train cartpole --threads x", "wrong type: --threads x; expected a whole number"),
    ("bench train cartpole --set vec.num_envs=1000000000", "num_envs=1000000000 needs "),
    ("bench sim cartpol", "no environment is called `cartpol`\nhint: did you mean `cartpole`"),
]


@pytest.mark.parametrize(("line", "message"), MISTAKES)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    line: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 1 << 30)
    Path("file").write_text("this is no checkpoint")
    code, out, err = run(capsys, *line.split())
    assert code == 2
    assert err.startswith("shoal: " + message)
    assert len(err.splitlines()) <= 2
    assert "Traceback" not in err + out
    assert not Path("runs").exists()


def test_output_that_nobody_reads_is_no_error() -> None:
    command = f"{sys.executable} -m shoal list | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_clock_starts_with_the_process() -> None:
    code = "import time; time.sleep(0.3); import shoal.cli; print(time.perf_counter() - shoal.cli.process_start())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert 0.3 < float(done.stdout) < 3.0
