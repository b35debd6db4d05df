# SPDX-License-Identifier: BSD-3-Clause
# Kit of the install tests: TAP from bash, and the library installed under a prefix of its own.
# Sourced. Needs SAN_BUILD, or takes build/ beside tests/.

set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${SAN_BUILD:-$root/build}
prefix=$build/installed/root
eal=(--no-huge --no-pci --no-shconf --no-telemetry -m 256 --log-level=lib.eal:warning)

work=$(mktemp -d)
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

# Build and install under $prefix, once for all tests of this build folder.
install_library() {
	local dir=$build/installed/build

	if [ ! -f "$dir/build.ninja" ]; then
		mkdir -p "$build/installed"
		meson setup --prefix="$prefix" --libdir=lib -Dtests=disabled -Dapps=false "$dir" "$root" ||
			return 1
	fi
	rm -rf "$prefix"
	ninja -C "$dir" install
}

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export LD_LIBRARY_PATH=$prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
