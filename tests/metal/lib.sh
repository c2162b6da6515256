# What every case has at hand; it runs on the host (busybox sh).
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
cd /tmp
tuned=/payload/kernel/vmlinux
minimal=/payload/kernel/minimal.initrd
key=/etc/rastos/keys/dev.pem

# What the manager says of guests' ends is shown, too: metal.py knows those that are no fault of ours.
fail() {
	echo "FAILED: $*"
	grep -hE "panicked|triple fault" /run/rastos/manager.log 2>/dev/null || true
	exit 1
}

# guest_initrd OUT [FILE...]: the minimal root, which runs the script on standard input once it is up; FILEs go into its /. What the script
# says goes to the console, which has to be there by then, or to rinit's log with script_output=journal.
guest_initrd() {
	rm -rf /tmp/extra
	mkdir -p /tmp/extra/etc/rinit
	cat >/tmp/extra/script
	cat >/tmp/extra/etc/rinit/script.service <<-END
		[Unit]
		Description=the test's script

		[Service]
		Type=oneshot
		ExecStart=/bin/sh /script
		StandardOutput=${script_output:-tty}
		TTYPath=/dev/console
	END
	echo Getty=no >/tmp/extra/etc/rinit/rinit.conf
	out=$1
	shift
	for file; do
		cp "$file" /tmp/extra/
	done
	(cd /tmp/extra && find . | cpio -o -H newc 2>/dev/null) >/tmp/extra.cpio
	# First what is not packed: behind an LZ4 archive, which has no end mark, the kernel would not find it.
	cat /tmp/extra.cpio $minimal >"$out"
}

# run_guest LOG OPTION... KERNEL: runs a guest to its end, its console in LOG; the status is rastos-vmm's, and what is not 0 shows why.
run_guest() {
	log=$1
	shift
	rastos-vmm run -a "console=ttyS0 quiet panic=-1" "$@" </dev/null >"$log" 2>&1 && return
	set -- $?
	tail -n 20 "$log"
	return "$1"
}

# start_guest LOG OPTION... KERNEL: the same in the background; $guest is its process.
start_guest() {
	log=$1
	shift
	rastos-vmm run -a "console=ttyS0 quiet panic=-1" "$@" </dev/null >"$log" 2>&1 &
	guest=$!
}

# expect LOG PATTERN: the guest printed it.
expect() {
	printed "$1" "$2" || {
		tail -n 40 "$1"
		fail "the guest did not print $2"
	}
}

# wait_for SECONDS COMMAND...: until the command succeeds; otherwise the case has stalled (metal.py).
wait_for() {
	left=$(($1 * 5))
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		if [ $left -le 0 ]; then
			[ ! -f "${log-}" ] || tail -n 40 "$log"
			echo "STALLED: it did not happen in time: $*"
			exit 75
		fi
		sleep 0.2
	done
}

# attach GUEST LOG PATTERN...: whoever attaches to its console is shown it; LOG has what was shown.
attach() {
	rastos-vmm console "$1" </dev/null >"$2" 2>&1 &
	attached=$!
	shift
	log=$1
	shift
	for pattern; do
		wait_for 20 printed "$log" "$pattern"
	done
	kill $attached
}

# printed LOG PATTERN: whether it did; a line of a terminal ends with a carriage return, which is left out.
printed() {
	tr -d '\r' <"$1" 2>/dev/null | grep -q -E "$2"
}
