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
for name in ssh.socket ssh.service; do stock $name </lib/systemd/system/$name; done
wants sockets.target ssh.socket
boot
expect "rinit: started OpenBSD Secure Shell server socket"
expect "rinit: ready"
check "State: inactive" ctl status ssh.service
check "hello from inside" login echo hello from inside
check "State: running" ctl status ssh.service
