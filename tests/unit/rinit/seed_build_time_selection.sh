#!/bin/bash
# seed_build_time_selection.sh SOURCE: the seed's [features] are options of the build: server and desktop, of which there is
# one at least, and the hypervisor, without which there is rinit alone, for native use.
set -eu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

configure() { # NAME OPTION...: what it says is in $scratch/NAME.log
	cmake -S "$source" -B "$scratch/$1" -G Ninja -DRASTOS_TESTS=OFF "${@:2}" >"$scratch/$1.log" 2>&1
}

fail() {
	echo "FAILED: $*"
	cat "$scratch"/*.log
	exit 1
}

builds() { grep -q "^build bin/$2: " "$scratch/$1/build.ninja"; }

source=$1
configure native -DRASTOS_HYPERVISOR=OFF || fail "without the hypervisor it cannot be configured"
builds native rinit || fail "without the hypervisor there is no rinit"
! builds native rastos-vmm || fail "without the hypervisor there is rastos-vmm"

configure hypervisor -DRASTOS_HYPERVISOR=ON || fail "with the hypervisor it cannot be configured"
builds hypervisor rastos-vmm || fail "with the hypervisor there is no rastos-vmm"
builds hypervisor rinit || fail "with the hypervisor there is no rinit"

for paths in "ON OFF" "OFF ON" "ON ON"; do
	read -r server desktop <<<"$paths"
	configure "paths" "-DRASTOS_SERVER=$server" "-DRASTOS_DESKTOP=$desktop" || fail "server $server, desktop $desktop"
	grep -q -- "-DRASTOS_DESKTOP=$([[ $desktop == ON ]] && echo 1 || echo 0)" "$scratch/paths/build.ninja" || fail "desktop $desktop is not told"
	grep -q -- "-DRASTOS_SERVER=$([[ $server == ON ]] && echo 1 || echo 0)" "$scratch/paths/build.ninja" || fail "server $server is not told"
done
! configure neither -DRASTOS_SERVER=OFF -DRASTOS_DESKTOP=OFF || fail "a build for nothing was configured"
grep -q "RASTOS_SERVER and RASTOS_DESKTOP are both off" "$scratch/neither.log" || fail "why is not said"
echo ok
