unit bad <<END
[Service]
ExecStart=/no/such/thing
END
boot
expect "bad.service: cannot run /no/such/thing: No such file or directory"
expect "rinit: ready"
