import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeAPI } from "node-red";
import manifest from "../../package.json";
import { processOwned } from "../../nodes/lib/runtime/process-owned";
import { FlowUnderTest } from "../support/flow-under-test";
import { waitFor } from "../support/wait-for";

const root = join(__dirname, "../..");
const copy = mkdtempSync(join(tmpdir(), "next-release-"));
cpSync(join(root, "dist"), join(copy, "dist"), { recursive: true });
symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction");
const install = (version: string): void =>
  writeFileSync(join(copy, "package.json"), JSON.stringify({ ...manifest, version }));
install("99.0.0");
const ofCopy = (file: string): unknown => createRequire(__filename)(join(copy, "dist", "nodes", file)) as unknown;
const lookup = ofCopy("voucherify-lookup.js") as (RED: NodeAPI) => void;
const owned = ofCopy("lib/runtime/process-owned.js") as { processOwned: typeof processOwned };

describe("a second release in one process", () => {
  const flow = new FlowUnderTest([lookup]);
  after(() => {
    rmSync(copy, { recursive: true, force: true });
    // Whatever is tested next runs in this process too, with the release that came first.
    const key = Symbol.for("@bloomreach-voucherify/node-red/releases");
    (globalThis as unknown as Record<symbol, Set<string>>)[key]!.delete("99.0.0");
  });

  it("never sees what the first one owns, nor the first one what is the second's", () => {
    processOwned<string>("two-releases").set("thing", "of the first");
    assert.equal(owned.processOwned<string>("two-releases").get("thing"), undefined);
    owned.processOwned<string>("two-releases").set("thing", "of the second");
    assert.equal(processOwned<string>("two-releases").get("thing"), "of the first");
  });

  it("does nothing and says that Node-RED must be restarted, while the first one goes on", async () => {
    await flow.load([
      { id: "tab", type: "tab" },
      { id: "releases-voucherify", type: "bv-voucherify-account", apiUrl: "simulator" },
      { id: "second", type: "bv-voucherify-lookup", z: "tab", account: "releases-voucherify", wires: [[]] },
      {
        id: "releases-first",
        type: "bv-customer-upsert",
        z: "tab",
        account: "releases-voucherify",
        wires: [["behind"]],
      },
      { id: "behind", type: "helper", z: "tab" },
      { id: "catch", type: "catch", z: "tab", x: 1, y: 1, scope: ["second"], wires: [["failed"]] },
      { id: "failed", type: "helper", z: "tab" },
    ]);
    assert.equal(flow.status("second"), "voucherify-lookup.status.restart");
    flow.node("second").receive({ payload: { source_id: "ann" } });
    await waitFor("Catch", () => flow.of("failed").length === 1);
    const [{ error }] = flow.of("failed") as [{ error: { message: string } }];
    assert.match(error.message, /^Restart Node-RED: .* runs release [\d.]+ .* release 99\.0\.0 is installed/);
    flow.node("releases-first").receive({ payload: { registered: "ann" } });
    await waitFor("the first release", () => flow.of("behind").length === 1);
  });

  it("is noticed too when it replaces the files of the first one, whose code Node-RED has still loaded", () => {
    const { restartNeeded } = ofCopy("lib/runtime/release.js") as { restartNeeded: () => string | undefined };
    install("100.0.0");
    assert.match(restartNeeded() ?? "", /release 100\.0\.0 is installed/);
  });

  it("goes on while the files are gone, because the package was removed", () => {
    const { restartNeeded } = ofCopy("lib/runtime/release.js") as { restartNeeded: () => string | undefined };
    rmSync(join(copy, "package.json"));
    assert.match(restartNeeded() ?? "", /release 99\.0\.0 is installed/, "of its own code: nothing hangs or throws");
    install("99.0.0");
  });
});
