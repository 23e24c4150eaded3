import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const CLI = join(__dirname, "..", "..", "src", "simulator", "cli.ts");
const run = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  spawn(process.execPath, ["--import", "tsx", CLI, ...args], { env: { ...process.env, ...env } });
const start = (...args: string[]) => run({}, ...args);

/** What it prints until it runs. */
async function printed(child: ReturnType<typeof start>): Promise<string> {
  let output = "";
  for await (const chunk of child.stdout) {
    output += String(chunk);
    if (output.includes("Ctrl+C")) break;
  }
  return output;
}

/** What it prints about keys, by name. */
const keysIn = (output: string): Record<string, string> =>
  Object.fromEntries(
    [...output.matchAll(/(Application ID|Secret key|Project token|API Key ID|API secret) (\S+)/g)].map(
      ([, name = "", key = ""]) => [name, key],
    ),
  );

describe("npm run simulator", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    it(`prints address and keys, and ends cleanly at ${signal}`, async () => {
      const child = start("--port", "0");
      const output = await printed(child);
      const url = /running: (http:\S+)/.exec(output)?.[1] ?? "";
      assert.equal((await fetch(`${url}/_simulator/log`)).status, 200);
      const keys = keysIn(output);
      assert.equal(Object.keys(keys).length, 5);
      const headers = { "x-app-id": keys["Application ID"]!, "x-app-token": keys["Secret key"]! };
      assert.equal((await fetch(`${url}/v1/customers`, { headers })).status, 200);
      child.kill(signal);
      const [code] = (await once(child, "exit")) as [number | null];
      assert.equal(code, 0);
    });

  it("has other keys at each start, and the same ones with the same SIMULATOR_SECRET", async () => {
    const env = { SIMULATOR_SECRET: "a text of sixteen or more" };
    const children = [start("--port", "0"), run(env, "--port", "0"), run(env, "--port", "0")];
    const [random, one, other] = (await Promise.all(children.map(printed))).map(keysIn);
    for (const child of children) child.kill();
    assert.deepEqual(one, other);
    assert.notDeepEqual(one, random);
  });

  it("refuses a secret that could be guessed", async () => {
    const child = run({ SIMULATOR_SECRET: "short" }, "--port", "0");
    let errors = "";
    child.stderr.on("data", (chunk) => (errors += String(chunk)));
    await once(child, "close");
    assert.match(errors, /16 characters or more/);
  });

  it("refuses a port that is none", async () => {
    const child = start("--port", "x");
    let errors = "";
    child.stderr.on("data", (chunk) => (errors += String(chunk)));
    const [code] = (await once(child, "close")) as [number];
    assert.equal(code, 1);
    assert.match(errors, /port must be a number/);
  });
});
