import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseStore } from "../../nodes/lib/delivery/store-choice";
import { StorePlace } from "../../nodes/lib/delivery/store-place";
import { moveContents } from "../../src/store/level/folder-move";
import { LevelStore } from "../../src/store/level/level-store";
import { waitFor } from "../support/wait-for";

const STORE = "BLOOMREACH_VOUCHERIFY_STORE";
const ALLOW = "BLOOMREACH_VOUCHERIFY_ALLOW_NETWORK_DISK";
/** Everything on one disk with this file system. */
const mounts = (fileSystem: string) => (): string => `1 0 8:1 / / rw - ${fileSystem} source rw\n`;

describe("where the queues are kept", () => {
  const choose = (environment: Record<string, string>, settings: object): ReturnType<typeof chooseStore> =>
    chooseStore({ environment, settings: { userDir: "/user", ...settings }, workingDirectory: "/work" });
  const USER = "/user/bloomreach-voucherify";
  const WORK = "/work/bloomreach-voucherify";
  const named = (store: unknown): object => ({ bloomreachVoucherify: { store } });

  for (const [title, environment, settings, folder, defaults] of [
    ["the user directory", {}, {}, USER, []],
    ["the working directory without a user directory", {}, { userDir: undefined }, WORK, []],
    ["the working directory on FlowFuse", {}, { flowforge: {} }, WORK, [USER]],
    ["the same on FlowFuse where both are one", {}, { flowforge: {}, userDir: "/work" }, WORK, []],
    ["settings.js", {}, named("/data/queue"), "/data/queue", [USER]],
    ["settings.js on FlowFuse", {}, { ...named("/data/queue"), flowforge: {} }, "/data/queue", [USER, WORK]],
    ["the variable before settings.js", { [STORE]: " /mnt/a " }, named("/data/queue"), "/mnt/a", [USER]],
    ["nothing but blanks is no name", { [STORE]: " " }, named(""), USER, []],
    ["the default by name", { [STORE]: USER }, {}, USER, []],
  ] as const)
    it(title, () => {
      const choice = choose(environment, settings);
      assert.deepEqual([choice.folder, choice.defaults, choice.problem], [folder, defaults, undefined]);
    });

  for (const [store, sentence] of [
    ["postgres://me:hush@db/queues", /is a PostgreSQL address, which this release cannot use yet\. Name a folder/],
    ["postgresql://me:hush@db/queues", /PostgreSQL/],
    ["queue", /must be the whole path of a folder/],
    ["redis://me:hush@x", /must be the whole path of a folder/],
    [7, /as text/],
  ] as const)
    it(`${String(store)} cannot be used, and is not repeated`, () => {
      for (const choice of [
        choose({}, named(store)),
        ...(typeof store === "string" ? [choose({ [STORE]: store }, {})] : []),
      ]) {
        assert.match(choice.problem ?? "", sentence);
        assert.match(choice.problem ?? "", /webhooks get 500/);
        assert.doesNotMatch(JSON.stringify(choice), /hush/);
        assert.equal(choice.folder, USER);
      }
    });

  for (const [variable, setting, allowed] of [
    [undefined, undefined, false],
    ["true", undefined, true],
    ["1", false, true],
    ["false", true, false],
    ["", true, true],
    [undefined, "true", false],
  ] as const)
    it(`a network disk is ${allowed ? "" : "not "}allowed: variable ${variable}, setting ${setting}`, () => {
      const settings = { bloomreachVoucherify: { allowNetworkDisk: setting } };
      assert.equal(choose(variable === undefined ? {} : { [ALLOW]: variable }, settings).allowsNetworkDisk, allowed);
    });
});

describe("the place of the queues", () => {
  let root: string;
  let userDir: string;
  let workingDirectory: string;
  let told: string[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "store-place-"));
    [userDir, workingDirectory] = [join(root, "user"), join(root, "work")];
    mkdirSync(userDir);
    mkdirSync(workingDirectory);
    told = [];
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const place = (
    { store, settings = {}, allow }: { store?: string; settings?: object; allow?: string },
    readMounts: () => string | undefined = mounts("ext4"),
  ): StorePlace =>
    new StorePlace(
      chooseStore({
        environment: { [STORE]: store, [ALLOW]: allow },
        settings: { userDir, ...settings },
        workingDirectory,
      }),
      (level, sentence) => void told.push(`${level}: ${sentence}`),
      readMounts,
    );
  const ours = (folder: string): string => join(folder, "bloomreach-voucherify");
  /** Leaves a store that holds one record, or none. */
  const leaveStore = async (folder: string, key: string | undefined): Promise<void> => {
    const store = LevelStore.open(join(folder, "queue"));
    await store.ready();
    if (key !== undefined) await store.write([{ type: "put", key, value: "kept" }]);
    await store.close();
  };
  const kept = async (queue: string, key: string): Promise<unknown> => {
    const store = LevelStore.open(queue);
    await store.ready();
    const [value] = await store.get([key]);
    await store.close();
    return value;
  };
  const FLOWFUSE = { settings: { flowforge: {} } };

  it("tells the folder and its file system", async () => {
    const { folder } = place({});
    await place({}).tellAll();
    assert.deepEqual(told, [`info: What is accepted and not yet delivered is kept in ${folder} (file system ext4).`]);
    assert.deepEqual(place({}).report(), { folder, fileSystem: "ext4" });
  });

  it("tells the folder alone where the system does not tell its disks", async () => {
    const { folder } = place({}, () => undefined);
    await place({}, () => undefined).tellAll();
    assert.deepEqual(told, [`info: What is accepted and not yet delivered is kept in ${folder}.`]);
    assert.deepEqual(place({}, () => undefined).report(), { folder });
  });

  for (const [fileSystem, warning] of [
    [
      "overlay",
      /lies in the container's own layer \(overlay\): .* lost when the container is replaced\. Mount a volume/,
    ],
    ["tmpfs", /lies in memory \(tmpfs\): .* restarts\. Mount a volume/],
  ] as const)
    it(`warns of ${fileSystem}, and keeps there`, async () => {
      const warned = place({}, mounts(fileSystem));
      await warned.tellAll();
      assert.match(told[1] ?? "", /^warn: /);
      assert.match(told[1] ?? "", warning);
      assert.match(warned.report().warning ?? "", warning);
      assert.equal(warned.unfit(), undefined);
    });

  it("follows links before it looks at the disk", () => {
    mkdirSync(join(root, "volume"));
    symlinkSync(join(root, "volume"), join(root, "link"));
    const text = `1 0 0:1 / / rw - overlay o rw\n2 1 8:1 / ${join(root, "volume")} rw - ext4 x rw\n`;
    assert.equal(place({ store: join(root, "link") }, () => text).report().fileSystem, "ext4");
  });

  it("refuses a network disk until it is allowed: the store keeps nothing and says why", async () => {
    const store = join(root, "share");
    const refused = place({ store }, mounts("nfs4"));
    const errors: string[] = [];
    const level = LevelStore.open(refused.queue, {
      unfit: () => refused.unfit(),
      log: (_, sentence) => errors.push(sentence),
    });
    await waitFor("the refusal", () => errors.length > 0);
    assert.match(level.problem ?? "", /lies on a network disk \(nfs4\).*ALLOW_NETWORK_DISK=true/);
    await assert.rejects(level.write([]), /network disk/);
    await level.close();
    assert.ok(!existsSync(refused.queue));

    const allowed = place({ store, allow: "true" }, mounts("nfs4"));
    assert.equal(allowed.unfit(), undefined);
    assert.match(allowed.report().warning ?? "", /network disk \(nfs4\), as you allowed/);
  });

  it("a disk that is mounted later ends the refusal without a restart", async () => {
    let fileSystem = "nfs4";
    const late = place({ store: join(root, "late") }, () => mounts(fileSystem)());
    const level = LevelStore.open(late.queue, { unfit: () => late.unfit(), retryFirstMs: 1, retryCapMs: 1 });
    await waitFor("the refusal", () => /network/.test(level.problem ?? ""));
    fileSystem = "ext4";
    await level.ready();
    assert.equal(level.problem, undefined);
    await level.close();
  });

  it("is closed to others where it is ours, and stays as it is where the user has named it", function () {
    if (process.platform === "win32") this.skip();
    const theirs = join(root, "theirs");
    for (const folder of [theirs, ours(userDir)]) {
      mkdirSync(folder);
      chmodSync(folder, 0o755);
    }
    place({ store: theirs });
    place({});
    assert.deepEqual(
      [theirs, ours(userDir)].map((folder) => statSync(folder).mode & 0o777),
      [0o755, 0o700],
    );
  });

  it("moves to the working directory on FlowFuse, with what waits and what belongs to it", async () => {
    await leaveStore(ours(userDir), "dead/1");
    writeFileSync(join(ours(userDir), "paths.json"), '{"/a":null}');
    const moved = place(FLOWFUSE);
    assert.equal(moved.folder, ours(workingDirectory));
    assert.match(told.join("\n"), /^warn: The queues were moved from .*user.* to .*work/);
    assert.ok(!existsSync(ours(userDir)));
    assert.equal(await kept(moved.queue, "dead/1"), "kept");
    assert.equal(readFileSync(moved.pathsFile, "utf8"), '{"/a":null}');
  });

  it("stays on FlowFuse where it is when it cannot be moved, and says so", async () => {
    await leaveStore(ours(userDir), "dead/1");
    writeFileSync(ours(workingDirectory), "a file in the way");
    const stayed = place(FLOWFUSE);
    assert.equal(stayed.folder, ours(userDir));
    assert.match(told.join("\n"), /^error: The queues could not be moved .* so they are used where they are/);
    assert.equal(await kept(stayed.queue, "dead/1"), "kept");
  });

  it("moves nothing onto a network disk that is refused", async () => {
    await leaveStore(ours(userDir), "dead/1");
    assert.match(place(FLOWFUSE, mounts("nfs4")).unfit() ?? "", /network disk/);
    assert.ok(existsSync(join(ours(userDir), "queue", "CURRENT")));
  });

  it("moves nothing over a store that is there, and says what waits in the other", async () => {
    await leaveStore(ours(userDir), "dead/1");
    await leaveStore(ours(workingDirectory), "dead/2");
    const both = place(FLOWFUSE);
    await both.tellAll();
    assert.match(told.join("\n"), /error: Records wait.*in the folder .*user/);
    assert.equal(await kept(both.queue, "dead/2"), "kept");
    assert.ok(existsSync(join(ours(userDir), "queue", "CURRENT")));
  });

  for (const [key, tells] of [
    ["dead/1", true],
    ["inbox/1", true],
    ["lane/n/record/1", true],
    ["seen/1", false],
    [undefined, false],
  ] as const)
    it(`${tells ? "tells" : "does not tell"} of a store in the old place that holds ${key ?? "nothing"}`, async () => {
      await leaveStore(ours(userDir), key);
      const other = place({ store: join(root, "named") });
      await other.tellAll();
      assert.equal(
        told.some((line) => /^error: Records wait.*move .* to /.test(line)),
        tells,
        told.join("\n"),
      );
      assert.ok(existsSync(join(ours(userDir), "queue", "CURRENT")));
    });

  it("does not forget a place that was named before", async () => {
    const [first, second] = [join(root, "first"), join(root, "second")];
    await place({ store: first }).tellAll();
    await leaveStore(first, "dead/1");
    for (const now of [place({ store: second }), place({})]) {
      told = [];
      await now.tellAll();
      assert.ok(
        told.some((line) => line.startsWith("error: Records wait") && line.includes(first)),
        told.join("\n"),
      );
    }
    rmSync(first, { recursive: true });
    told = [];
    await place({}).tellAll();
    assert.equal(told.length, 1);
  });
});

describe("moving a folder to another disk", () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), "folder-move-"))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const make = (folder: string, files: Record<string, string>): void => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(folder, name, ".."), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  };

  it("copies between two disks, and leaves nothing behind", function () {
    if (!existsSync("/dev/shm") || statSync("/dev/shm").dev === statSync(root).dev) this.skip();
    const from = mkdtempSync("/dev/shm/folder-move-");
    try {
      make(from, { "queue/CURRENT": "c", "queue/1.log": "l", "paths.json": "{}" });
      moveContents(from, join(root, "to"));
      assert.ok(!existsSync(from));
      assert.equal(readFileSync(join(root, "to", "queue", "1.log"), "utf8"), "l");
      assert.deepEqual(readdirSync(join(root, "to")).sort(), ["paths.json", "queue"]);
    } finally {
      rmSync(from, { recursive: true, force: true });
    }
  });

  for (const [title, from, to] of [
    ["while it was copied", { "queue/CURRENT": "c" }, { "queue.moving/CUR": "" }],
    ["before the copy took its place", { "queue.moved/CURRENT": "c" }, { "queue.moving/CURRENT": "c" }],
    ["before the old one was removed", { "queue.moved/CURRENT": "c" }, { "queue/CURRENT": "c" }],
  ] as const)
    it(`goes on after a crash ${title}`, () => {
      make(join(root, "from"), from);
      make(join(root, "to"), to);
      moveContents(join(root, "from"), join(root, "to"));
      assert.equal(readFileSync(join(root, "to", "queue", "CURRENT"), "utf8"), "c");
      assert.ok(!existsSync(join(root, "from")));
    });
});
