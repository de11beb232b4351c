# shellcheck shell=sh
# Sourced by the other scripts, from the root of the tree. Finds a Python, and makes environments.

# Variables for other programs would change what is installed and run here.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

# shellcheck disable=SC2034  # for the script that sources this
envs=${AUTOTRACE_ENVS:-$PWD}

# Print the first Python that is new enough and can make an environment.
find_python() {
    probe='import sys; assert sys.version_info >= (3, 10); import ensurepip, venv'
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        if "$candidate" -c "$probe" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "$0: no usable Python found; install Python 3.10 or newer, with venv and ensurepip" \
        "(on Debian and Ubuntu: apt install python3-venv)" >&2
    return 1
}

checksum() {
    cat "$@" | cksum
}

# make_environment DIRECTORY STAMP PIP-ARGUMENTS…
# Keeps an environment that was completed with the same stamp. Fails if the directory was not made by these scripts.
# $editable, if set, are trees that are installed last, built with the packages that are installed by then.
make_environment() {
    directory=$1
    stamp="$2 $1"
    shift 2
    finished=$directory/autotrace-stamp
    if [ -e "$directory" ] && [ ! -e "$finished" ]; then
        echo "$0: $directory was not made by this script; remove it, or set AUTOTRACE_ENVS to another directory" >&2
        exit 1
    fi
    if [ -x "$directory/bin/python" ] && [ "$(cat "$finished")" = "$stamp" ]; then
        return
    fi
    python=$(find_python) || exit 1
    echo "$0: making $directory ($("$python" --version))" >&2
    rm -rf "$directory"
    mkdir -p "$directory"
    echo unfinished >"$finished"
    "$python" -m venv "$directory"
    install_into "$directory" "$@"
    if [ -n "${editable-}" ]; then
        # shellcheck disable=SC2086  # a list
        install_into "$directory" --no-build-isolation -c constraints/newest.txt $editable
    fi
    printf '%s\n' "$stamp" >"$finished"
}

install_into() {
    into=$1
    shift
    "$into/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}
