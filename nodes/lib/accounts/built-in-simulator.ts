import { makeSimulatorKeys, Simulator, type SimulatorKeys } from "../../../src/simulator";
import { processOwned } from "../runtime/process-owned";

/** The value of `apiUrl` that means: no account, use the simulator that ships in this package. */
export const BUILT_IN_SIMULATOR = "simulator";

/** The keys of the process's simulator: random, and known before it starts. Nothing outside of this process needs them. */
export function builtInKeys(): SimulatorKeys {
  const owned = processOwned<SimulatorKeys>("simulator-keys");
  const keys = owned.get("built-in") ?? makeSimulatorKeys();
  owned.set("built-in", keys);
  return keys;
}

/** The process's simulator (http, loopback, any free port); started at first use. */
export function builtInSimulator(): Promise<Simulator> {
  const owned = processOwned<Promise<Simulator>>("simulator");
  let starting = owned.get("built-in");
  if (!starting) {
    starting = Simulator.start({ keys: builtInKeys() }).then((simulator) => simulator.unref());
    owned.set("built-in", starting);
    starting.catch(() => owned.delete("built-in"));
  }
  return starting;
}

/** The address of the process's simulator. */
export async function simulatorUrl(): Promise<string> {
  return (await builtInSimulator()).url;
}
