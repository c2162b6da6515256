# apt-get install, upgrade, reinstall, remove and purge of redis-server in the running machine, by Debian's maintainer scripts: it
# is enabled and started, restarted, stopped, and nothing is left of it.
# timeout: 240
links() { find /etc/systemd /run/systemd /etc/rc?.d -name '*redis*'; }
running() { pgrep -x redis-server; }
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

sed -i 's/$/\ndeb [trusted=yes] file:\/srv\/repository-newer .\//' /etc/apt/sources.list.d/local.list
apt update
apt upgrade
quiet
check +newer1 dpkg-query -W redis-server
active redis-server
[[ $(running) != "$first" ]] || fail "the upgrade did not restart it"
[[ $(redis-cli get metal) == kept ]] || fail "redis has lost what it stored"
second=$(running)
apt install --reinstall redis-server
active redis-server
[[ $(running) != "$second" ]] || fail "the reinstallation did not restart it"

apt remove redis-server
quiet
running && fail "it runs after it was removed"
rinitctl is-active redis-server && fail "it is active after it was removed"
apt purge redis-server
quiet
[[ -z $(links) ]] || fail "links are left: $(links)"
[[ ! -e /sys/fs/cgroup/system.slice/redis-server.service ]] || fail "its control group is left"
running && fail "it runs after it was purged"
true
