unit empty <<END
[Unit]
END
unit typo <<END
[Service]
ExecStart=/bin/echo typo runs
Restrt=always
this is nothing
END
mkdir "$root/etc/rinit/folder.service"
head -c 1000000 /dev/zero >"$root/etc/rinit/huge.service"
boot
expect "/etc/rinit/empty.service: no usable ExecStart= in [Service]: nothing to run"
expect "/etc/rinit/folder.service: cannot read: Is a directory"
expect "/etc/rinit/huge.service: cannot read: File too large"
expect "/etc/rinit/typo.service:3: Restrt= in [Service] is not known here and has no effect"
expect "/etc/rinit/typo.service:4: this line is not Key=Value and has no effect"
expect "rinit: ready"
check "typo runs" ctl log typo
