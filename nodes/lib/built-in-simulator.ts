import { Simulator } from "../../src/simulator";
import { processOwned } from "./process-owned";

/** The value of `apiUrl` that means: no account, use the simulator that ships in this package. */
export const BUILT_IN_SIMULATOR = "simulator";

/** The process's simulator (http, loopback, any free port); started at first use. */
export function builtInSimulator(): Promise<Simulator> {
  const owned = processOwned<Promise<Simulator>>("simulator");
  let starting = owned.get("built-in");
  if (!starting) {
    starting = Simulator.start({}).then((simulator) => simulator.unref());
    owned.set("built-in", starting);
    starting.catch(() => owned.delete("built-in"));
  }
  return starting;
}

/** The address of the process's simulator. */
export async function simulatorUrl(): Promise<string> {
  return (await builtInSimulator()).url;
}
