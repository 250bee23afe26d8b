"""What a container is made with: the flags of create and run, and the parts that update, exec and pods share.

Defaults that come from containers.conf are left unset; ``shown`` is what help prints. A command asks ``opts.changed``.
"""

from ocikit.common.cli.declare import Flag

RESOURCES = (
    Flag("blkio-weight", help="Share of block input and output, 10 to 1000", complete="none"),
    Flag("blkio-weight-device", "stringArray", help="Share of one device's input and output (repeatable)", metavar="DEVICE_NAME:WEIGHT"),
    Flag("cpu-period", "uint", help="Length of a CPU quota period in microseconds"),
    Flag("cpu-quota", "int", help="CPU time in each period in microseconds"),
    Flag("cpu-rt-period", "uint", help="Length of a real-time period in microseconds (cgroup v1)"),
    Flag("cpu-rt-runtime", "int", help="Real-time CPU time in each period in microseconds (cgroup v1)"),
    Flag("cpu-shares", "uint", "c", help="Share of CPU time relative to others"),
    Flag("cpus", "float", help="How many CPUs' worth of time the container may use", shown=""),
    Flag("cpuset-cpus", help="CPUs that may be used, as 0-3 or 0,2", complete="none"),
    Flag("cpuset-mems", help="Memory nodes that may be used, as 0-3 or 0,2", complete="none"),
    Flag("device-read-bps", "stringArray", help="Most bytes a second read from a device, as /dev/sda:1mb (repeatable)"),
    Flag("device-read-iops", "stringArray", help="Most reads a second from a device, as /dev/sda:1000 (repeatable)"),
    Flag("device-write-bps", "stringArray", help="Most bytes a second written to a device, as /dev/sda:1mb (repeatable)"),
    Flag("device-write-iops", "stringArray", help="Most writes a second to a device, as /dev/sda:1000 (repeatable)"),
    Flag("memory", short="m", help="Most memory, as 512m or 2g", metavar="<number>[<unit>]", complete="none"),
    Flag("memory-reservation", help="Memory that is left to the container under pressure", metavar="<number>[<unit>]", complete="none"),
    Flag("memory-swap", help="Most memory and swap together; -1 for no limit", complete="none"),
    Flag("memory-swappiness", "int", default=-1, help="How readily memory is swapped out, 0 to 100 (cgroup v1)"),
    Flag("pids-limit", "int", help="Most processes; -1 for no limit", shown="2048"),
)  # fmt: skip

HEALTH = (
    Flag("health-cmd", help='Command that tells whether the container is well; "none" switches the image\'s off', complete="none"),
    Flag("health-interval", default="30s", help='Time between health checks; "disable" for none on a timer', complete="none"),
    Flag("health-log-destination", default="local", help="Where health check results are logged: local, events_logger or a directory", complete="dirs"),
    Flag("health-max-log-count", "uint", default=5, help="How many health check results are kept; 0 for all"),
    Flag("health-max-log-size", "uint", default=500, help="Most characters kept of a health check's output; 0 for all"),
    Flag("health-on-failure", default="none", help="What happens to a container that is not well", choices=("none", "kill", "restart", "stop")),
    Flag("health-retries", "uint", default=3, help="Failures in a row after which the container counts as not well"),
    Flag("health-start-period", default="0s", help="Time that the container is given to start before failures count", complete="none"),
    Flag("health-startup-cmd", help="Command that tells whether the container has started; checks begin after it", complete="none"),
    Flag("health-startup-interval", default="30s", help="Time between startup checks", complete="none"),
    Flag("health-startup-retries", "uint", help="Failed startup checks after which the container is restarted"),
    Flag("health-startup-success", "uint", help="Successful startup checks after which the container counts as started"),
    Flag("health-startup-timeout", default="30s", help="Longest time of one startup check", complete="none"),
    Flag("health-timeout", default="30s", help="Longest time of one health check", complete="none"),
    Flag("no-healthcheck", "bool", help="Switch health checks off"),
)  # fmt: skip

NETWORK = (
    Flag("add-host", "strings", help="Add a line to /etc/hosts, as name:address (repeatable)", complete="none"),
    Flag("dns", "strings", help="DNS server for the container (repeatable)", complete="none"),
    Flag("dns-option", "strings", help="Option for resolv.conf (repeatable)", complete="none"),
    Flag("dns-search", "strings", help="Search domain for names (repeatable)", complete="none"),
    Flag("hosts-file", help="File that /etc/hosts starts from: a path, image or none", complete="files"),
    Flag("ip", help="IPv4 address of the container on its network", complete="none"),
    Flag("ip6", help="IPv6 address of the container on its network", complete="none"),
    Flag("mac-address", help="MAC address of the container on its network", complete="none"),
    Flag("network", "stringArray", help="Connect to a network: bridge, host, none, a name, ... (repeatable)", complete="networks"),
    Flag("network-alias", "strings", help="Other name of the container on its networks (repeatable)", complete="none"),
    Flag("no-hostname", "bool", help="Leave /etc/hostname as the image has it"),
    Flag("no-hosts", "bool", help="Leave /etc/hosts as the image has it"),
    Flag("publish", "strings", "p", help="Make a port reachable from outside, as [[address:][host]:]port[/protocol] (repeatable)", complete="none"),
)  # fmt: skip

# Which of the many things below a container's own words may change; grouped as podman-run(1) explains them.
NAMESPACES = (
    Flag("cgroup-parent", help="Control group under which the container's is made", complete="dirs"),
    Flag("cgroupns", help="Control group namespace: private, host, ns:PATH or container:NAME", complete="namespaces"),
    Flag("cgroups", help="Whether control groups are made", choices=("enabled", "disabled", "no-conmon", "split"), shown="enabled"),
    Flag("gidmap", "strings", help="Map group ids, as container:host:count (repeatable)", complete="none"),
    Flag("hostuser", "strings", help="User of the host to add to the container's /etc/passwd (repeatable)", complete="none"),
    Flag("ipc", help="IPC namespace: private, shareable, host, none, ns:PATH or container:NAME", complete="namespaces"),
    Flag("pid", help="Process namespace: private, host, ns:PATH or container:NAME", complete="namespaces"),
    Flag("subgidname", help="Name in /etc/subgid whose ranges map group ids", complete="none"),
    Flag("subuidname", help="Name in /etc/subuid whose ranges map user ids", complete="none"),
    Flag("uidmap", "strings", help="Map user ids, as container:host:count (repeatable)", complete="none"),
    Flag("userns", help="User namespace: host, keep-id, auto, nomap, ns:PATH or container:NAME", complete="userns"),
    Flag("uts", help="Host name namespace: private, host, ns:PATH or container:NAME", complete="namespaces"),
)  # fmt: skip

SECURITY = (
    Flag("cap-add", "strings", help="Give a capability, or ALL (repeatable)", complete="capabilities"),
    Flag("cap-drop", "strings", help="Take a capability away, or ALL (repeatable)", complete="capabilities"),
    Flag("device", "stringArray", help="Let the container use a device, as /dev/x[:inside[:rwm]] (repeatable)", complete="files"),
    Flag("device-cgroup-rule", "strings", help="Allow devices by a rule, as c 1:3 rwm (repeatable)", complete="none"),
    Flag("gpus", "strings", help="Let the container use GPUs: all, or names (repeatable)", complete="none"),
    Flag("group-add", "strings", help="Run with another group as well; keep-groups for the caller's (repeatable)", complete="none"),
    Flag("privileged", "bool", help="Give every capability and device"),
    Flag("rdt-class", help="Class of resource director technology", complete="none"),
    Flag("seccomp-policy", default="default", help="Where the seccomp profile comes from", choices=("default", "image")),
    Flag("security-opt", "stringArray", help="Security option: seccomp=FILE, label=..., no-new-privileges, unmask=..., ... (repeatable)"),
    Flag("sysctl", "strings", help="Set a kernel parameter inside, as name=value (repeatable)", complete="none"),
    Flag("ulimit", "strings", help="Limit a resource, as name=soft[:hard], or host (repeatable)", complete="none"),
)  # fmt: skip

STORAGE = (
    Flag("chrootdirs", "stringArray", help="Directory for chroot inside the container (repeatable)", complete="none"),
    Flag("image-volume", default="anonymous", help="What becomes of the image's volumes: anonymous, tmpfs or ignore", choices=("anonymous", "bind", "tmpfs", "ignore")),
    Flag("mount", "stringArray", help="Mount something, as type=bind,src=...,dst=... (repeatable)", complete="none"),
    Flag("read-only", "bool", help="Make the root file system read-only"),
    Flag("read-only-tmpfs", "bool", default=True, help="With --read-only, keep /run, /tmp and /var/tmp writable in memory"),
    Flag("rootfs", "bool", help="The first word is a directory to use as root, not an image"),
    Flag("secret", "stringArray", help="Give a secret, as name[,type=mount|env][,target=...] (repeatable)", complete="secrets"),
    Flag("shm-size", help="Size of /dev/shm", metavar="<number>[<unit>]", shown="65536k", complete="none"),
    Flag("shm-size-systemd", help="Size of systemd's /run and journal directories", metavar="<number>[<unit>]", complete="none"),
    Flag("tmpfs", "stringArray", help="Mount an empty file system in memory, as path[:options] (repeatable)", metavar="tmpfs", complete="none"),
    Flag("volume", "stringArray", "v", help="Mount a directory or a volume, as source:target[:options] (repeatable)", complete="volumes"),
    Flag("volumes-from", "stringArray", help="Mount the volumes of another container (repeatable)", complete="containers"),
)  # fmt: skip

ENVIRONMENT = (
    Flag("env", "stringArray", "e", help="Set an environment variable; a name alone is taken from outside, NAME* too (repeatable)", complete="none"),
    Flag("env-file", "stringArray", help="Read environment variables from a file (repeatable)", complete="files"),
    Flag("env-host", "bool", help="Take over the caller's environment"),
    Flag("env-merge", "stringArray", help="Build a variable from the image's own, as PATH=${PATH}:/more (repeatable)", complete="none"),
    Flag("http-proxy", "bool", default=True, help="Take over the caller's proxy settings", shown="true"),
    Flag("unsetenv", "stringArray", help="Drop a variable that the image sets (repeatable)", complete="none"),
    Flag("unsetenv-all", "bool", help="Drop all variables that the image sets"),
)  # fmt: skip

IMAGE = (
    Flag("arch", help="Choose the image for this architecture", metavar="ARCH", complete="archs"),
    Flag("authfile", help="File of registry credentials", complete="files"),
    Flag("cert-dir", help="Directory of certificates and keys for registries", metavar="Pathname", complete="dirs"),
    Flag("creds", help="Credentials for the registry", metavar="credentials", complete="none"),
    Flag("decryption-key", "stringArray", help="Key for encrypted images (repeatable)", complete="files"),
    Flag("disable-content-trust", "bool", help="Accepted for scripts written for Docker; does nothing"),
    Flag("os", help="Choose the image for this operating system", metavar="OS", complete="none"),
    Flag("platform", help="Choose the image for this platform, as os/arch[/variant]", complete="platforms"),
    Flag("pull", default="missing", help="When to pull the image", choices=("always", "missing", "never", "newer", "ifnotpresent", "true", "false")),
    Flag("quiet", "bool", "q", help="Show no progress"),
    Flag("retry", "uint", help="How often to try again when a registry fails", shown="3"),
    Flag("retry-delay", help="Time between tries", complete="none"),
    Flag("tls-verify", "bool", default=True, help="Require HTTPS and check certificates", shown=""),
    Flag("variant", help="Choose the image for this variant of the architecture", metavar="VARIANT", complete="none"),
)  # fmt: skip

IDENTITY = (
    Flag("annotation", "stringArray", help="Add an annotation, as key=value (repeatable)", complete="none"),
    Flag("attach", "strings", "a", help="Attach stdin, stdout or stderr (repeatable)", complete="streams"),
    Flag("cgroup-conf", "strings", help="Set a value of the control group, as name=value (repeatable)", complete="none"),
    Flag("cidfile", help="Write the container's id to this file", complete="files"),
    Flag("conmon-pidfile", help="Write the monitor's process id to this file", complete="files"),
    Flag("entrypoint", help="Command to run instead of the image's entry point; a JSON list or one word", complete="none"),
    Flag("expose", "strings", help="Expose a port or a range (repeatable)", complete="none"),
    Flag("group-entry", help="Line for /etc/group instead of the usual one", complete="none"),
    Flag("hostname", short="h", help="Host name inside", complete="none"),
    Flag("init", "bool", help="Run an init inside that reaps processes and forwards signals"),
    Flag("init-path", help="Program to use as init", complete="files"),
    Flag("interactive", "bool", "i", help="Keep standard input open"),
    Flag("label", "stringArray", "l", help="Add a label, as key=value (repeatable)", complete="none"),
    Flag("label-file", "stringArray", help="Read labels from a file (repeatable)", complete="files"),
    Flag("log-driver", help="Where output is logged", choices=("k8s-file", "journald", "json-file", "none", "passthrough", "passthrough-tty"), shown="k8s-file"),
    Flag("log-opt", "stringArray", help="Option for the log, as path=..., max-size=..., tag=... (repeatable)", complete="none"),
    Flag("name", help="Name of the container", complete="none"),
    Flag("oom-kill-disable", "bool", help="Never kill for lack of memory (cgroup v1)"),
    Flag("oom-score-adj", "int", help="How readily the kernel kills for lack of memory, -1000 to 1000"),
    Flag("passwd-entry", help="Line for /etc/passwd instead of the usual one", complete="none"),
    Flag("personality", help="Execution domain: LINUX or LINUX32", complete="none"),
    Flag("pidfile", help="Write the container's process id to this file", complete="files"),
    Flag("pod", help="Join a pod; new:NAME makes it", complete="pods"),
    Flag("pod-id-file", help="Read the pod's id from this file", complete="files"),
    Flag("publish-all", "bool", "P", help="Make every exposed port reachable on a free port of the host"),
    Flag("replace", "bool", help="Remove a container of the same name first"),
    Flag("requires", "strings", help="Containers that must run before this one (repeatable)", complete="containers"),
    Flag("restart", help="When to start again: no, always, on-failure[:max] or unless-stopped", complete="restarts"),
    Flag("rm", "bool", help="Remove the container when it ends"),
    Flag("sdnotify", default="container", help="Who says that the service is ready", choices=("container", "conmon", "healthy", "ignore")),
    Flag("stop-signal", help="Signal that ends the container", complete="signals"),
    Flag("stop-timeout", "uint", help="Seconds between the stop signal and KILL", shown="10"),
    Flag("systemd", default="true", help="Prepare the container for systemd: true, false or always", choices=("true", "false", "always")),
    Flag("timeout", "uint", help="Kill the container after so many seconds"),
    Flag("tty", "bool", "t", help="Give the container a terminal"),
    Flag("tz", help="Time zone inside, or local", complete="none"),
    Flag("umask", help="File creation mask inside", shown="0022", complete="none"),
    Flag("user", short="u", help="User to run as, as name[:group] or uid[:gid]", complete="none"),
    Flag("workdir", short="w", help="Directory to run in", complete="none"),
)  # fmt: skip

# What create and run share.
CREATE = (*IDENTITY, *IMAGE, *NETWORK, *RESOURCES, *HEALTH, *NAMESPACES, *SECURITY, *STORAGE, *ENVIRONMENT)

# create alone.
INIT_CTR = (Flag("init-ctr", help="Make this an init container of its pod", choices=("always", "once", "oneshot")),)

DETACH_KEYS = Flag("detach-keys", help="Keys that leave the container running", metavar="[a-Z]", shown="ctrl-p,ctrl-q", complete="none")  # fmt: skip

# run alone, on top of CREATE.
RUN = (
    Flag("detach", "bool", "d", help="Run in the background and print the container's id"),
    DETACH_KEYS,
    Flag("passwd", "bool", default=True, help="Add the user to /etc/passwd"),
    Flag("preserve-fd", "uints", help="File descriptors to hand on (repeatable)"),
    Flag("preserve-fds", "uint", help="How many file descriptors from 3 on to hand on"),
    Flag("rmi", "bool", help="Remove the image as well when the container ends"),
    Flag("sig-proxy", "bool", default=True, help="Hand signals on to the container"),
)  # fmt: skip

EXEC = (
    Flag("cidfile", help="Read the container's id from this file", complete="files"),
    Flag("detach", "bool", "d", help="Run in the background and print the session's id"),
    Flag("detach-keys", help="Keys that leave the command running", shown="ctrl-p,ctrl-q", complete="none"),
    Flag("env", "stringArray", "e", help="Set an environment variable (repeatable)", complete="none"),
    Flag("env-file", "stringArray", help="Read environment variables from a file (repeatable)", complete="files"),
    Flag("interactive", "bool", "i", help="Keep standard input open"),
    Flag("latest", "bool", "l", help="Take the container that was made last"),
    Flag("no-session", "bool", help="Keep no record of the session in the database"),
    Flag("preserve-fd", "uints", help="File descriptors to hand on (repeatable)"),
    Flag("preserve-fds", "uint", help="How many file descriptors from 3 on to hand on"),
    Flag("privileged", "bool", help="Give the command every capability"),
    Flag("tty", "bool", "t", help="Give the command a terminal"),
    Flag("user", short="u", help="User to run as, as name[:group] or uid[:gid]", complete="none"),
    Flag("workdir", short="w", help="Directory to run in", complete="none"),
)  # fmt: skip

LATEST = Flag("latest", "bool", "l", help="Take the container that was made last")
