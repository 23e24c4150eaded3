// npm run bench: measures, prints tables, and fails with a sentence for every rule that does not hold.
import { measureBacklogs } from "./backlog";
import { compareWebhooks } from "./webhooks";

async function main(): Promise<void> {
  const problems = [...(await compareWebhooks()), ...(await measureBacklogs())];
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

void main();
