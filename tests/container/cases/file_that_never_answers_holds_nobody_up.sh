# A file system whose server does not answer, as a network's: whoever looks into it waits for ever.
[[ -c /dev/fuse ]] || { echo "skipped: there is no /dev/fuse"; exit 77; }
mkdir "$root/mnt"
timeout 50 python3 - "$root/mnt" >"$root/served" <<'END' &
import ctypes, os, sys, time
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
print(ctypes.CDLL(None).mount(b"never", sys.argv[1].encode(), b"fuse", 0, options.encode()), flush=True)
time.sleep(60)
END
server=$!
eval "others_$(declare -f clean_up)"
clean_up() { umount -l "$root/mnt"; kill "$server"; others_clean_up; }
for ((n = 0; n < 500; n++)); do [[ -s $root/served ]] && break; sleep 0.02; done
[[ $(cat "$root/served") == 0 ]] || { echo "skipped: fuse may not be mounted here"; exit 77; }

unit hung <<END
[Service]
EnvironmentFile=/mnt/environment
TimeoutStartSec=2s
ExecStart=/bin/sleep 1000
END
unit folder <<END
[Service]
WorkingDirectory=/mnt/folder
TimeoutStartSec=2s
ExecStart=/bin/sleep 1000
END
unit program <<END
[Service]
Type=exec
TimeoutStartSec=2s
ExecStart=/mnt/program
END
unit fine <<END
[Service]
Environment=A=b
ExecStart=/bin/sh -c 'echo \$A; sleep 1000'
END
unit bad <<END
[Service]
EnvironmentFile=/etc/nowhere
ExecStart=/bin/sleep 1000
END
unit missing <<END
[Service]
ExecStart=/no/such/program
END
boot
expect "fine.service: b"
ctl status fine
check "State: starting" ctl status hung
expect "hung.service: not ready after 2.0 s: stopping it"
expect "rinit: ready"
check "State: failed" ctl status folder
check "State: failed" ctl status program
check "bad.service: EnvironmentFile=/etc/nowhere: No such file or directory" ctl log rinit
check "missing.service: cannot run /no/such/program: No such file or directory" ctl log rinit
check "State: failed" ctl status missing
