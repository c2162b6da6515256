unit keeper <<'END'
[Service]
NotifyAccess=all
FileDescriptorStoreMax=20
ExecStart=/bin/sleep 1000
ExecReload=/bin/sh -c 'peer flood 500 /etc/passwd && peer fdstore "STATUS=done"'
END
unit stranger <<'END'
[Service]
NotifyAccess=none
FileDescriptorStoreMax=0
Environment=NOTIFY_SOCKET=/run/rinit/notify
ExecStart=/bin/sh -c 'peer flood 500 /etc/passwd; echo flooded; exec sleep 1000'
END
boot
expect "rinit: ready"
logged stranger "flooded"
descriptors() { ls "/proc/$pid/fd" | wc -l; }
passwds() { ls -l "/proc/$pid/fd" | grep -c "/etc/passwd"; }
[[ $(passwds) == 0 ]] || fail "a stranger's descriptors are kept"
before=$(descriptors)
ctl reload keeper
for ((n = 0; n < 100; n++)); do ctl status keeper | grep -q done && break; sleep 0.05; done
logged rinit "keeper.service: more descriptors than FileDescriptorStoreMax= are not kept"
[[ $(passwds) == 20 ]] || fail "$(passwds) descriptors are kept, not 20"
ctl stop keeper
for ((n = 0; n < 100; n++)); do [[ $(passwds) == 0 ]] && break; sleep 0.05; done
[[ $(passwds) == 0 ]] || fail "$(passwds) descriptors are kept after the stop"
