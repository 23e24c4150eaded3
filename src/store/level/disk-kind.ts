/**
 * What becomes of the files of a disk: `container-layer` goes with the container, `memory` with the machine, and on
 * `network` locks and synced writes are not what a database relies on. All others last.
 */
export type DiskKind = "lasting" | "container-layer" | "memory" | "network";

export interface Disk {
  readonly kind: DiskKind;
  /** Name of the file system as Linux calls it, for example `ext4`. */
  readonly fileSystem: string;
}

/** Names of file systems as they stand in mountinfo. */
const KINDS: readonly (readonly [DiskKind, RegExp])[] = [
  ["container-layer", /^(fuse\.)?(overlay|overlayfs|fuse-overlayfs|aufs|unionfs)$/],
  ["memory", /^(tmpfs|ramfs|devtmpfs|rootfs)$/],
  [
    "network",
    /^(fuse\.)?(nfs\d?|cifs|smb\d?|smbfs|smbnetfs|9p|ncpfs|afs|coda|ceph|ceph-fuse|glusterfs|lustre|beegfs|gpfs|orangefs|pvfs2|moosefs|mfs|juicefs|sshfs|s3fs|mount-s3|mountpoint-s3|goofys|gcsfuse|blobfuse2?|rclone|davfs|curlftpfs)$/,
  ],
];

/**
 * The disk on which a path lies.
 * @param path absolute and without links
 * @param mountinfo text of `/proc/self/mountinfo` (man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html)
 * @returns undefined when the text does not tell
 */
export function diskOf(path: string, mountinfo: string): Disk | undefined {
  let mountPoint = "";
  let fileSystem: string | undefined;
  for (const line of mountinfo.split("\n")) {
    const mount = readMount(line);
    // Of two mounts in one place the later one lies on top.
    if (!mount || mount.point.length < mountPoint.length || !liesIn(path, mount.point)) continue;
    mountPoint = mount.point;
    fileSystem = mount.fileSystem;
  }
  if (fileSystem === undefined) return undefined;
  const name = fileSystem;
  return { kind: KINDS.find(([, names]) => names.test(name))?.[0] ?? "lasting", fileSystem };
}

/** `36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/sda1 rw`, with any number of fields before the hyphen. */
function readMount(line: string): { point: string; fileSystem: string } | undefined {
  const fields = line.split(" ");
  const point = fields[4];
  const fileSystem = fields[fields.indexOf("-", 6) + 1];
  if (!point?.startsWith("/") || !fields.includes("-", 6) || !fileSystem) return undefined;
  return { point: unescaped(point), fileSystem };
}

/** Space, tab, line feed and backslash are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

function liesIn(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}
