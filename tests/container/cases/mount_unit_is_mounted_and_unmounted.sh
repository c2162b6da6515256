stock data-x.mount <<END
[Unit]
Description=the data
[Mount]
What=tmpfs
Where=/data/x
Type=tmpfs
Options=size=1m,noexec
DirectoryMode=0700
[Install]
WantedBy=local-fs.target
END
wants local-fs.target data-x.mount
file etc/rinit/here.mount <<END
[Mount]
What=tmpfs
Where=/here
Type=tmpfs
END
unit user <<END
[Service]
ExecStart=/bin/sh -c 'stat -f -c %%T /data/x; stat -c %%a /data; sleep 1000'
END
boot
expect "started the data"
expect "rinit: ready"
logged user "tmpfs"
check "tmpfs /here tmpfs" inside cat /proc/mounts # enabled by being in /etc/rinit
logged user "700"
check "tmpfs /data/x tmpfs rw,noexec" inside cat /proc/mounts
check "State: active" ctl status data-x.mount
ctl stop data-x.mount
[[ $(inside cat /proc/mounts) != *"/data/x"* ]] || fail "it is mounted"
check "State: inactive" ctl status data-x.mount
ctl start data-x.mount
check "tmpfs /data/x tmpfs rw,noexec" inside cat /proc/mounts
ctl restart data-x.mount
check "tmpfs /data/x tmpfs rw,noexec" inside cat /proc/mounts
inside umount /data/x
ctl stop data-x.mount # somebody else did it
signal TERM
ends 0
