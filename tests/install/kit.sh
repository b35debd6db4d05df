# SPDX-License-Identifier: BSD-3-Clause
# Kit of the install tests: TAP from bash, and the library installed under a prefix of its own.
# Sourced. Needs SAN_BUILD, or takes build/ beside tests/.

set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${SAN_BUILD:-$root/build}
eal=(--no-huge --no-pci --no-shconf --no-telemetry -m 256 --log-level=lib.eal:warning)

work=$(mktemp -d)
staged=$work/root
trap 'end_all' EXIT
trap 'exit 143' TERM INT
end_all() {
	rm -rf "$work"
}

count=0
bad=0

# result NAME COMMAND...: one result; what the command said, as comments, when it fails.
result() {
	local name=$1 said

	shift
	count=$((count + 1))
	if said=$("$@" 2>&1 </dev/null); then
		echo "ok $count - $name"
	else
		bad=1
		echo "not ok $count - $name"
		sed 's/^/# /' <<<"$said"
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

plan() {
	echo "1..$count"
	exit "$bad"
}

# Install what this build folder has built, below a root of our own as the makers of packages do, and say in sanstack.pc
# where that is.
install_library() {
	rm -rf "$staged"
	ninja -C "$build" >/dev/null || return 1
	meson install -C "$build" --no-rebuild --quiet --destdir "$staged" || return 1
	sed -i "s|^prefix=.*|prefix=$prefix|" "$libdir/pkgconfig/sanstack.pc"
}

# option NAME: what this build folder was configured with.
option() {
	meson introspect --buildoptions "$build" | python3 -c "
import json, sys
print(next(option['value'] for option in json.load(sys.stdin) if option['name'] == '$1'))"
}

prefix=$staged$(option prefix)
libdir=$prefix/$(option libdir)
export PKG_CONFIG_PATH=$libdir/pkgconfig
export LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
