stock a@.service <<'END'
[Unit]
Description=of %i
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/echo instance %i prefix %p path %f
END
wants multi-user.target a@x-y.service
boot
expect "rinit: ready"
logged a@x-y.service "instance x-y prefix a path /x/y"
check "Description: of x-y" ctl status a@x-y.service
ctl start a@z.service
logged a@z.service "instance z"
ctl_fails 1 start a@.service
