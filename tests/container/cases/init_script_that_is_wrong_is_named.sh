mkdir -p "$root"/etc/{init.d,rc2.d,rcS.d}
printf '#!/bin/sh\n### BEGIN INIT INFO\n# Provide: odd\n# Required-Start: $moon\n' >"$root/etc/init.d/odd"
printf '#!/bin/sh\n### BEGIN INIT INFO\n# Default-Start: S\n### END INIT INFO\necho must not run\n' >"$root/etc/init.d/early"
printf '#!/bin/sh\nexit 1\n' >"$root/etc/init.d/fails"
chmod +x "$root"/etc/init.d/*
for name in odd fails; do ln -s ../init.d/$name "$root/etc/rc2.d/S01$name"; done
ln -s ../init.d/early "$root/etc/rcS.d/S01early"
boot
expect "/etc/init.d/early: belongs to the early boot (Default-Start: S), which rinit does by itself: it is not run"
expect "/etc/init.d/odd:3: this line has no keyword of an LSB header"
expect "/etc/init.d/odd: \$moon is not known here and has no effect"
expect "fails.service: failed: exit status 1"
expect "rinit: ready"
check "State: active" ctl status odd
check "State: failed" ctl status fails
never "must not run"
