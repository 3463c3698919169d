# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""A tracker of one's own, a table for spreadsheets; also `shoal train cartpole --track examples/tracking.py:Table`."""

import csv

import shoal
from shoal.track.base import Config, Run, Tracker

COLUMNS = ["episode/return", "policy/entropy", "eval/score"]


class Table(Tracker):
    """Lives in a process of its own: it may be slow, and what it raises is one line of warning."""

    def start(self, config: Config, run: Run) -> str:
        """Open the file; a run that goes on appends to it."""
        self.file = (run.path / "table.csv").open("a", newline="")
        self.table = csv.writer(self.file)
        if not run.id:
            self.table.writerow(["steps", *COLUMNS])
        return self.file.name

    def log(self, step, metrics) -> None:
        """Write a line."""
        self.table.writerow([step, *(metrics.get(name, "") for name in COLUMNS)])

    def finish(self, status) -> None:
        """Close the file."""
        self.file.close()


if __name__ == "__main__":
    trainer = shoal.Trainer("cartpole", track={"to": f"{__file__}:Table", "points": 20}, train={"total_steps": 500_000})
    print((trainer.train().run / "table.csv").read_text())
