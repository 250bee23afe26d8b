"""The flags of a build: podman build, buildah build, and what buildah from, run and commit share with them."""

from ocikit.common.cli.declare import Flag
from ocikit.common.cli.optionsets.registry import AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY

NETWORK = (
    Flag("add-host", "strings", help="Add a line to /etc/hosts, as name:address (repeatable)", metavar="host:ip", complete="none"),
    Flag("dns", "strings", help="DNS server for RUN instructions; none keeps resolv.conf (repeatable)", metavar="/etc/resolv.conf", complete="none"),
    Flag("dns-option", "strings", help="Option for resolv.conf (repeatable)", complete="none"),
    Flag("dns-search", "strings", help="Search domain for names (repeatable)", complete="none"),
    Flag("network", help="Network of RUN instructions: private, host, none or a path", complete="networks"),
)  # fmt: skip

RESOURCES = (
    Flag("cgroup-parent", help="Control group under which RUN instructions' are made", complete="dirs"),
    Flag("cpu-period", "uint", help="Length of a CPU quota period in microseconds"),
    Flag("cpu-quota", "int", help="CPU time in each period in microseconds"),
    Flag("cpu-shares", "uint", "c", help="Share of CPU time relative to others"),
    Flag("cpuset-cpus", help="CPUs that may be used, as 0-3 or 0,2", complete="none"),
    Flag("cpuset-mems", help="Memory nodes that may be used, as 0-3 or 0,2", complete="none"),
    Flag("memory", short="m", help="Most memory, as 512m or 2g", complete="none"),
    Flag("memory-swap", help="Most memory and swap together; -1 for no limit", complete="none"),
    Flag("shm-size", help="Size of /dev/shm", metavar="<number><unit>", shown="65536k", complete="none"),
    Flag("ulimit", "strings", help="Limit a resource, as name=soft[:hard] (repeatable)", complete="none"),
)  # fmt: skip

CAPABILITIES = (
    Flag("cap-add", "strings", help="Give RUN instructions a capability, or ALL (repeatable)", complete="capabilities"),
    Flag(
        "cap-drop",
        "strings",
        help="Take a capability from RUN instructions, or ALL (repeatable)",
        complete="capabilities",
    ),
)

NAMESPACES = (
    Flag("cgroupns", help="Control group namespace: private or host", complete="namespaces"),
    Flag("ipc", help="IPC namespace: private, host or a path", metavar="path", complete="namespaces"),
    Flag("pid", help="Process namespace: private, host or a path", metavar="path", complete="namespaces"),
    Flag("uts", help="Host name namespace: private, host or a path", metavar="path", complete="namespaces"),
)

USERNS = (
    Flag("userns", help="User namespace: private, host, auto, keep-id or a path", metavar="path", complete="userns"),
    Flag("userns-gid-map", "strings", help="Map group ids, as container:host:count (repeatable)", metavar="containerGID:hostGID:length", complete="none"),
    Flag("userns-gid-map-group", help="Name in /etc/subgid whose ranges map group ids", metavar="name", complete="none"),
    Flag("userns-uid-map", "strings", help="Map user ids, as container:host:count (repeatable)", metavar="containerUID:hostUID:length", complete="none"),
    Flag("userns-uid-map-user", help="Name in /etc/subuid whose ranges map user ids", metavar="name", complete="none"),
)  # fmt: skip

RUN_STEPS = (
    Flag("device", "stringArray", help="Let RUN instructions use a device (repeatable)", complete="files"),
    Flag("group-add", "strings", help="Run with another group as well; keep-groups for the caller's (repeatable)", complete="none"),
    Flag("http-proxy", "bool", default=True, help="Take over the caller's proxy settings"),
    Flag("isolation", help="How RUN instructions are kept apart: oci, rootless or chroot", choices=("", "oci", "default", "rootless", "chroot"), metavar="type", shown="oci"),
    Flag("security-opt", "stringArray", help="Security option: seccomp=FILE, label=..., ... (repeatable)", complete="none"),
    Flag("volume", "stringArray", "v", help="Mount a directory for RUN instructions, as source:target[:options] (repeatable)", complete="dirs"),
)  # fmt: skip

TARGET_PLATFORM = (
    Flag("arch", help="Architecture of the image", shown="this machine's", complete="archs"),
    Flag("os", help="Operating system of the image", shown="linux", complete="none"),
    Flag("platform", "strings", help="Platforms of the image, as os/arch[/variant] (repeatable)", metavar="OS/ARCH[/VARIANT]", complete="platforms"),
    Flag("variant", help="Variant of the architecture", metavar="variant", complete="none"),
)  # fmt: skip

PULL = (
    Flag("pull", default="missing", help="When to pull base images: always, missing, never or newer", choices=("always", "missing", "ifmissing", "notpresent", "never", "newer", "ifnewer", "true", "false", "1", "0"), noopt="always"),
    Flag("retry", "int", help="How often to try again when a registry fails", shown="3"),
    Flag("retry-delay", help="Time between tries", complete="none"),
    Flag("decryption-key", "strings", help="Key for encrypted images (repeatable)", complete="files"),
    AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY,
)  # fmt: skip

SBOM = (
    Flag("sbom", help="Make a list of the image's software by this preset", metavar="preset", complete="none"),
    Flag("sbom-image-output", help="Keep the list in the image at this path", metavar="path", complete="none"),
    Flag("sbom-image-purl-output", help="Keep the package URLs in the image at this path", metavar="path", complete="none"),
    Flag("sbom-merge-strategy", help="How the lists of several scanners are joined", metavar="strategy", complete="none"),
    Flag("sbom-output", help="Write the list to this file", metavar="file", complete="files"),
    Flag("sbom-purl-output", help="Write the package URLs to this file", metavar="file", complete="files"),
    Flag("sbom-scanner-command", "stringArray", help="Command of the scanner (repeatable)", metavar="command", complete="none"),
    Flag("sbom-scanner-image", help="Image of the scanner", metavar="image", complete="images"),
)  # fmt: skip

# Of an image that is being written, by build and by commit.
COMMITTED = (
    Flag("created-annotation", "bool", default=True, help="Note the time of creation in an annotation"),
    Flag("cw", help="Write an image for confidential workloads with these options", metavar="options", complete="none"),
    Flag("disable-compression", "bool", "D", default=True, help="Leave layers uncompressed"),
    Flag("format", default="oci", help="Type of the image", choices=("oci", "docker"), metavar="format"),
    Flag("identity-label", "bool", default=True, help="Note the builder's name and version in a label"),
    Flag("manifest", help="Add the image to this manifest list, making it if needed", complete="images"),
    Flag("omit-history", "bool", help="Leave the history out of the image"),
    Flag("rewrite-timestamp", "bool", help="Set times in layers no later than --source-date-epoch"),
    Flag("sign-by", help="Sign the image with this GPG key", metavar="FINGERPRINT", complete="none"),
    Flag("source-date-epoch", help="Time of creation, in seconds since 1970", metavar="seconds", complete="none"),
    Flag("squash", "bool", help="Make one layer of all new ones"),
    Flag("timestamp", help="Time of creation and of every file, in seconds since 1970", metavar="seconds", complete="none"),
    Flag("unsetannotation", "strings", help="Drop an annotation that the base image sets (repeatable)", complete="none"),
    Flag("unsetenv", "strings", help="Drop a variable that the base image sets (repeatable)", complete="none"),
)  # fmt: skip

RECIPE = (
    Flag("all-platforms", "bool", help="Build for every platform that the base images have"),
    Flag("annotation", "stringArray", help="Add an annotation, as key=value (repeatable)", complete="none"),
    Flag("build-arg", "stringArray", help="Value of a build argument, as name=value (repeatable)", metavar="argument=value", complete="none"),
    Flag("build-arg-file", "stringArray", help="Read build arguments from a file (repeatable)", metavar="argfile.conf", complete="files"),
    Flag("build-context", "stringArray", help="Another context for COPY --from and FROM, as name=place (repeatable)", metavar="argument=value", complete="none"),
    Flag("cache-from", "stringArray", help="Repository to take cached layers from (repeatable)", complete="none"),
    Flag("cache-to", "stringArray", help="Repository to put cached layers into (repeatable)", complete="none"),
    Flag("cache-ttl", help="Use only cached layers younger than this", complete="none"),
    Flag("compat-volumes", "bool", help="Keep what volumes hold as the base image has it"),
    Flag("compress", "bool", help="Accepted for scripts written for Docker; does nothing"),
    Flag("cpp-flag", "stringArray", help="Flag for the C preprocessor of a .in file (repeatable)", complete="none"),
    Flag("disable-content-trust", "bool", help="Accepted for scripts written for Docker; does nothing"),
    Flag("env", "stringArray", help="Set an environment variable in the image (repeatable)", complete="none"),
    Flag("file", "strings", "f", help="Containerfile to build by, a path or URL (repeatable)", metavar="pathname or URL", complete="files"),
    Flag("force-rm", "bool", default=True, help="Remove build containers, also after a failure"),
    Flag("from", help="Use this image in the first FROM", complete="images"),
    Flag("hooks-dir", "stringArray", help="Read OCI hooks from this directory (repeatable)", complete="dirs"),
    Flag("ignorefile", help="Ignore file to use instead of .containerignore", complete="files"),
    Flag("iidfile", help="Write the image's id to this file", metavar="file", complete="files"),
    Flag("inherit-annotations", "bool", default=True, help="Keep the base image's annotations"),
    Flag("inherit-labels", "bool", default=True, help="Keep the base image's labels"),
    Flag("jobs", "int", default=1, help="How many stages to build at a time; 0 for all"),
    Flag("label", "stringArray", help="Add a label, as key=value (repeatable)", complete="none"),
    Flag("layer-label", "stringArray", help="Add a label to intermediate images (repeatable)", complete="none"),
    Flag("layers", "bool", default=True, help="Keep a layer for each instruction and use them again"),
    Flag("logfile", help="Write the build's output to this file", metavar="file", complete="files"),
    Flag("logsplit", "bool", help="Write one log file for each platform"),
    Flag("no-cache", "bool", help="Use no cached layers"),
    Flag("no-hostname", "bool", help="Leave /etc/hostname alone in RUN instructions"),
    Flag("no-hosts", "bool", help="Leave /etc/hosts alone in RUN instructions"),
    Flag("os-feature", "stringArray", help="Feature that the image needs of its system (repeatable)", metavar="feature", complete="none"),
    Flag("os-version", help="Version of the system that the image is for", metavar="version", complete="none"),
    Flag("output", "stringArray", "o", help="Write the result as type=local|tar,dest=PATH (repeatable)", complete="files"),
    Flag("quiet", "bool", "q", help="Print the image's id only"),
    Flag("rm", "bool", default=True, help="Remove build containers after success"),
    Flag("runtime-flag", "strings", help="Global flag for the OCI runtime, without the dashes (repeatable)", complete="none"),
    Flag("secret", "stringArray", help="Secret for RUN --mount, as id=...,src=...|env=... (repeatable)", complete="none"),
    Flag("skip-unused-stages", "bool", default=True, help="Leave out stages that the result does not need"),
    Flag("ssh", "stringArray", help="SSH agent or keys for RUN --mount (repeatable)", complete="none"),
    Flag("stdin", "bool", help="Let RUN instructions read standard input"),
    Flag("tag", "stringArray", "t", help="Name of the image (repeatable)", metavar="name", complete="images"),
    Flag("target", help="Stage to build up to", complete="none"),
    Flag("unsetlabel", "strings", help="Drop a label that the base image sets (repeatable)", complete="none"),
)  # fmt: skip

BUILD = (*RECIPE, *COMMITTED, *SBOM, *PULL, *TARGET_PLATFORM, *RUN_STEPS, *CAPABILITIES, *NAMESPACES, *USERNS, *RESOURCES, *NETWORK)  # fmt: skip

SQUASH_ALL = Flag("squash-all", "bool", help="Make one layer of all, the base image's too")
RUNTIME = Flag("runtime", help="OCI runtime for RUN instructions", metavar="path", complete="files")
