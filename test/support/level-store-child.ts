import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyRange, KeyValueOperation } from "../../src/store/key-value/engine";
import { LevelStore } from "../../src/store/level/level-store";

/**
 * A process of its own with a LevelStore, driven over IPC (test/support/store-process.ts): it can be killed, be another
 * user, and have a small disk mounted that nobody else sees.
 */
async function start(): Promise<void> {
  const [folder = "", user = "", parent = ""] = process.argv.slice(2);
  if (user) {
    await import("classic-level"); // the other user may not be allowed to read it
    process.setgroups!([]);
    process.setgid!(Number(user));
    process.setuid!(Number(user));
  }
  const open = (): LevelStore => {
    const opened = LevelStore.open(folder, {
      log: (level, sentence) => process.send!({ log: { level, sentence } }),
      retryFirstMs: 20,
      retryCapMs: 100,
    });
    const tellProblem = (problem: string | undefined): unknown => process.send!({ problem: problem ?? null });
    tellProblem(opened.problem);
    opened.onProblem(tellProblem);
    return opened;
  };
  let store = open();

  const filler = join(parent, "filler");
  const calls: Record<string, (argument: never) => unknown> = {
    write: (operations: KeyValueOperation[]) => store.write(operations),
    read: (range: KeyRange) => store.read(range),
    reopen: async () => {
      await store.close();
      store = open();
      await store.ready();
    },
    /** Writes without end; tells each number once it is acknowledged. */
    writeForEver: async (callers: number) => {
      let last = 0;
      const one = async (): Promise<never> => {
        for (;;) {
          const number = ++last;
          const key = `lane/${String(number).padStart(16, "0")}`;
          await store.write([{ type: "put", key, value: { number, filling: "x".repeat(300) } }]);
          process.send!({ acknowledged: number });
        }
      };
      await Promise.all(Array.from({ length: callers }, one));
    },
    fillDisk: () => {
      try {
        for (let size = 1; ; size++) writeFileSync(filler, Buffer.alloc(4096), { flag: size === 1 ? "w" : "a" });
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    },
    freeDisk: () => rmSync(filler),
    remount: (options: string) => void execFileSync("mount", ["-o", `remount,${options}`, parent]),
  };
  process.on("message", ({ id, call, argument }: { id: number; call: string; argument: never }) => {
    void Promise.resolve()
      .then(() => calls[call]!(argument))
      .then(
        (result) => process.send!({ id, result }),
        (error: Error) => process.send!({ id, error: error.message, name: error.name }),
      );
  });
}

void start();
