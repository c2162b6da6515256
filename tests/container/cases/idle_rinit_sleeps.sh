mkdir "$root/var"
unit worker <<END
[Service]
ExecStart=/bin/sleep 1000
END
boot
expect "rinit: ready"
inside /bin/logger -t painter "a line"
logged painter "a line"
switches() { awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$pid/status"; }
# What the boot left to be done is done some time, later on a busy machine; from then on there is nothing.
for ((n = 0; n < 5; n++)); do
	before=$(switches)
	sleep 1.5
	[[ $(switches) == "$before" ]] && break
done
((n < 5)) || fail "woke $(($(switches) - before)) times for nothing"
