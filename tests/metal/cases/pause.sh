# A guest that is paused for five seconds: it does nothing meanwhile, its clock is right afterwards, and its kernel does not
# complain about the time that it did not see.
# timeout: 120
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'END'
while :; do
	echo "now $(date +%s)"
	sleep 0.2
done
END
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "vcpus": 2, "memory_mib": 128, "ready": "started",
  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 panic=-1" } }
END
# What it printed last, without a line that has not ended.
guest_now() {
	rastos-vmm logs -n 5 web | tr -d '\r' | sed -n 's/^now \([0-9]*\)$/\1/p' | tail -n 1
}
lines() {
	rastos-vmm logs web | grep -c "^now"
}
# within SECONDS: whether the guest's clock differs by no more from what the host's was while it was read.
within() {
	begun=$(date +%s)
	now=$(guest_now)
	difference=$((begun - ${now:-0}))
	[ $difference -le "$1" ] && [ $((${now:-0} - $(date +%s))) -le "$1" ]
}
# silent: whether it prints nothing for a second.
silent() {
	before=$(lines)
	sleep 1
	[ "$(lines)" = "$before" ]
}

rastos-vmm up -d --timeout 60
wait_for 30 within 1
rastos-vmm pause web
wait_for 10 silent # what was on its way is there
sleep 5
[ "$(lines)" = "$before" ] || fail "it went on while it was paused"
within 3 && fail "it was not paused long enough to tell"
rastos-vmm list --json | grep -q '"state":"paused"' || fail "web is not paused"
rastos-vmm resume web
wait_for 20 within 1
sleep 2
wait_for 10 within 1
[ "$(lines)" -gt "$before" ] || fail "it does not go on"
rastos-vmm logs web >/tmp/console
grep -i -E "soft lockup|stall|clocksource.*unstable|hung task" /tmp/console && fail "its kernel complains"
rastos-vmm kill --wait web
rastos-vmm down
