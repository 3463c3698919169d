# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the shoal authors
"""`shoal completion SHELL`: the script that completes what is typed. completion.py knows what may come next."""

from __future__ import annotations

from shoal import flags
from shoal.cli import leading
from shoal.completion import SHELLS
from shoal.errors import ConfigError, nearest

_SCRIPTS = {
    "bash": """# completion of shoal and ./run: put `eval "$(shoal completion bash)"` into ~/.bashrc
_shoal() {
  local IFS=$'\\n'
  COMPREPLY=($("${COMP_WORDS[0]}" _complete "${COMP_WORDS[0]}" "$((COMP_CWORD - 1))" "${COMP_WORDS[@]:1}" 2>/dev/null))
}
complete -o default -F _shoal shoal ./run
""",
    "zsh": """#compdef shoal
# completion of shoal and ./run: put `eval "$(shoal completion zsh)"` into ~/.zshrc, after compinit
_shoal() {
  local -a found
  found=("${(@f)$("${words[1]}" _complete "${words[1]}" "$((CURRENT - 2))" "${(@)words[2,-1]}" 2>/dev/null)}")
  if [[ -n "${found[1]}" ]]; then
    compadd -a found
  else
    _files
  fi
}
compdef _shoal shoal ./run
""",
    "fish": """# completion of shoal and ./run: put `shoal completion fish | source` into ~/.config/fish/config.fish
function __shoal_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l found ($words[1] _complete $words[1] (math (count $words) - 1) $words[2..-1] "$current" 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path "$current"
  end
end
complete -c shoal -f -a '(__shoal_complete)'
complete -c run -p (pwd)/run -f -a '(__shoal_complete)'
""",
}


def run(arguments: list[str]) -> int:
    """Run `shoal completion ARGUMENTS` and return the exit code."""
    words = leading(arguments)
    about = "Print the script that completes what is typed, in bash, zsh or fish."
    flags.parse("shoal completion SHELL", about, arguments[len(words) :], ())
    if len(words) != 1 or words[0] not in _SCRIPTS:
        got = f"no script for `{' '.join(words)}`" if words else "which shell"
        raise ConfigError(f"{got}; expected {', '.join(SHELLS[:-1])} or {SHELLS[-1]}", nearest(" ".join(words), SHELLS))
    print(_SCRIPTS[words[0]], end="")
    return 0
