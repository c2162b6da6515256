# An ordinary user, a member of group kvm and no more, with his own manager: a guest with disks, a directory of his, a published port and commands in it, its
# shutdown and its next start; `run`; and what somebody who is not in the group is told.
# timeout: 150
printf 'alice:x:1000:1000:Alice:/home/alice:/bin/sh\nbob:x:1001:1001:Bob:/home/bob:/bin/sh\n' >>/etc/passwd
printf 'alice:x:1000:\nbob:x:1001:\n' >>/etc/group
sed -i 's/^kvm:.*/kvm:x:104:alice/' /etc/group
chgrp kvm /dev/kvm
chmod 660 /dev/kvm
for user in alice bob; do
	mkdir -p /home/$user /run/user/$user
	chown $user:$user /home/$user /run/user/$user
	chmod 700 /home/$user /run/user/$user
done
chmod 1777 /tmp
# as USER COMMAND...: what a login of that user does, in his folder.
as() {
	user=$1
	shift
	su -s /bin/sh $user -c "export HOME=/home/$user XDG_RUNTIME_DIR=/run/user/$user; cd; $*" </dev/null
}
guest_initrd /home/alice/initrd <<'END'
	rinitctl enable --now rastos-exec.socket
	mkdir /tmp/www && echo "the guest greets" >/tmp/www/index.html
	dd if=/dev/urandom of=/tmp/pattern bs=64k count=8 2>/dev/null
	for disk in vda vdb; do
		dd if=/tmp/pattern of=/dev/$disk bs=64k oflag=direct 2>/dev/null && dd if=/dev/$disk bs=64k count=8 iflag=direct 2>/dev/null | cmp - /tmp/pattern && echo "$disk keeps what is written"
	done
	until ip route | grep -q default; do sleep 0.1; done
	echo "of the guest" >/shared/file
	echo "up and well"
END
chmod 644 /home/alice/initrd
as alice rastos-vmm check >log || fail "guests do not run here: $(cat log)"
expect log "^Guests run here"
as alice rastos-vmm up -d --timeout 60
as alice rastos-vmm disk create data 16M
as alice LD_LIBRARY_PATH=/payload/tools/qemu-img/lib /payload/tools/qemu-img/qemu-img create -q -f qcow2 other.qcow2 16M
as alice mkdir shared
as alice rastos-vmm create web --image $tuned -i initrd -m 160 -p 8080:80 -v data -v other.qcow2,format=qcow2 -v shared:/shared
console=/run/user/alice/rastos/guests/web/console.log
wait_for 40 printed $console "^up and well"
expect $console "^vda keeps what is written"
expect $console "^vdb keeps what is written"
expect /home/alice/shared/file "of the guest"
[ "$(stat -c %u:%g /home/alice/shared/file)" = 1000:1000 ] || fail "it is $(stat -c %u:%g /home/alice/shared/file)"
# What the guest serves comes out of the published port. It starts by a command of the host: what the script leaves behind ends with it.
serves() {
	wait_for 20 as alice rastos-vmm exec web true
	as alice rastos-vmm exec web -- httpd -p 80 -h /tmp/www
	as alice wget -q -O - http://127.0.0.1:8080/ >log || fail "nobody answers at the published port"
	expect log "^the guest greets"
}
serves
[ "$(as alice rastos-vmm exec web -- sh -c '"echo \$((6 * 7))"')" = 42 ] || fail "exec"
as alice rastos-vmm info web >log
expect log "^Disks: *image data"
expect log "^  *published: 8080:80"
as alice rastos-vmm list --json | grep -q '"name":"web".*"state":"running"' || fail "web does not run"
for process in $(ps -o pid,args | grep -E "[r]astos-vmm|[p]asst|[q]emu-storage-daemon|[v]irtiofsd" | awk '{ print $1 }'); do
	case "$(grep Uid: /proc/$process/status | tr '\t' ' ')" in
	*" 1000 1000 1000 1000") ;;
	*) fail "somebody else's: $(tr '\0' ' ' </proc/$process/cmdline)" ;;
	esac
done
[ "$(ps -o args | grep -c -E "[p]asst --foreground")" = 1 ] || fail "passt does not run"
! as bob rastos-vmm list >log 2>&1 || fail "bob sees guests of alice's: $(cat log)"

as alice rastos-vmm shutdown --wait web
as alice rastos-vmm list --json | grep -q '"state":"off"' || fail "web is not off"
! ps -o args | grep -E "[p]asst --foreground|[q]emu-storage-daemon|[v]irtiofsd" || fail "a helper outlived its guest"
as alice rastos-vmm start web
as alice rastos-vmm boot-report --wait web >/dev/null
serves
as alice rastos-vmm down --timeout 40
! ps -o args | grep -E "[r]astos-vmm|[p]asst --foreground|[q]emu-storage-daemon|[v]irtiofsd" || fail "something outlived down"

guest_initrd /home/alice/initrd <<'END'
	until ip route | grep -q default; do sleep 0.1; done
	echo "id $(cat /sys/block/vda/size) there is a network"
	poweroff
END
chmod 644 /home/alice/initrd
as alice rastos-vmm run -i initrd -m 160 -n passt -d data -a "'console=ttyS0 quiet panic=-1'" $tuned >log 2>&1 || fail "run: $(tail -n 20 log)"
expect log "^id 32768 there is a network"

cp /home/alice/initrd /tmp/initrd
status=0
as bob rastos-vmm run -i /tmp/initrd -m 160 $tuned >log 2>&1 || status=$?
[ $status = 1 ] || fail "bob's guest ended with $status"
[ "$(wc -l <log)" = 1 ] || fail "bob is told more than a sentence: $(cat log)"
expect log "/dev/kvm: no permission to open it: run .sudo usermod -aG kvm bob"
