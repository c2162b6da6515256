# A guest's process under the manager: who it is, what it has, what it may; and what is left when it is killed.
# timeout: 180
mkdir -p /etc/rastos/guests
rm -f /etc/rastos/guests/*
guest_initrd /tmp/initrd <<'END'
dd if=/dev/vda of=/dev/null bs=64k count=4 2>/dev/null && echo "disk read"
echo "up and well"
END
truncate -s 4M /tmp/disk.img
cat >/etc/rastos/guests/web.json <<END
{ "name": "web", "vcpus": 1, "memory_mib": 128, "disks": [{ "path": "/tmp/disk.img" }],
  "kernel": { "path": "$tuned", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
pid_of() {
	rastos-vmm list --json | sed 's/.*"pid"://; s/[^0-9].*//'
}
status_of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}
# same WHAT HAS EXPECTED
same() {
	[ "$2" = "$3" ] || fail "$1: $2 instead of $3"
}

rastos-vmm up -d --timeout 60
pid=$(pid_of)
attach web log "disk read" "up and well"

id=1900000000
tab=$(printf '\t')
same "user" "$(status_of "$pid" Uid)" "$id$tab$id$tab$id$tab$id"
same "group" "$(status_of "$pid" Gid)" "$id$tab$id$tab$id$tab$id"
same "groups" "$(status_of "$pid" Groups | tr -d ' ')" ""
same "no_new_privs" "$(status_of "$pid" NoNewPrivs)" 1
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	same "$set" "$(status_of "$pid" $set)" 0000000000000000
done
threads=0
for task in "/proc/$pid/task"/*; do
	same "filter of $task" "$(sed -n 's/^Seccomp:[[:space:]]*//p' "$task/status")" 2
	threads=$((threads + 1))
done
[ $threads -ge 3 ] || fail "$threads threads"
for space in user mnt pid net ipc uts; do
	[ "$(readlink "/proc/$pid/ns/$space")" != "$(readlink /proc/self/ns/$space)" ] || fail "the $space namespace is the host's"
done
same "root" "$(ls -A "/proc/$pid/root/")" ""
same "mounts" "$(awk '{ print $2, $3, substr($4, 1, 2) }' "/proc/$pid/mounts" | tail -n 1)" "/ tmpfs ro"
for fd in "/proc/$pid/fd"/*; do
	case $(readlink "$fd") in
	/etc/* | /tmp/initrd | $tuned | */control.sock | */state.json) fail "it holds $(readlink "$fd")" ;;
	esac
done

# Its cgroup, with the limits of its definition: 128 MiB and what it may have beside (docs/jail.md), its threads, those of its disk's ring, and a few.
cgroup=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
same "cgroup" "$cgroup" /sys/fs/cgroup/rastos/web.guest
same "memory" "$(cat "$cgroup/memory.max")" $(((128 + 4 + 96) * 1024 * 1024))
same "pids" "$(cat "$cgroup/pids.max")" 8
grep -q cpu "$cgroup/cgroup.controllers" || fail "no cpu controller"

# Killed: nothing of it is left, and the next one has the same place.
kill -9 "$pid"
wait_for 20 sh -c "rastos-vmm list --json | grep -q '\"state\":\"failed\"'"
[ ! -e "$cgroup" ] || fail "its cgroup is left: $(cat "$cgroup/cgroup.procs")"
rastos-vmm start web
rastos-vmm boot-report --wait web >/dev/null
pid=$(pid_of)
same "user of the next one" "$(status_of "$pid" Uid)" "$id$tab$id$tab$id$tab$id"
rastos-vmm down
wait_for 10 sh -c "[ ! -e /sys/fs/cgroup/rastos ]"
