# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""The dashboard's page and reports in headless Chromium: what is seen, live, kept in the address, self-contained."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import browser
import made_sweeps
import pytest
from made_runs import make

from shoal import cli
from shoal.dash.server import Server

Pages = tuple[browser.Browser, Server]

needs_browser = pytest.mark.skipif(browser.PROGRAM is None, reason="needs chromium")
ROWS = "document.querySelectorAll('.rows .row').length"


@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Browser]:
    with browser.Browser() as found:
        yield found


@pytest.fixture
def pages(chromium: browser.Browser, tmp_path: Path) -> Iterator[Pages]:
    for i in range(4):
        make(tmp_path, f"2026010{i}-000000-a{i}", seed=i, gamma=0.9 if i == 3 else 0.99, perf=i / 10)
    made_sweeps.make(tmp_path, "sweep-made", 40)
    with Server(tmp_path, 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        chromium.problems.clear()
        chromium.look(1440, 900)
        chromium.open(server.address)
        yield chromium, server
        chromium.open("about:blank")
        server.shutdown()
    assert chromium.problems == []


@needs_browser
def test_runs_are_listed_drawn_and_found_by_a_filter_that_the_address_keeps(pages: Pages) -> None:
    page, _ = pages
    page.until(f"{ROWS} === 4 && document.querySelector('.u-over') !== null")
    tops = "[...document.querySelectorAll('.list .row')].map((row) => row.getBoundingClientRect().top)"
    assert page.value(f"Math.min(...{tops}.slice(1)) - {tops}[0]") >= 30  # the first is not under the titles
    assert page.value("document.cookie") == ""  # scripts cannot read the token
    assert "token" not in page.value("location.href")
    page.value(
        "f = document.querySelector('input.filter'); f.value = 'train.gamma=0.9'; f.dispatchEvent(new Event('change'))"
    )
    page.until(f"{ROWS} === 1")
    assert "filter=train.gamma%3D0.9" in page.value("location.hash")
    page.value("location.hash = '#/runs?filter=nonsense'")
    page.until("!document.querySelector('.problem').hidden")
    assert all("400" in problem for problem in page.problems)
    page.problems.clear()
    page.value("location.hash = '#/runs?sel=cartpole/20260102-000000-a2,cartpole/20260103-000000-a3'")
    page.until("document.body.innerText.includes('differing')")
    assert "train.gamma\t0.99\t0.9" in page.value("document.body.innerText")


@needs_browser
def test_a_run_that_begins_appears_by_itself(pages: Pages) -> None:
    page, server = pages
    page.until(f"{ROWS} === 4")
    make(server.api.runs_dir, "20260105-000000-late", perf=0.9)
    page.until(f"{ROWS} === 5 && document.body.innerText.includes('late')")


@needs_browser
def test_a_run_has_a_page(pages: Pages) -> None:
    page, _ = pages
    page.value("location.hash = '#/run/cartpole/20260103-000000-a3'")
    page.until("document.body.innerText.includes('pole_half_length') && document.querySelector('.u-over') !== null")


@needs_browser
def test_a_rectangle_narrows_a_sweep_and_the_address_keeps_it(pages: Pages) -> None:
    page, _ = pages
    page.value("location.hash = '#/sweep/sweep-made?x=steps&y=score&colour=policy.core'")
    page.until("document.querySelectorAll('.importance .bar').length === 8")
    box = json.loads(page.value("JSON.stringify(document.querySelector('canvas').getBoundingClientRect())"))
    page.drag(box["x"] + 100, box["y"] + 20, box["x"] + box["width"] * 0.7, box["y"] + 300)
    page.until("/brush=.*steps.*score/.test(decodeURIComponent(location.hash))")
    said = "(document.body.innerText.match(/(\\d+) of (\\d+) trials/) || []).slice(1).join(' ')"
    kept, total = (int(number) for number in page.until(said).split())
    assert 0 < kept < total
    address = page.value("location.href")
    page.open("about:blank")
    page.open(address)
    assert page.until(said) == f"{kept} {total}"
    assert page.value("document.querySelector('pre').innerText").startswith("[train]\nlearning_rate = ")


@needs_browser
@pytest.mark.parametrize("address", ["#/runs", "#/run/cartpole/20260103-000000-a3", "#/sweeps", "#/sweep/sweep-made"])
def test_a_phone_shows_every_page_without_scrolling_sideways(pages: Pages, address: str) -> None:
    page, _ = pages
    page.look(390, 844, phone=True, dark=True)
    page.value(f"location.hash = '{address}'")
    page.until("document.querySelector('#page .card').innerText.length > 20")
    page.until("document.querySelectorAll('canvas, table').length > 0")
    assert page.value("document.documentElement.scrollWidth") == 390


# ---------------------------------------------------------------------------------------------------- reports


def test_a_report_names_nothing_outside_itself(tmp_path: Path) -> None:
    make(tmp_path, "20260101-000000-a", error="</script><script>alert(1)</script>", status="failed")
    made_sweeps.make(tmp_path, "sweep-made")
    for words in (["sweep-made"], ["--filter", "env=cartpole"]):
        file = tmp_path / "report.html"
        assert cli.main(["report", *words, "--runs-dir", str(tmp_path), "--output", str(file)]) == 0
        text = file.read_text()
        assert not re.search(r"<(link|script|img)[^>]*(src|href)=\"(?!data:)", text)
        assert text.count("<script>") == text.count("</script>") == 13
        assert "alert(1)</script>" not in text


@needs_browser
def test_reports_are_seen_without_a_server(chromium: browser.Browser, tmp_path: Path) -> None:
    for i in range(3):
        make(tmp_path, f"2026010{i}-000000-a{i}", seed=i, perf=i / 10)
    made_sweeps.make(tmp_path, "sweep-made")
    files = tmp_path / "sweep.html", tmp_path / "runs.html"
    for file, words in zip(files, (["sweep-made"], ["--filter", "env=cartpole"]), strict=True):
        assert cli.main(["report", *words, "--runs-dir", str(tmp_path), "--output", str(file)]) == 0
    chromium.problems.clear()
    chromium.look(1440, 900)
    chromium.open(files[0].as_uri())
    chromium.until("document.querySelectorAll('.importance .bar').length === 8")
    chromium.open(files[1].as_uri())
    chromium.until(f"{ROWS} === 3 && document.querySelector('.u-over') !== null")
    assert "3 seeds" in chromium.value("document.querySelector('.legend').innerText")
    chromium.value("document.querySelector('.rows a').click()")
    chromium.until("document.body.innerText.includes('pole_half_length')")
    assert chromium.problems == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "of what; expected the name of a sweep"),
        (["nobody"], "no such run: nobody"),
        (["sweep-made", "a"], "a sweep and something else"),
        (["--filter", "perf>5"], "a report of 0 runs"),
        (["sweep-made", "--output", "none/x.html"], "the report cannot be written"),
        (["a", "--filter", "perf>5"], "both names and a filter"),
    ],
)
def test_a_report_of_nothing_is_refused(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "runs", "20260101-000000-a")
    made_sweeps.make(tmp_path / "runs", "sweep-made", 9)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", *words]) == 2
    assert sentence in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["runs"]
