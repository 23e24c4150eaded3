import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { text } from "node:stream/consumers";

/**
 * Copies what LevelDB can still read. Entries are read one by one: LevelDB steps over what is damaged and tells it only
 * with the last portion, which is lost then. The end of standard input is the end of who started this: it must not go on
 * while somebody else opens the store.
 */
const PROGRAM = `
const [, library, from, to] = process.argv;
const { ClassicLevel } = require(library);
process.umask(0o077);
process.stdin.resume().on("end", () => process.exit(2));
async function rescue() {
  const encodings = { keyEncoding: "buffer", valueEncoding: "buffer" };
  const source = new ClassicLevel(from, { ...encodings, createIfMissing: false });
  try {
    await source.open();
  } catch (error) {
    if (error.cause?.code === "LEVEL_LOCKED") throw error;
    await ClassicLevel.repair(from);
    await source.open();
  }
  const target = new ClassicLevel(to, encodings);
  await target.open();
  const entries = source.iterator();
  for (let more = true; more; ) {
    const operations = [];
    while (more && operations.length < 1000) {
      const [entry] = await entries.nextv(1).catch(() => []);
      if (entry) operations.push({ type: "put", key: entry[0], value: entry[1] });
      else more = false;
    }
    await target.batch(operations, { sync: !more });
  }
  await target.close();
}
rescue().then(
  () => process.exit(0),
  (error) => {
    const { code, message } = error.cause ?? error;
    require("node:fs").writeSync(1, code + "\\n" + message);
    process.exit(1);
  },
);`;

/** LevelDB ended the process itself. */
const CRASHES: ReadonlySet<NodeJS.Signals | null> = new Set(["SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL"]);

/**
 * Copies what can be read of the damaged store `from`, which nobody may have open, to a new store `to`. In a process of
 * its own, because LevelDB ends the process when it finds the keys of a table in the wrong order; what was copied until
 * then remains.
 * @throws Error with what Node or LevelDB say when nothing could be copied
 */
export async function rescueDatabase(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  const child = spawn(process.execPath, ["-e", PROGRAM, require.resolve("classic-level"), from, to], {
    env: { ...process.env, NODE_OPTIONS: "" },
    stdio: ["pipe", "pipe", "ignore"],
    windowsHide: true,
  });
  const ended = new Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>((resolve, reject) => {
    child.once("error", reject).once("close", (code, signal) => resolve([code, signal]));
  });
  const [said, [code, signal]] = await Promise.all([text(child.stdout), ended]);
  // Windows has no signals: LevelDB's end shows as an exit code there.
  const crashed = CRASHES.has(signal) || (code !== null && code > 2);
  if (code !== 0 && !crashed) throw new Error(said || `The rescue of the store ended with ${signal ?? code}.`);
}
