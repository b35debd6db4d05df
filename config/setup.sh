# SPDX-License-Identifier: BSD-3-Clause
# Set-up: what ./tests/run and ./apps/demo share. Sourced by bash, from any folder.
#
#   setup_packages TAG...   install what is missing of those lines of config/packages.debian
#   setup_mounts            mount /proc and /sys, make /dev/net/tun, where a bare chroot has none
#   setup_end               undo that
#   setup_first_cpu         print the first CPU that this process may run on
#   setup_build DIR [OPT...]  configure DIR with meson when it is new, then build it, or of it SETUP_TARGETS

SAN_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A bare system has no locale (perl and meson complain) and, for a user, no sbin in the path.
export LC_ALL=C.UTF-8
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# setup_die SENTENCE...: say it and leave.
setup_die() {
	printf '%s\n' "$*" >&2
	exit 1
}

# The dynamic linker finds libraries beside a program through /proc, DPDK its CPUs through /sys.
SETUP_MOUNTED=()
SETUP_TUN=
setup_mount() {
	if ! mount -t "$1" "$1" "$2" 2>/dev/null; then
		setup_die "$2 is not mounted here, and DPDK needs it. As root: mount -t $1 $1 $2"
	fi
	echo "$2 is not mounted: mounting it until this command ends."
	SETUP_MOUNTED=("$2" "${SETUP_MOUNTED[@]}")
}

# TAP ports need the node /dev/net/tun; without it, or the kernel's driver, what needs it says so.
setup_tun() {
	[ ! -e /dev/net/tun ] || return 0
	[ "$(id -u)" -eq 0 ] && mkdir -p /dev/net && mknod /dev/net/tun c 10 200 2>/dev/null || return 0
	if (: <>/dev/net/tun) 2>/dev/null; then
		echo "/dev/net/tun is not there: making it until this command ends."
		SETUP_TUN=/dev/net/tun
	else
		rm -f /dev/net/tun
	fi
}

setup_mounts() {
	[ -e /proc/self/exe ] || setup_mount proc /proc
	[ -d /sys/devices/system/cpu ] || setup_mount sysfs /sys
	setup_tun
}

setup_end() {
	local at

	for at in "${SETUP_MOUNTED[@]}"; do
		umount "$at"
	done
	SETUP_MOUNTED=()
	[ -z "$SETUP_TUN" ] || rm -f "$SETUP_TUN"
	SETUP_TUN=
}

setup_first_cpu() {
	local first

	first=$(awk '$1 == "Cpus_allowed_list:" { sub(/[-,].*/, "", $2); print $2 }' /proc/self/status)
	echo "${first:-0}"
}

# setup_missing TAG...: names of the packages that are listed under these tags and not installed.
setup_missing() {
	local wanted tag

	wanted=$(for tag in "$@"; do
		awk -v tag="$tag" '$1 == tag { print $2 }' "$SAN_ROOT/config/packages.debian"
	done)
	# shellcheck disable=SC2086
	{
		dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null
		printf 'wanted %s\n' $wanted
	} | awk '$1 == "ii" { have[$2] = 1 } $1 == "wanted" && !have[$2] { print $2 }'
}

# setup_apt LOG COMMAND...: apt-get as root; a line for each 25 packages; all it says goes to LOG.
setup_apt() {
	local log=$1

	shift
	"${SETUP_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
		apt-get -y -q -o Dpkg::Use-Pty=0 -o APT::Color=0 "$@" </dev/null 2>&1 |
		tee -a "$log" |
		awk '/^Setting up / && ++n % 25 == 0 { print "  " n " packages set up"; fflush() }'
	return "${PIPESTATUS[0]}"
}

setup_packages() {
	local missing log

	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		command -v meson >/dev/null && return 0
		setup_die "This system has no apt-get: install what config/packages.debian lists by hand, then start again."
	fi
	missing=$(setup_missing "$@" | tr '\n' ' ')
	[ -z "${missing// /}" ] && return 0

	SETUP_ROOT=()
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null; then
			setup_die "These Debian packages are missing and only root can install them (there is no sudo here): ${missing% }. Run as root: apt-get install ${missing% }"
		fi
		SETUP_ROOT=(sudo)
		[ -t 0 ] || SETUP_ROOT=(sudo -n)
		if ! "${SETUP_ROOT[@]}" true; then
			setup_die "These Debian packages are missing and sudo does not let this user install them: ${missing% }. Run as root: apt-get install ${missing% }"
		fi
	fi
	echo "Installing Debian packages that are missing: ${missing% }"
	log=$(mktemp)
	# The lists may be missing or old; a failed update is no harm when the packages are cached.
	setup_apt "$log" update || true
	# shellcheck disable=SC2086
	if ! setup_apt "$log" install --no-install-recommends $missing; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		setup_die "apt-get could not install: ${missing% }. What it said last stands above."
	fi
	rm -f "$log"
	echo "Installed."
}

# setup_tell FILE: ninja's or meson's output, on a failure only.
setup_tell() {
	grep -v '^ninja: Entering directory' "$1" | tail -n 60 >&2
	rm -f "$1"
}

setup_build() {
	local dir=$1 log what=${1#"$SAN_ROOT"/} first=

	shift
	log=$(mktemp)
	if [ ! -f "$dir/build.ninja" ]; then
		first=yes
		echo "Configuring $what"
		if ! meson setup "$@" "$dir" "$SAN_ROOT" >"$log" 2>&1; then
			setup_tell "$log"
			echo "meson could not configure $what: its last words stand above." >&2
			return 1
		fi
		echo "Building $what"
	fi
	# words, or none: all of it
	# shellcheck disable=SC2086
	ninja -C "$dir" ${SETUP_TARGETS:-} 2>&1 | tee "$log" |
		awk -v first="$first" 'first && /^\[[0-9]+\// && ++n % 20 == 0 { print "  " $1; fflush() }'
	if [ "${PIPESTATUS[0]}" -ne 0 ]; then
		setup_tell "$log"
		echo "The build in $what failed: the compiler's words stand above." >&2
		return 1
	fi
	rm -f "$log"
}
