// `npm run simulator`: the simulator alone, for other programs, curl or a Node-RED elsewhere on this machine.
import { parseArgs } from "node:util";
import { SIMULATOR_BLOOMREACH_KEYS, SIMULATOR_KEYS } from "./keys";
import { Simulator } from "./simulator";

const HELP = `Plays the APIs of Voucherify and Bloomreach Engagement on this machine.

  npm run simulator -- --port 4010     the port (also PORT=4010); 4010 by default, 0 takes any free one
`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string" }, help: { type: "boolean", short: "h" } } });
  if (values.help) return void console.log(HELP);
  const port = Number(values.port ?? process.env.PORT ?? 4010);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error("The port must be a number from 0 to 65535.");
  const simulator = await Simulator.start({ port });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void simulator.stop());
  console.log(`
  The simulator is running: ${simulator.url}    (open it to see customers and requests)

  Voucherify    API URL ${simulator.url}
                Application ID ${SIMULATOR_KEYS.applicationId}
                Secret key ${SIMULATOR_KEYS.secretKey}
  Bloomreach    API base URL ${simulator.url}
                Project token ${SIMULATOR_BLOOMREACH_KEYS.projectToken}
                API Key ID ${SIMULATOR_BLOOMREACH_KEYS.apiKeyId}
                API secret ${SIMULATOR_BLOOMREACH_KEYS.apiSecret}

  Try it:
  curl -H "X-App-Id: ${SIMULATOR_KEYS.applicationId}" -H "X-App-Token: ${SIMULATOR_KEYS.secretKey}" ${simulator.url}/v1/customers

  For tests: GET ${simulator.url}/_simulator/log, GET .../customers, POST .../reset, POST .../faults
  (for example {"seed":1,"rate429":0.2,"only":{"path":"/v1/customers*"}}).
  Ctrl+C stops it.
`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
