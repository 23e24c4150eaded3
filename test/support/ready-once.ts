import { nodeRedProgram } from "./node-red-process";
import { installedPackage, PACKED_PACKAGE } from "./packed-package";

/** Mocha runs this once, before the processes start that share the files among them: two must not install or pack at one time. */
export async function mochaGlobalSetup(): Promise<void> {
  await nodeRedProgram(5);
  process.env[PACKED_PACKAGE] = await installedPackage();
}
