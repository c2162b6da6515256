# What programs ask of the manager: devices that come and go, commands with their output, tasks, metrics.
# timeout: 300
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/served <<'END'
rinitctl enable --now rastos-exec.socket
END
cat >/etc/rastos/guests/served.json <<'END'
{ "name": "served", "role": "guest", "memory_mib": 256, "vcpus": 1, "transport": "pci",
  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/served", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
rastos-vmm up -d --timeout 90
rastos-vmm boot-report --wait served >/dev/null

# ask MEMBERS: its answer is in told.
ask() {
	/payload/tools/metal-ask /run/rastos/control.sock "{\"id\":1,$1}" >told || {
		cat told
		return 1
	}
}
# in_guest COMMAND: a shell's; its answer is in told.
in_guest() {
	ask "\"op\":\"exec\",\"guest\":\"served\",\"command\":[\"sh\",\"-c\",\"$1\"]${2-}"
}
succeeds() {
	in_guest "$1" && grep -q '"end":"exited","status":0' told
}

wait_for 60 succeeds true
in_guest 'echo out; echo err >&2; exit 3' || fail "no command runs"
expect told '"output":"out'
expect told '"error":"err'
expect told '"end":"exited","status":3'
in_guest 'cat; echo $NAME' ',"input":"in","environment":["NAME=value"]' || fail "no command with input runs"
expect told '"output":"invalue'
ask '"op":"exec","guest":"served","command":["nosuch"]' || fail "a command that is not there is no answer"
expect told '"end":"failed"'
expect told '"status":127'
! in_guest 'echo early; sleep 100' ',"timeout_s":2' || fail "a command that never ends was answered"
expect told 'did not end in time'
expect told '"output":"early'
in_guest 'yes | head -c 3000000' || fail "a command that prints much is no answer"
grep -q '"truncated":true' told || fail "an output that is cut does not say so"

manager_pid() {
	ps | grep "[r]astos-vmm up" | grep -v guest: | awk '{ print $1 }'
}

# A disk made by a task, given to the guest, used, and taken.
ask '"op":"disk-create","disk":"data","size":33554432,"task":true' || fail "the disk's task was refused"
expect told '"kind":"disk-create"'
finished() {
	ask '"op":"task-info","task":1' && grep -q '"state":"done"' told
}
wait_for 20 finished
rastos-vmm device add served data --disk data || fail "the disk was refused"
grep -q '"image":.*"data"' /etc/rastos/guests/served.json || fail "the definition does not have the disk"
wait_for 30 succeeds 'test -b /dev/vda'
in_guest 'dd if=/dev/zero of=/dev/vda bs=64k count=16 && sync && dd if=/dev/vda of=/dev/null bs=64k count=16 iflag=direct' ||
	fail "the disk cannot be used"
expect told '"status":0'
ask '"op":"metrics"' || fail "there are no metrics"
tr '\\' '\n' <told >metrics
grep 'rastos_guest_disk_written_bytes_total' metrics >/dev/null || fail "no disk is in the metrics"
ask '"op":"device-info","guest":"served","device":"data"' || fail "the disk is not known"
expect told '"written_bytes":1048576'
! grep -q '"requests":0' told || fail "the disk's requests are not counted"
rastos-vmm disk delete data 2>err && fail "a disk in use was deleted"
rastos-vmm device remove served data || fail "the disk does not go"
wait_for 20 succeeds '! test -b /dev/vda'
! grep -q '"image":.*"data"' /etc/rastos/guests/served.json || fail "the definition still has the disk"
rastos-vmm disk delete data || fail "the disk is still in use"

# The next manager knows the device, and takes it.
rastos-vmm disk create more 32M
rastos-vmm device add served more --disk more
kill -9 "$(manager_pid)"
rastos-vmm up -d --timeout 60
wait_for 20 succeeds 'test -b /dev/vda'
rastos-vmm device list served >listed
expect listed "more"
rastos-vmm device remove served more || fail "the next manager cannot take the disk"
rastos-vmm down --timeout 30
