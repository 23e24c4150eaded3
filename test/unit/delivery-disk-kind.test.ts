import assert from "node:assert/strict";
import { diskOf } from "../../src/store/level/disk-kind";

const CONTAINER = `\
900 800 0:50 / / rw,relatime master:300 - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
901 900 0:51 / /proc rw,nosuid - proc proc rw
902 900 0:52 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k
903 902 0:53 / /dev/shm rw - tmpfs shm rw,size=65536k
904 900 254:1 /var/lib/docker/volumes/node-red/_data /data rw,relatime master:1 shared:7 - ext4 /dev/vda1 rw
905 904 0:60 / /data/shared rw - nfs4 10.0.0.1:/export rw,vers=4.2
906 900 8:1 /home/me/my\\040folder /srv/my\\040folder\\134x rw - xfs /dev/sda1 rw
907 900 0:61 / /late rw - autofs systemd-1 rw
908 907 0:62 / /late rw - cifs //server/share rw,username=me
`;

describe("the disk of a folder, from the text of mountinfo", () => {
  for (const [path, kind, fileSystem] of [
    ["/", "container-layer", "overlay"],
    ["/usr/src/node-red/.node-red", "container-layer", "overlay"],
    ["/dev/shm/queue", "memory", "tmpfs"],
    ["/data", "lasting", "ext4"],
    ["/data/bloomreach-voucherify/queue", "lasting", "ext4"],
    ["/database", "container-layer", "overlay"],
    ["/data/shared/queue", "network", "nfs4"],
    ["/srv/my folder\\x/queue", "lasting", "xfs"],
    ["/srv/my", "container-layer", "overlay"],
    ["/late/queue", "network", "cifs"],
  ] as const)
    it(`${path}: ${kind}`, () => assert.deepEqual(diskOf(path, CONTAINER), { kind, fileSystem }));

  const names = {
    network:
      "nfs nfs3 nfs4 cifs smb2 smb3 9p fuse.sshfs fuse.s3fs fuse.glusterfs glusterfs ceph fuse.ceph lustre fuse.gcsfuse",
    memory: "tmpfs ramfs",
    "container-layer": "overlay overlayfs aufs fuse.fuse-overlayfs",
    lasting: "ext4 xfs btrfs zfs f2fs vfat ntfs3 fuseblk virtiofs apfs bcachefs",
  } as const;
  for (const [kind, list] of Object.entries(names))
    it(`${kind}: ${list}`, () => {
      for (const fileSystem of list.split(" "))
        assert.deepEqual(diskOf("/a", `1 0 8:1 / / rw - ${fileSystem} source rw`), { kind, fileSystem });
    });

  it("is not known from a text that does not tell", () => {
    for (const text of [
      "",
      "\n",
      "garbage",
      "1 0 8:1 / /other rw - ext4 x rw",
      "1 0 8:1 / / rw ext4 x rw",
      "1 0 8:1 / / rw -",
    ])
      assert.equal(diskOf("/a", text), undefined, text);
  });
});
