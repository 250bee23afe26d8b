# Sourced by scripts/try and scripts/test: finds Python, installs what is missing from the distribution, makes the
# virtual environment with a real (not editable) install. Every step is skipped when it is done already.

say() { printf '%s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
BUILD=$ROOT/build
VENV=${OCIKIT_VENV:-$BUILD/venv}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        # Asked for its own path: a version manager's shim is slow, what stands behind it is not.
        found=$(command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c \
            'import sys; print(sys.executable) if sys.version_info >= (3, 11) else sys.exit(1)' 2>/dev/null) || continue
        PYTHON=$found
        return 0
    done
    return 1
}

# need NAME-OF-A-TEST-COMMAND DEBIAN-PACKAGE FEDORA-PACKAGE: remembers the package when the command is not found
WANTED=
need() {
    command -v "$1" >/dev/null 2>&1 && return 0
    case $MANAGER in apt-get) WANTED="$WANTED $2" ;; dnf) WANTED="$WANTED $3" ;; *) WANTED="$WANTED $1" ;; esac
}

# need_debian PACKAGE...: only where apt-get is the package manager
need_debian() {
    [ "$MANAGER" = apt-get ] || return 0
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || WANTED="$WANTED $package"
    done
}

MANAGER=none
for candidate in apt-get dnf; do
    if command -v $candidate >/dev/null 2>&1; then MANAGER=$candidate; break; fi
done

AS_ROOT=
if [ "$(id -u)" != 0 ]; then
    # -n: a script that waits for a password nobody types looks like one that hangs.
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then AS_ROOT='sudo -n'; else AS_ROOT=no; fi
fi

install_wanted() {
    [ -n "$WANTED" ] || return 0
    [ "$MANAGER" != none ] || die "these are missing and neither apt-get nor dnf is here to install them:$WANTED"
    [ "$AS_ROOT" != no ] || die "these packages are missing and only root may install them; run: sudo $MANAGER install$WANTED"
    say "Installing from the distribution ($MANAGER):$WANTED"
    mkdir -p "$BUILD"
    log=$BUILD/packages.log
    if [ $MANAGER = apt-get ]; then
        { $AS_ROOT apt-get update -q && $AS_ROOT env DEBIAN_FRONTEND=noninteractive \
            apt-get install -q -y --no-install-recommends $WANTED; } >"$log" 2>&1
    else
        $AS_ROOT dnf install -q -y $WANTED >"$log" 2>&1
    fi || { tail -n 15 "$log" >&2; die "$MANAGER could not install:$WANTED (the whole output is in $log)"; }
    WANTED=
}

# What running containers needs.
need_runtime() {
    find_python || need python3.11 python3 python3
    need runc runc runc
    need nft nftables nftables
    need ip iproute2 iproute
    need newuidmap uidmap shadow-utils
    need slirp4netns slirp4netns slirp4netns
    if [ $MANAGER = apt-get ]; then
        need_debian busybox-static ca-certificates
        need_debian passt
    else
        need busybox busybox busybox
        need pasta passt passt
    fi
}

# The venv module is a package of its own on Debian; without it "python3 -m venv" fails only after it began.
need_venv() {
    find_python || die "Python 3.11 or newer is needed; set PYTHON to its path"
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null && return 0
    case $PYTHON in
        /usr/bin/*) need_debian python3-venv; install_wanted ;;
    esac
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || die "$PYTHON has no venv module; install it or set PYTHON to another"
}

DISTRIBUTIONS=". libs/common libs/storage libs/image libs/network libs/libpod conmon cmd/podman cmd/buildah cmd/skopeo"

# A mark of the sources: a changed tree is installed anew, an unchanged one is not.
source_mark() {
    (cd "$ROOT" && find pyproject.toml libs conmon cmd -type f ! -name '*.pyc' -exec cksum {} + | LC_ALL=C sort | cksum)
}

make_venv() {
    mark=$(source_mark)
    if [ -x "$VENV/bin/podman" ] && [ "$(cat "$VENV/ocikit-mark" 2>/dev/null)" = "$mark" ]; then return 0; fi
    say "Installing ocikit into $VENV"
    mkdir -p "$BUILD"
    [ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV" || die "could not make a virtual environment in $VENV"
    log=$BUILD/pip.log
    # A recent pip writes console scripts that import less (10 ms a start).
    # hatchling is installed once: a build environment of its own for each of ten packages takes half a minute.
    "$VENV/bin/python" -m pip install -q --upgrade 'pip>=25' hatchling >"$log" 2>&1 || { tail -n 15 "$log" >&2; die "pip failed; see $log"; }
    (
        cd "$ROOT"
        set --
        for folder in $DISTRIBUTIONS; do set -- "$@" "./$folder"; done
        # Without a version change pip would keep what is there of ours.
        "$VENV/bin/python" -m pip uninstall -q -y ocikit ocikit-common ocikit-storage ocikit-image ocikit-network \
            ocikit-libpod ocikit-conmon ocikit-podman ocikit-buildah ocikit-skopeo >>"$log" 2>&1
        "$VENV/bin/python" -m pip install -q --no-build-isolation "$@" >>"$log" 2>&1
    ) || { tail -n 15 "$log" >&2; die "pip could not install ocikit; the whole output is in $log"; }
    printf '%s\n' "$mark" >"$VENV/ocikit-mark"
}
