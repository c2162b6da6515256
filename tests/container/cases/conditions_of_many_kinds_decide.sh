unit a <<'END'
[Unit]
ConditionPathIsDirectory=/etc
ConditionFileNotEmpty=/etc/passwd
ConditionFileIsExecutable=/bin/busybox
ConditionPathExistsGlob=/etc/pass*
ConditionVirtualization=container
ConditionUser=root
ConditionCapability=CAP_SYS_ADMIN
ConditionDirectoryNotEmpty=/etc
ConditionPathIsMountPoint=/proc
ConditionPathExists=|/no/such
ConditionPathExists=|/etc
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo a runs
END
unit b <<'END'
[Unit]
ConditionPathIsDirectory=/etc/passwd
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo b runs
END
unit c <<'END'
[Unit]
ConditionVirtualization=!container
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo c runs
END
boot
expect "rinit: ready"
logged a "a runs"
check "a condition did not hold" ctl status b
check "a condition did not hold" ctl status c
