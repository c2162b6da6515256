# apt-get install, upgrade, reinstallation, apt-get remove and purge of redis-server in the running machine, by Debian's maintainer
# scripts: it is enabled and started, restarted, stopped, and nothing is left of it. What dpkg can do alone it does: apt-get takes
# the emulator some ten seconds each time.
# timeout: 400
links() { find /etc/systemd /run/systemd /etc/rc?.d -name '*redis*'; }
running() { pgrep -x redis-server; }
dpkg() { command dpkg "$@" >apt.log 2>&1 || fail "dpkg $*: $(cat apt.log)"; }
apt() { apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >apt.log 2>&1 || fail "apt-get $*: $(cat apt.log)"; }
quiet() { ! grep -i -E 'invoke-rc.d: |systemctl:|rinitctl:|Failed to' apt.log || fail "maintainer scripts complain: $(cat apt.log)"; }

apt update
apt install redis-server
quiet
active redis-server
check redis-server.service links
check enabled rinitctl is-enabled redis-server
[[ $(redis-cli set metal kept) == OK && $(redis-cli get metal) == kept ]] || fail "redis does not store"
[[ $(redis-cli save) == OK ]] || fail "redis does not save"
first=$(running)

dpkg -i /srv/repository-newer/redis-server.deb
quiet
check +newer1 dpkg-query -W redis-server
active redis-server
[[ $(running) != "$first" ]] || fail "the upgrade did not restart it"
[[ $(redis-cli get metal) == kept ]] || fail "redis has lost what it stored"
second=$(running)
dpkg -i /srv/repository-newer/redis-server.deb
quiet
active redis-server
[[ $(running) != "$second" ]] || fail "the reinstallation did not restart it"

apt remove redis-server
quiet
running && fail "it runs after it was removed"
rinitctl is-active redis-server && fail "it is active after it was removed"
dpkg --purge redis-server
quiet
[[ -z $(links) ]] || fail "links are left: $(links)"
[[ ! -e /sys/fs/cgroup/system.slice/redis-server.service ]] || fail "its control group is left"
running && fail "it runs after it was purged"
true
