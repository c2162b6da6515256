"""How each virtual machine monitor is told to run the same guest: one vCPU, 128 MiB, no disk, no network, a serial port.

A function a monitor; each returns the command. `kernel` is an ELF kernel with a PVH note, but for kvmtool, which knows only
bzImages and flat binaries.
"""

import json

MEMORY_MIB = 128
QEMU_END_STATUS = 33  # isa-debug-exit's: guest_exit.S
CMDLINE = "console=ttyS0 quiet panic=-1"


def rastos(program, image, initrd=None, options=()):
    """image: a kernel, or a signed boot image, which has its initrd and command line in it."""
    command = [program, "run", "--no-reboot", "--memory", str(MEMORY_MIB), *options]
    if initrd:
        command += ["--initrd", str(initrd), "--append", CMDLINE]
    return [*command, str(image)]


def qemu_microvm(program, kernel, initrd=None, lean=True, options=()):
    """
    lean: without the old timer and interrupt controller, as QEMU's documentation advises for a fast start. The clock stays,
    because a kernel that knows clocks waits a second for one that is not there.
    """
    machine = "microvm,accel=kvm,rtc=on" + (",pit=off,pic=off" if lean else "")
    command = [program, "-M", machine, "-smp", "1", "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config",
               "-display", "none", "-no-reboot", "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
               *options, "-kernel", str(kernel)]
    if initrd:
        command += ["-initrd", str(initrd), "-append", CMDLINE]
    return command


def kvmtool(program, kernel, initrd=None):
    command = [program, "run", "--kernel", str(kernel), "--mem", str(MEMORY_MIB), "--cpus", "1", "--console", "serial",
               "--network", "mode=none"]
    if initrd:
        command += ["--initrd", str(initrd), "--params", CMDLINE]
    return command


def firecracker_config(kernel, initrd=None):
    """What the file holds that Firecracker is told to read."""
    source = {"kernel_image_path": str(kernel), "boot_args": CMDLINE}
    if initrd:
        source["initrd_path"] = str(initrd)
    return json.dumps({
        "boot-source": source,
        "drives": [],
        "machine-config": {"vcpu_count": 1, "mem_size_mib": MEMORY_MIB},
    })


def firecracker(program, config):
    return [program, "--no-api", "--config-file", str(config)]


def firecracker_jailer(program, inner, folder):
    """inner: what it starts in the jail; its name has "firecracker" in it. The jail is made in the folder."""
    return [program, "--id", "bench", "--exec-file", str(inner), "--uid", "1900000000", "--gid", "1900000000",
            "--chroot-base-dir", str(folder)]


def cloud_hypervisor(program, kernel, initrd=None):
    command = [program, "--kernel", str(kernel), "--cpus", "boot=1", "--memory", f"size={MEMORY_MIB}M",
               "--serial", "tty", "--console", "off"]
    if initrd:
        command += ["--initramfs", str(initrd), "--cmdline", CMDLINE]
    return command


# --- The guest of devices.py: a disk, a network card on a TAP, a vsock ---

def rastos_devices(program, definition):
    return [program, "run", "--no-reboot", definition]


def rastos_definition(kernel, initrd, transport, disk, tap, vhost, vsock):
    """What the file says that rastos-vmm is given. vhost: the host's kernel moves the frames; vsock: the path of its unix socket."""
    return json.dumps({
        "name": "devices", "vcpus": 1, "memory_mib": MEMORY_MIB, "transport": transport,
        "kernel": {"path": kernel, "initrd": initrd, "cmdline": CMDLINE},
        "disks": [{"path": disk}], "networks": [{"type": "tap", "device": tap, "vhost": vhost}], "vsock": {"path": vsock},
    })


def qemu_devices(program, machine, kernel, initrd, disk, tap, disk_options="", card_options="", options=()):
    """
    machine: microvm or q35, with virtio-mmio or virtio-pci. Without force-legacy=false virtio-mmio would be the draft before
    virtio 1.0. vsock is the host kernel's.
    """
    bus = "device" if machine == "microvm" else "pci"
    more = ",rtc=on" if machine == "microvm" else ",hpet=off"
    return [program, "-M", f"{machine},accel=kvm{more}", "-cpu", "host", "-smp", "1", "-m", str(MEMORY_MIB), "-nodefaults",
            "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-global", "virtio-mmio.force-legacy=false",
            "-drive", f"if=none,id=disk,format=raw,file={disk}{disk_options}",
            "-netdev", f"tap,id=card,ifname={tap},script=no,downscript=no{card_options}",
            *options,
            "-device", f"virtio-blk-{bus},drive=disk" + (",iothread=thread" if options else ""),
            "-device", f"virtio-net-{bus},netdev=card" + (",romfile=" if bus == "pci" else ""),
            "-device", f"vhost-vsock-{bus},guest-cid=3",
            "-kernel", kernel, "-initrd", initrd, "-append", CMDLINE]
