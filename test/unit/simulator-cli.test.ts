import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const CLI = join(__dirname, "..", "..", "src", "simulator", "cli.ts");
const start = (...args: string[]) => spawn(process.execPath, ["--import", "tsx", CLI, ...args]);

describe("npm run simulator", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    it(`prints address and keys, and ends cleanly at ${signal}`, async () => {
      const child = start("--port", "0");
      let output = "";
      for await (const chunk of child.stdout) {
        output += String(chunk);
        if (output.includes("Ctrl+C")) break;
      }
      const url = /running: (http:\S+)/.exec(output)?.[1] ?? "";
      assert.equal((await fetch(`${url}/_simulator/log`)).status, 200);
      assert.match(output, /simulator-secret-key/);
      child.kill(signal);
      const [code] = (await once(child, "exit")) as [number | null];
      assert.equal(code, 0);
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
