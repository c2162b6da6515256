stock systemd-journald.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo systemd-journald runs
END
stock systemd-udevd.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo systemd-udevd runs
END
wants sysinit.target systemd-journald.service
wants sysinit.target systemd-udevd.service
boot
expect "rinit: ready"
logged systemd-udevd "systemd-udevd runs"
[[ $(ctl list) != *journald* ]] || fail "the journal runs"
