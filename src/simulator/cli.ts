// `npm run simulator`: the simulator alone, for other programs, curl or a Node-RED elsewhere on this machine.
import { parseArgs } from "node:util";
import { makeSimulatorKeys, newSecret } from "./keys";
import { Simulator } from "./simulated-apis";

const HELP = `Plays the APIs of Voucherify and Bloomreach Engagement on this machine.

  npm run simulator -- --port 4010     the port (also PORT=4010); 4010 by default, 0 takes any free one

It makes new keys at each start and prints them. With SIMULATOR_SECRET=<a text of your own, 16 characters or more> the
keys are the same at each start: so several programs can share one simulator, and know its keys before it runs.
`;
/** Shorter ones could be guessed. */
const SHORTEST_SECRET = 16;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string" }, help: { type: "boolean", short: "h" } } });
  if (values.help) return void console.log(HELP);
  const port = Number(values.port ?? process.env.PORT ?? 4010);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error("The port must be a number from 0 to 65535.");
  const secret = process.env.SIMULATOR_SECRET || newSecret();
  if (secret.length < SHORTEST_SECRET)
    throw new Error(`SIMULATOR_SECRET must have ${SHORTEST_SECRET} characters or more.`);
  // An account takes these keys as those of a project: this simulator stands outside of its Node-RED, at an address.
  const keys = makeSimulatorKeys({ secret, prefix: "shared" });
  const simulator = await Simulator.start({ port, keys });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void simulator.stop());
  console.log(`
  The simulator is running: ${simulator.url}    (open it to see customers and requests)

  Voucherify    API URL ${simulator.url}
                Application ID ${keys.applicationId}
                Secret key ${keys.secretKey}
  Bloomreach    API base URL ${simulator.url}
                Project token ${keys.projectToken}
                API Key ID ${keys.apiKeyId}
                API secret ${keys.apiSecret}

  The same keys next time: SIMULATOR_SECRET=${secret} npm run simulator

  Try it:
  curl -H "X-App-Id: ${keys.applicationId}" -H "X-App-Token: ${keys.secretKey}" ${simulator.url}/v1/customers

  For tests: GET ${simulator.url}/_simulator/log, GET .../customers, POST .../reset, POST .../faults
  (for example {"seed":1,"rate429":0.2,"only":{"path":"/v1/customers*"}}).
  Ctrl+C stops it.
`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
