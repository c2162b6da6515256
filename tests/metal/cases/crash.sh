# A kernel's panic under the manager: its report has the registers and the console's last lines, and the guest starts again.
# timeout: 120
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'END'
echo "last words of web"
sleep 1
echo c >/proc/sysrq-trigger
END
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "vcpus": 1, "memory_mib": 128, "on_crash": "restart", "autostart": false,
  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
rastos-vmm up -d --timeout 60
rastos-vmm start web
wait_for 60 sh -c "rastos-vmm events | grep -q waiting"
rastos-vmm crashes web >list
grep -q "web.*crashed.*panicked" list || {
	cat list
	fail "no report of the crash"
}
rastos-vmm crashes --show web >report
expect report "the guest's kernel panicked"
expect report "rip +[0-9a-fx]+"
expect report "last words of web"
expect report "sysrq triggered crash"
# It comes back by itself, later after each crash.
wait_for 30 sh -c "rastos-vmm list --json | grep -q '\"restarts\":1.*\"state\":\"\(starting\|running\)\"\|\"state\":\"\(starting\|running\)\".*\"restarts\":1'"
rastos-vmm kill --wait web
rastos-vmm list --json | grep -q '"state":"off"' || fail "web is not off"
rastos-vmm down
