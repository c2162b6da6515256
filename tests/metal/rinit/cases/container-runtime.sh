# containerd answers, docker's daemon answers over the socket that rinit opened for it and runs a container, and podman is started
# when somebody comes to its socket and runs one, too. A container lives in the control group that its runtime was given.
# timeout: 400
active containerd docker docker.socket podman.socket
check "Version:" ctr version
check "Server:" docker version
[[ $(rinitctl is-active podman) == inactive ]] || fail "podman runs before anybody came"
check '"Version"' curl -s --max-time 60 --unix-socket /run/podman/podman.sock http://d/v4.0.0/libpod/version
active podman

mkdir -p image/bin
cp /bin/busybox image/bin/
ln -s busybox image/bin/sh
# The API, where it tells the same as Docker's command line: that one takes seconds to start in this machine.
api() { curl -s --max-time 60 --unix-socket /run/docker.sock "$@"; }
tar -C image -c . | api -X POST -H "Content-Type: application/x-tar" --data-binary @- "http://d/images/create?fromSrc=-&repo=box" >/dev/null
container=$(docker run -d --network none box /bin/sh -c 'echo hello from $$; while :; do /bin/busybox sleep 1; done')
wait_for 30 has "hello from 1" api --output - "http://d/containers/$container/logs?stdout=1"
main=$(api "http://d/containers/$container/json" | sed -n 's/.*"Pid":\([0-9]*\).*/\1/p')
check "/docker/$container" cat "/proc/$main/cgroup"
# Containers outlive the daemon that started them: KillMode=process, Delegate=yes.
shim=$(pgrep -f "containerd-shim.*$container")
check "/containerd.service" cat "/proc/$shim/cgroup"
rinitctl restart containerd
[[ -d /proc/$main && -d /proc/$shim ]] || fail "the container did not outlive containerd"
active containerd docker
api -X DELETE "http://d/containers/$container?force=1"
[[ ! -d /proc/$main ]] || fail "the container is left"

check "hello from 1" podman run --rm --network none --cgroup-manager=cgroupfs --rootfs "$PWD/image" \
	/bin/sh -c 'echo hello from $$'
