boot
expect "rinit: ready"
check "multi-user.target" as_user /bin/rinitctl list
check "only root may do that" as_user /bin/rinitctl poweroff
check "only root may do that" as_user /bin/rinitctl log
