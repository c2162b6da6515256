# Debian's sshd, with what it needs, and a key for root.
[[ -x /usr/sbin/sshd && -x /usr/bin/ssh ]] || { echo "skipped: openssh-server is not installed"; exit 77; }
for path in /usr/sbin/sshd $(ldd /usr/sbin/sshd | grep -o '/[^ ]*'); do
	mkdir -p "$root/$(dirname "$path")" && cp -L "$path" "$root/$path"
done
mkdir -p "$root/etc/ssh" "$root/root/.ssh"
ssh-keygen -q -t ed25519 -N "" -f "$root/etc/ssh/ssh_host_ed25519_key"
ssh-keygen -q -t ed25519 -N "" -f "$root/root/key"
cp "$root/root/key.pub" "$root/root/.ssh/authorized_keys"
chown -R 0:0 "$root/root" && chmod -R go= "$root/root"
echo "sshd:x:101:65534::/run/sshd:/bin/false" >>"$root/etc/passwd"
echo "HostKey /etc/ssh/ssh_host_ed25519_key" >"$root/etc/ssh/sshd_config"
login() {
	nsenter --target "$pid" --net timeout 20 ssh -q -i "$root/root/key" -o StrictHostKeyChecking=no -o BatchMode=yes \
		-o UserKnownHostsFile=/dev/null root@127.0.0.1 "$@"
}
# As Debian shipped them until its release 11.
stock ssh.socket <<END
[Unit]
Description=OpenBSD Secure Shell server socket
Before=sockets.target
Conflicts=ssh.service
ConditionPathExists=!/etc/ssh/sshd_not_to_be_run
[Socket]
ListenStream=22
Accept=yes
[Install]
WantedBy=sockets.target
END
stock ssh@.service <<'END'
[Unit]
Description=OpenBSD Secure Shell server per-connection daemon
Documentation=man:sshd(8) man:sshd_config(5)
After=auditd.service
[Service]
EnvironmentFile=-/etc/default/ssh
ExecStart=-/usr/sbin/sshd -i $SSHD_OPTS
StandardInput=socket
RuntimeDirectory=sshd
RuntimeDirectoryMode=0755
END
wants sockets.target ssh.socket
boot
expect "rinit: ready"
check "hello from inside" login echo hello from inside
check "127.0.0.1" login 'echo $SSH_CONNECTION'
for ((n = 0; n < 100; n++)); do ctl list | grep -q "ssh@" || break; sleep 0.05; done
! ctl list | grep "ssh@" || fail "a session that has ended is still there"
