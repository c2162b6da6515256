#!/bin/bash
# run.sh BIN_FOLDER CASE: runs one case with rinit as PID 1 in PID, mount, UTS, IPC and network namespaces of its own.
#
# A case is a shell script of these words, in order of use:
#
#   unit NAME <<END      writes /etc/rinit/NAME.service
#   stock NAME <<END     writes /lib/systemd/system/NAME, as a package would
#   wants TARGET NAME    lets the target want that unit, as enabling it would
#   file PATH <<END      writes any other file
#   with_usr             this machine's /usr, read-only, with no units but those of stock; before these
#   on_terminal          its console is a terminal, and /dev/console too
#   with_cgroups         gives it control groups, before the boot
#   boot [ARG...]        starts rinit; its console goes to the case's output
#   expect TEXT          waits until the console has shown TEXT, behind what the last expect found
#   logged UNIT TEXT     waits until the log has TEXT from UNIT: after the boot the console shows no output of services
#   becomes TEXT COMMAND...  waits until the command's output holds TEXT; check TEXT COMMAND...: it does so at once
#   never TEXT           fails when the console has shown TEXT
#   inside COMMAND...    runs a command in the container
#   debian COMMAND...    the same with programs of with_usr
#   as_user COMMAND...   the same as somebody who is not root
#   ctl ARG...           rinitctl in the container; ctl_fails CODE ARG... expects that exit code
#   type TEXT            types a line at the console
#   signal NAME          sends PID 1 a signal from outside
#   child_named NAME     prints the process id, out here, of PID 1's child whose argv[0] is NAME
#   ends STATUS          waits until rinit has ended with that exit status (128 + number for a signal)
set -u

bin=$1
case=$2
limit=10 # seconds that any one thing may take

[[ $(id -u) == 0 ]] || { echo "skipped: needs root, to make namespaces and device nodes"; exit 77; }
unshare --pid --mount --uts --ipc --net --fork true 2>/dev/null || { echo "skipped: unshare(1) may not make namespaces here"; exit 77; }

root=$(mktemp -d)
chmod 755 "$root"
out=$root.out
seen=0
pid=
unshare_pid=
unshare_options=() # a case may add some, before the boot
cgroup=
units=lib/systemd/system
on_a=pipe
before=true # what is done in the namespaces before rinit runs

clean_up() {
	exec 2>/dev/null # bash would tell of every process that is killed here
	[[ -n $unshare_pid ]] && kill -KILL "$unshare_pid" "$pid" 2>/dev/null
	wait 2>/dev/null
	if [[ -n $cgroup ]]; then
		umount -R "$root/sys"
		find "$cgroup" -depth -type d -exec rmdir {} +
	fi
	for at in "$root/dev" "$root"; do mountpoint -q "$at" && umount "$at"; done
	rm -rf "$root" "$out" "$root.in"
}
trap clean_up EXIT

fail() {
	echo "FAILED: $*"
	echo "--- console:"
	cat -v "$out" 2>/dev/null
	exit 1
}

make_root() {
	mkdir -p "$root"/{bin,sbin,etc/rinit,etc/rastos,dev,proc,sys,run,tmp,root}
	cp "$(command -v busybox)" "$root/bin/busybox"
	chroot "$root" /bin/busybox --install -s /bin
	cp "$bin/rinit.static" "$root/sbin/rinit"
	cp "$bin/rinitctl.static" "$root/bin/rinitctl"
	cp "$bin/peer.static" "$root/bin/peer"
	for name in poweroff reboot halt shutdown systemctl telinit runlevel service wall; do ln -sf rinitctl "$root/bin/$name"; done
	echo "root::0:0:root:/root:/bin/sh" >"$root/etc/passwd"
}

unit() { cat >"$root/etc/rinit/$1.service"; }

stock() { file "$units/$1"; }

wants() { mkdir -p "$root/etc/systemd/system/$1.wants" && ln -s "/lib/systemd/system/$2" "$root/etc/systemd/system/$1.wants/"; }

# In the place of what is there: the root's programs are links to /bin/busybox, which would be this machine's own.
file() { mkdir -p "$root/$(dirname "$1")" && rm -f "$root/$1" && cat >"$root/$1"; }

# Mounted in boot, in the container's own namespace: it is gone with it.
with_usr() {
	units=units
	mkdir -p "$root/usr" "$root/units" "$root/none"
	ln -s usr/lib "$root/lib"
	ln -s usr/lib64 "$root/lib64"
	ln -sf rinit "$root/sbin/init" # without one Debian starts nothing
	before='mount --bind /usr usr && mount -o remount,bind,ro usr && mount --bind units usr/lib/systemd/system &&
		mount --bind none usr/lib/tmpfiles.d && mount --bind none usr/lib/sysctl.d &&
		{ [ ! -e usr/sbin/policy-rc.d ] || mount --bind etc/passwd usr/sbin/policy-rc.d; }'
}

# script(1) makes the terminal. Who gives a container its console gives it the other nodes too.
on_terminal() {
	command -v script >/dev/null || { echo "skipped: there is no script(1) here, which makes a terminal"; exit 77; }
	on_a=script
	before='mount -t tmpfs dev dev && mknod -m 666 dev/null c 1 3 && mknod -m 666 dev/tty c 5 0 &&
		mknod -m 666 dev/urandom c 1 9 && touch dev/console && mount --bind "$(tty)" dev/console'
}

# A control group of the host as the container's /sys/fs/cgroup.
with_cgroups() {
	local at
	at=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[[ -n $at && -w $at ]] || { echo "skipped: there is no cgroup2 here"; exit 77; }
	mkdir "$at/rinit-test-$$" || { echo "skipped: cgroup2 takes no new group here"; exit 77; }
	cgroup=$at/rinit-test-$$
	mount -t tmpfs sys "$root/sys"
	mkdir -p "$root/sys/fs/cgroup"
	mount --bind "$cgroup" "$root/sys/fs/cgroup"
}

boot() {
	mkfifo "$root.in"
	exec 3<>"$root.in"
	local command=(unshare --pid --mount --uts --ipc --net "${unshare_options[@]}" --fork
		sh -c "cd $root && $before && exec chroot . /sbin/rinit \"\$@\"" sh "$@")
	if [[ $on_a == script ]]; then
		SHELL=$BASH script -qfec "${command[*]@Q}" /dev/null <"$root.in" >>"$out" 2>&1 &
	else
		"${command[@]}" <"$root.in" >>"$out" 2>&1 &
	fi
	unshare_pid=$!
	for ((i = 0; i < limit * 50; i++)); do
		pid=$unshare_pid
		while pid=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) && pid=${pid%% *} && [[ -n $pid ]]; do
			# PID 1 is the shell of $before at first, whose root is out here.
			[[ /proc/$pid/exe -ef $root/sbin/rinit ]] && grep -q '^NSpid:.*\s1$' "/proc/$pid/status" && return
		done
		sleep 0.02
	done
	fail "rinit did not start"
}

expect() {
	local at
	for ((i = 0; i < limit * 50; i++)); do
		# Byte offset behind the first match after what was seen.
		at=$(tail -c +$((seen + 1)) "$out" | grep -abo -m1 -F -- "$1" | head -n1 | cut -d: -f1)
		if [[ -n $at ]]; then
			seen=$((seen + at + ${#1}))
			return
		fi
		sleep 0.02
	done
	fail "the console does not show \"$1\""
}

logged() {
	for ((i = 0; i < limit * 20; i++)); do
		[[ $(inside /bin/rinitctl log "$1" 2>&1) == *"$2"* ]] && return
		sleep 0.05
	done
	fail "the log of $1 does not have \"$2\""
}

never() { ! grep -aqF -- "$1" "$out" || fail "the console shows \"$1\""; }

inside() { nsenter --target "$pid" --pid --mount --uts --ipc --net --root --wd "$@"; }

# debian COMMAND...: as in a maintainer script, with the PATH of a system whose systemctl is rinit's.
debian() { inside /bin/env PATH=/bin:/sbin:/usr/sbin:/usr/bin DPKG_MAINTSCRIPT_PACKAGE=test "$@"; }

as_user() { inside --setuid 1000 --setgid 1000 "$@"; }

ctl() { inside /bin/rinitctl "$@" || fail "rinitctl $*: exit status $?"; }

ctl_fails() {
	local code=$1
	shift
	inside /bin/rinitctl "$@" 2>&1
	local is=$?
	[[ $is == "$code" ]] || fail "rinitctl $*: exit status $is, not $code"
}

type() { echo "$1" >&3; }

signal() { kill "-$1" "$pid"; }

child_named() {
	local child
	for child in $(cat "/proc/$pid/task/$pid/children"); do
		[[ $(head -z -n1 "/proc/$child/cmdline" | tr -d '\0') == "$1" ]] && echo "$child" && return
	done
	return 1
}

ends() {
	for ((i = 0; i < limit * 50; i++)); do
		kill -0 "$unshare_pid" 2>/dev/null || break
		sleep 0.02
	done
	kill -0 "$unshare_pid" 2>/dev/null && fail "rinit has not ended"
	wait "$unshare_pid" 2>/dev/null
	local is=$?
	unshare_pid=
	[[ $is == "$1" ]] || fail "rinit ended with status $is, not $1"
}

# becomes TEXT COMMAND...: waits until the command's output holds TEXT
becomes() {
	local text=$1 output
	shift
	for ((i = 0; i < limit * 20; i++)); do
		output=$("$@" 2>&1)
		[[ $output == *"$text"* ]] && return
		sleep 0.05
	done
	fail "$*: \"$text\" does not come to be in: $output"
}

# check TEXT COMMAND...: the command's output must hold TEXT
check() {
	local text=$1 output
	shift
	output=$("$@" 2>&1)
	[[ $output == *"$text"* ]] || fail "$*: \"$text\" is not in: $output"
}

make_root
# shellcheck disable=SC1090
source "$case"
echo "ok"
