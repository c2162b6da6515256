# /etc/fstab with real disks: by label and UUID, checked first, bound, swap with its priority, one that is missing and need not be
# there, one that waits to be asked for.
check "/dev/vda / ext4 rw,noatime" sed 's/relatime/noatime/' /proc/mounts
grep -q " / ext4 rw,noatime" /proc/mounts || fail "the root is not mounted as fstab says: $(grep ' / ' /proc/mounts)"
grep -q " /srv/papers ext4 rw" /proc/mounts || fail "by label: $(rinitctl log srv-papers.mount)"
grep -q " /srv/books ext4 ro,nodev" /proc/mounts || fail "by UUID: $(rinitctl log srv-books.mount)"
touch /srv/papers/here
[[ -e /srv/same/here ]] || fail "it is not bound"
read -r _ _ size _ priority <<<"$(sed 1d /proc/swaps)"
[[ $size -gt 16000 && $priority == 7 ]] || fail "swap: $(cat /proc/swaps)"
check "papers" rinitctl log srv-papers.mount
wait_for 20 has "failed" rinitctl is-failed srv-nowhere.mount
check "LABEL=nowhere" rinitctl log srv-nowhere.mount
[[ $(systemctl is-system-running) != starting ]] || fail "nofail holds the boot up"
active multi-user.target cron
grep -q asked-for /proc/mounts && fail "noauto was mounted"
rinitctl start srv-asked\\x2dfor.mount
grep -q " /srv/asked-for ext4 ro" /proc/mounts || fail "noauto was not mounted when it was asked for"
poweroff
sleep 60
