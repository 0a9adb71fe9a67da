# Shared by the scripts beside it, which source it: makes .venv in the checkout from a lock file.
# Says everything on stderr, so that a script's stdout carries nothing but what was asked for.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
# Debian keeps daemons and ldconfig where only root looks.
export PATH=$PATH:/usr/sbin:/sbin
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf '%s\n' "$*" >&2; }

give_up() { # exit code 3: broken, as of `lamppost` itself
  say "setup: $*"
  exit 3
}

# Print the command of a Python this project runs on; $PYTHON, when set, is the only candidate.
find_python() {
  local candidate version seen=
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    version=$("$candidate" -c 'import platform; print(platform.python_version())' 2> /dev/null) || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      echo "$candidate"
      return
    fi
    seen+=" $candidate is $version;"
  done
  give_up "Python 3.11 or newer is needed;${seen:- none was found;} on Debian 12 or Raspberry Pi OS 12 type:" \
    "sudo apt-get install python3 python3-venv"
}

# Install Debian packages as root or through sudo. Returns 1 when neither is possible or apt fails.
apt_install() {
  local -a as_root=()
  command -v apt-get > /dev/null || return 1
  if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null || return 1
    if sudo -n true 2> /dev/null; then as_root=(sudo -n); elif [ -t 0 ] && [ -t 2 ]; then as_root=(sudo); else return 1; fi
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0)
  say "setup: apt-get install $*"
  "${as_root[@]}" update > /dev/null &&
    "${as_root[@]}" install -y --no-install-recommends "$@" > /dev/null < /dev/null
}

need_venv_module() { # need_venv_module PYTHON: Debian keeps half of the module venv in a package of its own
  local package=${1##*/}-venv
  "$1" -c 'import ensurepip, venv' 2> /dev/null && return
  apt_install "$package" && "$1" -c 'import ensurepip, venv' 2> /dev/null && return
  give_up "$1 cannot make a virtual environment; type: sudo apt-get install $package"
}

need_64_bit() { # need_64_bit PYTHON
  "$1" -c 'import platform, sys; sys.exit(sys.maxsize < 2**32 or platform.machine() not in {"x86_64", "aarch64"})' ||
    give_up "this is $(uname -m) with a $("$1" -c 'import struct; print(8 * struct.calcsize("P"))')-bit Python;" \
      "numpy, OpenCV and the like come ready-made for 64-bit x86-64 and aarch64 only: install the 64-bit system"
}

# Shorten pip's report to one line that changes, on a terminal; elsewhere to nothing.
show_progress() {
  local line
  while IFS= read -r line; do
    case $line in
      Collecting* | Installing*) [ ! -t 2 ] || printf '\r\033[K  %.70s' "$line" >&2 ;;
    esac
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
}

pip_install() {
  "$venv/bin/python" -m pip install "$@" | show_progress || {
    rm -f "$venv/.installing" # pip put back what it was about to replace
    give_up "pip failed, its reason stands above; the network is needed once, then run this again"
  }
}

make_venv() {
  local python
  python=$(find_python)
  need_64_bit "$python"
  need_venv_module "$python"
  say "setup: making .venv with $("$python" -V)"
  "$python" -m venv --clear "$venv" >&2 || give_up "$python -m venv failed, its reason stands above"
  echo "$root" > "$venv/.root"
}

venv_is_sound() {
  # A checkout that was moved or copied has a .venv whose commands point to where it was.
  [ ! -e "$venv/.root" ] || [ "$(cat "$venv/.root")" = "$root" ] || return 1
  # A power cut in the middle of an installation leaves packages that look whole.
  [ ! -e "$venv/.installing" ] || return 1
  "$venv/bin/python" -c 'import pip' 2> /dev/null
}

# setup LOCK: bring .venv up to date with LOCK and pyproject.toml, which costs nothing when it is already.
setup() {
  local lock=$1 wanted folder
  exec {folder}< "$root"
  flock -n "$folder" || { say "setup: another one is at work here; waiting for it" && flock "$folder"; }
  venv_is_sound || make_venv
  wanted=$(cd "$root" && "$venv/bin/python" -V && sha256sum "$lock" pyproject.toml)
  if [ "$(cat "$venv/.installed-$lock" 2> /dev/null)" != "$wanted" ]; then
    say "setup: installing what $lock lists; the first time takes a few minutes"
    : > "$venv/.installing"
    # Ready-made wheels only: a lamppost has no compiler. Why the hashes hold with piwheels too:
    # docs/decisions/0003-locks.md.
    # The lock is complete, so nothing is left to resolve; asked to all the same, pip before 23.3 takes a newer
    # release for a dependency with extras (coverage[toml]) and then complains that it is not pinned.
    pip_install --no-deps --require-hashes --only-binary :all: -r "$root/$lock"
    pip_install --no-deps --no-build-isolation -e "$root"
    printf '%s\n' "$wanted" > "$venv/.installed-$lock"
    rm "$venv/.installing"
    say "setup: done"
  fi
  # A child that inherited this descriptor would keep the lock for as long as it runs.
  exec {folder}<&-
}
