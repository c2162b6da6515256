stock srv.mount <<END
[Mount]
What=/no/such/folder
Where=/srv
Options=bind
END
unit user <<END
[Unit]
RequiresMountsFor=/srv/x
[Service]
ExecStart=/bin/echo must not run
END
boot
expect "srv.mount: /no/such/folder: cannot mount it on /srv as auto: No such file or directory"
expect "user.service: not started: srv.mount, which it requires, is failed"
expect "rinit: ready"
check "State: failed" ctl status srv.mount
never "must not run"
